/**
 * A program runs into the breakpoint of a uprobe: the exception, and the work on the way back to user space.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import { PtRegs } from "../arch/pt_regs.ts";
import { behaviour, fn, type FunctionRef } from "../calls/function.ts";
import type { Kernel } from "../kernel.ts";
import type { Task } from "../process/task.ts";
import { uprobesOf } from "./table.ts";
import { MAX_URETPROBE_DEPTH, type Uprobe } from "./uprobe.ts";
import { returnAddress, setReturnAddress, setUserRegister, userRegister } from "./user_registers.ts";

/** The address that hijacked functions return to: the start of the page for single steps, `[uprobes]`. */
export function trampolineAddress(k: Kernel): Addr {
  return k.arch.layout.userEnd - 4096;
}

const PRE_SSTEP = behaviour("uprobe_pre_sstep_notifier", [], () => 1);
const EXCEPTION_NOTIFY = behaviour(
  "arch_uprobe_exception_notify",
  [PRE_SSTEP],
  (k, _self, _val, data = 0) => {
    k.call(PRE_SSTEP, data);
    return 0x8001;
  },
);
const CALL_CHAIN = behaviour(
  "notifier_call_chain",
  [EXCEPTION_NOTIFY],
  (k, _nl, val = 0, data = 0) => k.call(EXCEPTION_NOTIFY, Number.NaN, val, data),
);
const ATOMIC_CHAIN = behaviour(
  "atomic_notifier_call_chain",
  [CALL_CHAIN],
  (k, head = Number.NaN, val = 0, data = 0) => k.call(CALL_CHAIN, head, val, data),
);
const NOTIFY_DIE = behaviour(
  "notify_die",
  [ATOMIC_CHAIN],
  (k, val = 0, _str, regs = 0) => k.call(ATOMIC_CHAIN, Number.NaN, val, regs),
);
const DO_INT3 = behaviour("do_int3", [NOTIFY_DIE], (k, regs = 0) => {
  k.call(NOTIFY_DIE, 3, Number.NaN, regs, 0, 3, 5);
  return 1;
});
const BREAKPOINT_HANDLER = behaviour(
  "uprobe_breakpoint_handler",
  [PRE_SSTEP],
  (k, regs = 0) => k.call(PRE_SSTEP, regs) === 0 ? 1 : 0,
);
const CALL_BREAK_HOOK = behaviour(
  "call_break_hook",
  [BREAKPOINT_HANDLER],
  (k, regs = 0, esr = 0) => k.call(BREAKPOINT_HANDLER, regs, esr),
);
const BRK_HANDLER = behaviour("brk_handler", [CALL_BREAK_HOOK], (k, _unused, esr = 0, regs = 0) => {
  k.call(CALL_BREAK_HOOK, regs, esr);
  return 0;
});
const DO_DEBUG_EXCEPTION = behaviour(
  "do_debug_exception",
  [BRK_HANDLER],
  (k, address = 0, esr = 0, regs = 0) => {
    k.call(BRK_HANDLER, address, esr, regs);
    return Number.NaN;
  },
);
/** `brk #5` of user space, as the syndrome register tells it. */
const ESR_UPROBE = 0xf2000005;

/** The registers of one kernel's hits; their contents are the user registers'. */
const registers = new WeakMap<Kernel, PtRegs>();

function userRegs(k: Kernel): PtRegs {
  let regs = registers.get(k);
  if (regs === undefined) registers.set(k, regs = new PtRegs(k.arch, k.memory));
  const bytes = k.memory.readBytes(k.current.userRegs, k.arch.regsSize);
  const halves = regs.begin();
  halves.set(new Int32Array(bytes.buffer, 0, Math.min(halves.length, bytes.length >> 2)));
  return regs;
}

/** What the dispatcher that is called next does. */
const tasks = new WeakMap<Kernel, () => void>();

function dispatched(k: Kernel): number {
  tasks.get(k)?.();
  return 0;
}

