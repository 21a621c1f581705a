/**
 * Running a handler: the frame on the user stack that it starts with, and that `rt_sigreturn` takes down again.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import { behaviour, blocking, type FunctionRef } from "../calls/function.ts";
import type { Kernel } from "../kernel.ts";
import { field, sizeIfKnown, sizeOfStruct } from "../process/objects.ts";
import { popLocals, pushLocal } from "../process/stack.ts";
import type { Task } from "../process/task.ts";
import { stackPointer } from "../syscalls/registers.ts";
import type { SyscallRequest } from "../syscalls/request.ts";
import {
  EINTR,
  ERESTART_RESTARTBLOCK,
  ERESTARTNOHAND,
  ERESTARTNOINTR,
  ERESTARTSYS,
} from "../syscalls/errno.ts";
import { blockedOf, readSet, SIGACTION, TASK_SIGNAL, writeSet } from "./fields.ts";
import { GET_SIGNAL, KSIGNAL } from "./get_signal.ts";
import { restoreSavedSigmask, SET_CURRENT_BLOCKED, SET_TASK_BLOCKED, sigmaskToSave } from "./mask.ts";
import { SA_NODEFER, SA_ONSTACK, SA_RESTART, SA_SIGINFO, sigmask, type Sigset } from "./numbers.ts";
import { siginfoSize } from "./siginfo.ts";
import { mayStore } from "../process/user_store.ts";

/** A handler that is to run, or runs: what its frame says. */
export interface SignalFrame {
  readonly signal: number;
  /** Address of the handler. */
  readonly handler: Addr;
  /** Address of the frame on the user stack; 0 where the model knows no stack. */
  readonly address: Addr;
  /** User address of the `siginfo_t`, 0 without `SA_SIGINFO` or a stack. */
  readonly info: Addr;
  /** The mask to go back to. */
  readonly mask: Sigset;
  /** What the interrupted call returns. */
  readonly result: number;
  /** The call to make again after the handler, instead. */
  readonly restart: SyscallRequest | null;
  /** The handler was started on the alternate stack. */
  readonly onAltStack: boolean;
}

const FRAME = { info: field("rt_sigframe", "info"), uc: field("rt_sigframe", "uc") } as const;
const UC_SIGMASK = field("ucontext", "uc_sigmask");
/** Bytes below the stack pointer that a function may use without moving it. */
const RED_ZONE = 128;
const SS_DISABLE = 2;

/** Makes the frame: 0, or -errno where there is no room for it. (ksig, set, regs) */
const SETUP_RT_FRAME: FunctionRef = behaviour("setup_rt_frame", [], (k, ksig = 0, set = 0, regs = 0) => {
  place(k, ksig, set, regs);
  return 0;
});

/** What is left to do once the frame stands: the handler's mask. (failed, ksig, stepping) */
const SIGNAL_SETUP_DONE: FunctionRef = behaviour(
  "signal_setup_done",
  [SET_CURRENT_BLOCKED, SET_TASK_BLOCKED],
  (k, _failed, ksig = 0) => {
    const { address } = k.current;
    const ka = KSIGNAL.ka.at(k, ksig);
    let blocked = blockedOf(k, address) | readSet(k, SIGACTION.mask.at(k, ka));
    if ((SIGACTION.flags.get(k, ka) & SA_NODEFER) === 0) blocked |= sigmask(KSIGNAL.sig.get(k, ksig));
    k.current.restoreSigmask = false;
    const mark = k.current.locals;
    const set = pushLocal(k, 8);
    writeSet(k, set, blocked);
    k.call(SET_CURRENT_BLOCKED, set);
    popLocals(k, mark);
    return Number.NaN;
  },
);

/** `arch_do_signal_or_restart`: one signal's handler is set up, or the interrupted call is made again. (regs) */
function* doSignal(k: Kernel): Generator<{ until?: number }, number, void> {
  const task = k.current;
  const mark = task.locals;
  const ksig = pushLocal(k, sizeOfStruct(k, "ksignal"));
  const found = yield* k.calls.callBlocking(GET_SIGNAL, ksig);
  if (found !== 0) handleSignal(k, ksig);
  else {
    // No handler: the call is made again, unless it cannot be.
    const interrupted = task.interrupted;
    if (interrupted !== null) {
      task.interrupted = null;
      task.restartNow = RESTARTS.has(-interrupted.result);
    }
    restoreSavedSigmask(k);
  }
  popLocals(k, mark);
  return Number.NaN;
}

/** On x86. */
export const ARCH_DO_SIGNAL_OR_RESTART: FunctionRef = blocking(
  "arch_do_signal_or_restart",
  [GET_SIGNAL, SETUP_RT_FRAME, SIGNAL_SETUP_DONE, SET_TASK_BLOCKED],
  doSignal,
);
/** On arm64. */
export const DO_SIGNAL: FunctionRef = blocking(
  "do_signal",
  [GET_SIGNAL, SETUP_RT_FRAME, SIGNAL_SETUP_DONE, SET_TASK_BLOCKED],
  doSignal,
);

