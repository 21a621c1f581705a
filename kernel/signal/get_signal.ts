/**
 * Taking signals on the way back to user space: `get_signal`.
 *
 * @module
 */

import { blocking, fn, type FunctionRef } from "../calls/function.ts";
import type { Kernel } from "../kernel.ts";
import { DO_GROUP_EXIT } from "../process/exit.ts";
import { field, sizeOfStruct } from "../process/objects.ts";
import { TASK } from "../process/task.ts";
import { TASK_WORK_RUN } from "../process/task_work.ts";
import { tracepoint } from "../tracing/reference.ts";
import {
  actionOf,
  pendingSet,
  privatePending,
  SIGACTION,
  SIGNAL,
  signalOf,
  SIGPENDING,
  TASK_SIGNAL,
  writeSet,
} from "./fields.ts";
import {
  CLD_CONTINUED,
  CLD_STOPPED,
  inSet,
  JOBCTL_STOP_PENDING,
  SA_RESETHAND,
  SIG_DFL,
  SIG_IGN,
  SIG_KERNEL_COREDUMP,
  SIG_KERNEL_IGNORE,
  SIG_KERNEL_ONLY,
  SIG_KERNEL_STOP,
  SIGKILL,
  sigmask,
  SIGNAL_CLD_CONTINUED,
  SIGNAL_CLD_STOPPED,
  SIGNAL_GROUP_EXIT,
  SIGNAL_UNKILLABLE,
  SIGSTOP,
} from "./numbers.ts";
import { DO_NOTIFY_PARENT_CLDSTOP } from "./notify.ts";
import { DEQUEUE_SIGNAL, dequeueSynchronous, RECALC_SIGPENDING } from "./pending.ts";
import { siCode, siErrno, writeSiginfo } from "./siginfo.ts";
import { DO_SIGNAL_STOP, isCurrentPgrpOrphaned } from "./stop.ts";

/** `struct ksignal`: what is delivered. */
export const KSIGNAL = {
  ka: field("ksignal", "ka"),
  info: field("ksignal", "info"),
  sig: field("ksignal", "sig"),
} as const;

const DELIVER = tracepoint("signal:signal_deliver", "sig", "errno", "code", "sa_handler", "sa_flags");
const PF_SIGNALED = 0x400;
const CLD_MASK = SIGNAL_CLD_STOPPED | SIGNAL_CLD_CONTINUED;

/**
 * Takes signals until one has a handler (1, and `ksig` says which) or none is left (0). Default actions happen here: a
 * deadly one does not return. (ksig)
 */
export const GET_SIGNAL: FunctionRef = blocking(
  "get_signal",
  [
    TASK_WORK_RUN,
    DO_NOTIFY_PARENT_CLDSTOP,
    DO_SIGNAL_STOP,
    DEQUEUE_SIGNAL,
    RECALC_SIGPENDING,
    fn("do_coredump"),
    DO_GROUP_EXIT,
  ],
  function* (k, ksig = 0) {
    const task = k.current;
    if (task.taskWorks.length > 0) k.call(TASK_WORK_RUN);
    const group = signalOf(k, task);
    if (task.replayed) return takeRecorded(k, ksig);
    for (;;) {
      const flags = SIGNAL.flags.get(k, group);
      if ((flags & CLD_MASK) !== 0) {
        const why = (flags & SIGNAL_CLD_CONTINUED) !== 0 ? CLD_CONTINUED : CLD_STOPPED;
        SIGNAL.flags.set(k, group, flags & ~CLD_MASK);
        k.call(DO_NOTIFY_PARENT_CLDSTOP, task.address, 0, why);
      }
      if ((flags & SIGNAL_GROUP_EXIT) !== 0) {
        const pending = privatePending(k, task.address);
        writeSet(k, SIGPENDING.signal.at(k, pending), pendingSet(k, pending) & ~sigmask(SIGKILL));
        deliver(k, SIGKILL, 0, 0);
        k.call(RECALC_SIGPENDING);
        return die(k, SIGKILL, KSIGNAL.info.at(k, ksig));
      }
      if ((TASK_SIGNAL.jobctl.get(k, task.address) & JOBCTL_STOP_PENDING) !== 0) {
        if ((yield* k.calls.callBlocking(DO_SIGNAL_STOP, 0)) !== 0) continue;
      }
      const signal = take(k, ksig);
      if (signal === 0) {
        KSIGNAL.sig.set(k, ksig, 0);
        return 0;
      }
      if (act(k, ksig, signal)) return 1;
      if (!inSet(SIG_KERNEL_STOP, signal) || hasAction(k, signal)) continue;
      if (signal !== SIGSTOP && isCurrentPgrpOrphaned(k)) continue;
      yield* k.calls.callBlocking(DO_SIGNAL_STOP, signal);
    }
  },
);