/** The tracing core's part: it tells the consumer. */
const DISPATCH = behaviour("uprobe_dispatcher", [], dispatched);
const DISPATCH_RETURN = behaviour("uretprobe_dispatcher", [], dispatched);

/** The work that a breakpoint left to do: consumers are told, the instruction is stepped over, the return is hijacked. */
export const UPROBE_NOTIFY_RESUME: FunctionRef = behaviour(
  "uprobe_notify_resume",
  [DISPATCH, DISPATCH_RETURN, fn("arch_uretprobe_hijack_return_addr"), fn("arch_uprobe_skip_sstep")],
  (k) => {
    const address = userRegister(k, k.current, k.arch.ipRegister);
    if (address === trampolineAddress(k)) handleTrampoline(k, k.current);
    else {
      const uprobe = uprobesOf(k).at(address);
      if (uprobe !== undefined) handleUprobe(k, k.current, uprobe, address);
    }
    return Number.NaN;
  },
);

/** A consumer is told while the dispatcher stands on the stack. */
function dispatch(k: Kernel, ref: FunctionRef, run: () => void): void {
  tasks.set(k, run);
  k.call(ref, Number.NaN, k.current.userRegs);
  tasks.delete(k);
}

function handleUprobe(k: Kernel, task: Task, uprobe: Uprobe, address: Addr): void {
  const regs = userRegs(k);
  for (const consumer of [...uprobe.consumers]) {
    const { handler } = consumer;
    if (handler !== undefined) dispatch(k, DISPATCH, () => handler(regs));
  }
  if (uprobe.consumers.some(({ retHandler }) => retHandler !== undefined)) follow(k, task, uprobe, address);
  k.call(fn("arch_uprobe_skip_sstep"), Number.NaN, task.userRegs);
}

/** `prepare_uretprobe`: the function is made to return to the trampoline. */
function follow(k: Kernel, task: Task, uprobe: Uprobe, entry: Addr): void {
  const { returns } = uprobesOf(k);
  let instances = returns.get(task);
  if (instances === undefined) returns.set(task, instances = []);
  if (instances.length >= MAX_URETPROBE_DEPTH) {
    for (const consumer of uprobe.consumers) if (consumer.retHandler !== undefined) consumer.nmissed++;
    return;
  }
  const origin = returnAddress(k, task);
  k.call(fn("arch_uretprobe_hijack_return_addr"), trampolineAddress(k), task.userRegs);
  setReturnAddress(k, task, trampolineAddress(k));
  instances.push({ uprobe, entry, origin });
}

/** `handle_trampoline`: the newest followed call has returned; calls that were jumped out of from it return with it. */
function handleTrampoline(k: Kernel, task: Task): void {
  const instances = uprobesOf(k).returns.get(task) ?? [];
  for (let instance = instances.pop(); instance !== undefined; instance = instances.pop()) {
    const { uprobe, entry, origin } = instance;
    setUserRegister(k, task, k.arch.ipRegister, origin);
    const regs = userRegs(k);
    for (const { retHandler } of [...uprobe.consumers]) {
      if (retHandler !== undefined) dispatch(k, DISPATCH_RETURN, () => retHandler(regs, entry));
    }
    if (origin !== trampolineAddress(k)) break;
  }
}

/** The running task's program executes the breakpoint at its instruction pointer. Takes no time: watching must not change it. */
export function executeBreakpoint(k: Kernel, task: Task): void {
  const address = userRegister(k, task, k.arch.ipRegister);
  if (k.image.arch === "arm64") {
    k.calls.enter(task, DO_DEBUG_EXCEPTION, [address, ESR_UPROBE, task.userRegs], 0, { kind: "debug" });
  } else {
    // The exception comes after the instruction.
    setUserRegister(k, task, k.arch.ipRegister, address + 1);
    k.calls.enter(task, DO_INT3, [task.userRegs], 0, { kind: "debug" });
    setUserRegister(k, task, k.arch.ipRegister, address);
  }
  k.calls.enter(task, UPROBE_NOTIFY_RESUME, [task.userRegs], 0, { kind: "debug_exit" });
}