/** The function that takes signals on the way to user space. */
export function signalEntry(k: Kernel): FunctionRef {
  return k.archName === "arm64" ? DO_SIGNAL : ARCH_DO_SIGNAL_OR_RESTART;
}

/** Results of a call that a signal broke off. */
export const RESTARTS: ReadonlySet<number> = new Set([
  ERESTARTSYS,
  ERESTARTNOINTR,
  ERESTARTNOHAND,
  ERESTART_RESTARTBLOCK,
]);

/** Sets up the handler that `ksig` asks for (`handle_signal`). */
export function handleSignal(k: Kernel, ksig: Addr): void {
  const task = k.current;
  const ka = KSIGNAL.ka.at(k, ksig);
  const { interrupted } = task;
  let result = interrupted?.result ?? 0;
  let restart: SyscallRequest | null = null;
  if (interrupted !== null) {
    const again = result === -ERESTARTNOINTR ||
      (result === -ERESTARTSYS && (SIGACTION.flags.get(k, ka) & SA_RESTART) !== 0);
    if (again) restart = interrupted.request;
    if (RESTARTS.has(-result)) result = -EINTR;
  }
  // Handlers of further signals are set up before the first of them: they interrupt it, not the call.
  task.interrupted = null;
  const set = sigmaskToSave(k, task);
  const mask = readSet(k, set);
  k.call(SETUP_RT_FRAME, ksig, set, task.userRegs);
  const at = task.frameAddress;
  const wantsInfo = (SIGACTION.flags.get(k, ka) & SA_SIGINFO) !== 0;
  task.signalFrames.push({
    signal: KSIGNAL.sig.get(k, ksig),
    handler: SIGACTION.handler.get(k, ka),
    address: at,
    info: at === 0 || !wantsInfo ? 0 : at + infoOffset(k),
    mask,
    result,
    restart,
    onAltStack: onAltStack(k, task, at),
  });
  k.call(SIGNAL_SETUP_DONE, 0, ksig, 0);
}

/** Takes the newest frame down: the mask is as it was, the result is the interrupted call's. */
export function takeFrame(k: Kernel): SignalFrame | undefined {
  const frame = k.current.signalFrames.pop();
  if (frame === undefined) return undefined;
  const mark = k.current.locals;
  const set = pushLocal(k, 8);
  // The handler may have changed the mask where it lies.
  const kept = frame.address === 0 ? undefined : frame.address + maskOffset(k);
  writeSet(k, set, kept === undefined || kept === frame.address ? frame.mask : readSet(k, kept));
  k.call(SET_CURRENT_BLOCKED, set);
  popLocals(k, mark);
  return frame;
}

/** Whether a user stack pointer lies on the task's alternate stack. */
export function onAltStack(k: Kernel, task: Task, sp: Addr): boolean {
  const base = TASK_SIGNAL.altSp.get(k, task.address);
  const size = TASK_SIGNAL.altSize.get(k, task.address);
  return size > 0 && sp > base && sp - base <= size;
}

function place(k: Kernel, ksig: Addr, set: Addr, _regs: Addr): void {
  const task = k.current;
  task.frameAddress = 0;
  const ka = KSIGNAL.ka.at(k, ksig);
  let sp = task.signalFrames.at(-1)?.address ?? 0;
  if (sp === 0) sp = stackPointer(k, task);
  const altBase = TASK_SIGNAL.altSp.get(k, task.address);
  const altSize = TASK_SIGNAL.altSize.get(k, task.address);
  const wantsAlt = (SIGACTION.flags.get(k, ka) & SA_ONSTACK) !== 0;
  const usesAlt = wantsAlt && altSize > 0 && (TASK_SIGNAL.altFlags.get(k, task.address) & SS_DISABLE) === 0;
  if (usesAlt && !onAltStack(k, task, sp)) sp = altBase + altSize;
  else if (sp !== 0 && k.archName === "x86_64") sp -= RED_ZONE;
  const size = sizeIfKnown(k, "rt_sigframe");
  if (sp === 0 || size === 0) return;
  const at = Math.floor((sp - size) / 16) * 16 - (k.archName === "x86_64" ? 8 : 0);
  if (!mayStore(k, at, size)) return;
  k.memory.fill(at, size, 0);
  k.memory.writeBytes(at + infoOffset(k), k.memory.readBytes(KSIGNAL.info.at(k, ksig), siginfoSize(k)));
  writeSet(k, at + maskOffset(k), readSet(k, set));
  task.frameAddress = at;
}

function infoOffset(k: Kernel): number {
  return FRAME.info.offset(k);
}

function maskOffset(k: Kernel): number {
  return FRAME.uc.offset(k) + UC_SIGMASK.offset(k);
}