/** The signal that a recording says is delivered: 1 where it has a handler. What else it does, the recording tells itself. */
function takeRecorded(k: Kernel, ksig: number): number {
  const task = k.current;
  const given = task.recordedSignal;
  if (given === null) return 0;
  const info = KSIGNAL.info.at(k, ksig);
  if (task.lastSignal !== given.signal || given.dies === null) {
    const { signal } = given;
    const blocked = TASK_SIGNAL.blocked.at(k, task.address);
    if (k.call(DEQUEUE_SIGNAL, task.address, blocked, info, KSIGNAL.sig.at(k, ksig)) === 0) {
      writeSiginfo(k, info, given.info);
    }
    deliver(k, signal, given.info.errno ?? 0, given.info.code);
  }
  if (given.dies !== null) return die(k, given.signal, info, given.dies);
  const action = actionOf(k, task.address, given.signal);
  const handler = SIGACTION.handler.get(k, action);
  if (handler === SIG_IGN || handler === SIG_DFL) return 0;
  keepAction(k, ksig, action, given.signal);
  return 1;
}

function take(k: Kernel, ksig: number): number {
  const task = k.current;
  const info = KSIGNAL.info.at(k, ksig);
  const own = dequeueSynchronous(k, task, info);
  if (own !== 0) return own;
  return k.call(
    DEQUEUE_SIGNAL,
    task.address,
    TASK_SIGNAL.blocked.at(k, task.address),
    info,
    KSIGNAL.sig.at(k, ksig),
  );
}

/** Does what the signal's action says; true when a handler is to run. A stop is left to the caller. */
function act(k: Kernel, ksig: number, signal: number): boolean {
  const info = KSIGNAL.info.at(k, ksig);
  deliver(k, signal, siErrno(k, info), siCode(k, info));
  const action = actionOf(k, k.current.address, signal);
  const handler = SIGACTION.handler.get(k, action);
  if (handler === SIG_IGN) return false;
  if (handler !== SIG_DFL) {
    keepAction(k, ksig, action, signal);
    return true;
  }
  if (inSet(SIG_KERNEL_IGNORE | SIG_KERNEL_STOP, signal)) return false;
  const unkillable = (SIGNAL.flags.get(k, signalOf(k, k.current)) & SIGNAL_UNKILLABLE) !== 0;
  if (unkillable && !inSet(SIG_KERNEL_ONLY, signal)) return false;
  die(k, signal, info);
  return false;
}

function keepAction(k: Kernel, ksig: number, action: number, signal: number): void {
  k.memory.writeBytes(KSIGNAL.ka.at(k, ksig), k.memory.readBytes(action, sizeOfStruct(k, "k_sigaction")));
  KSIGNAL.sig.set(k, ksig, signal);
  if ((SIGACTION.flags.get(k, action) & SA_RESETHAND) !== 0) SIGACTION.handler.set(k, action, SIG_DFL);
}

function die(k: Kernel, signal: number, info: number, status: number = signal): number {
  const { address } = k.current;
  TASK.flags.set(k, address, TASK.flags.get(k, address) | PF_SIGNALED);
  if (inSet(SIG_KERNEL_COREDUMP, signal)) k.call(fn("do_coredump"), info);
  return k.call(DO_GROUP_EXIT, status);
}

function hasAction(k: Kernel, signal: number): boolean {
  return SIGACTION.handler.get(k, actionOf(k, k.current.address, signal)) !== SIG_DFL;
}

function deliver(k: Kernel, signal: number, errno: number, code: number): void {
  if (!k.tracepoints.enabled(DELIVER)) return;
  const action = actionOf(k, k.current.address, signal);
  const [handler, flags] = [SIGACTION.handler.get(k, action), SIGACTION.flags.get(k, action)];
  k.tracepoints.fire(DELIVER, signal, errno, code, handler, flags);
}
