/**
 * Signals, as far as programs without handlers need them: sent by `kill` and by broken pipes, they end their target or
 * do nothing.
 *
 * @module
 */

import { behaviour, fn, type FunctionRef } from "../calls/function.ts";
import type { Kernel } from "../kernel.ts";
import { EINVAL, EPERM, ESRCH } from "../syscalls/errno.ts";
import { recorded } from "../fs/recorded.ts";
import { TASK, type Task, TASK_INTERRUPTIBLE, TASK_WAKEKILL } from "./task.ts";

/** Signals whose default is to do nothing, or to stop or continue, which the model leaves out. */
const HARMLESS: ReadonlySet<number> = new Set([17, 18, 19, 20, 21, 22, 23, 28]);
const NSIG = 64;

/** Leaves a signal with a task and wakes it. */
export function sendSignal(k: Kernel, target: Task, signal: number): void {
  if (signal === 0 || HARMLESS.has(signal) || target.exitCode !== null) return;
  target.pendingSignals.push(signal);
  if (target !== k.current) k.scheduler.wake(target);
}

/** Sends a signal to a task from inside the kernel. (sig, task, priv) */
export const SEND_SIG: FunctionRef = behaviour("send_sig", [], (k, signal = 0, address = 0) => {
  const target = k.tasks.byAddress(address);
  if (target !== undefined && recorded(k) === undefined) sendSignal(k, target, signal);
  return 0;
});

/** Sends a signal to the process of a `struct pid`: 0 or -errno. */
export const KILL_PID_INFO: FunctionRef = behaviour(
  "kill_pid_info",
  [fn("pid_task"), fn("do_send_sig_info")],
  (k, signal = 0, info = 0, pid = 0) => {
    const target = k.tasks.all().find((task) => TASK.threadPid.get(k, task.address) === pid);
    if (target === undefined) return -ESRCH;
    k.call(fn("pid_task"), pid, 0);
    if (k.current.uid !== 0 && k.current.uid !== target.uid) return -EPERM;
    k.call(fn("do_send_sig_info"), signal, info, target.address, 1);
    sendSignal(k, target, signal);
    return 0;
  },
);

/** `kill`: 0 or -errno. Negative pids mean process groups; here a group is a process and its children. */
export const KILL_SOMETHING_INFO: FunctionRef = behaviour(
  "kill_something_info",
  [fn("find_vpid"), KILL_PID_INFO],
  (k, signal = 0, info = 0, pid = 0) => {
    if (signal < 0 || signal > NSIG) return -EINVAL;
    const outcome = recorded(k);
    if (pid > 0) {
      const target = k.tasks.byPid(pid);
      k.call(fn("find_vpid"), pid);
      // In a replay the recording tells who ends when; the call itself changes nothing.
      if (outcome !== undefined) return outcome.ret;
      if (target === undefined) return -ESRCH;
      return k.call(KILL_PID_INFO, signal, info, TASK.threadPid.get(k, target.address));
    }
    if (outcome !== undefined) return outcome.ret;
    const group = pid === 0 ? k.current.tgid : -pid;
    const members = k.tasks.all().filter((task) => task.tgid === group || task.parent?.tgid === group);
    for (const member of members) sendSignal(k, member, signal);
    return members.length === 0 ? -ESRCH : 0;
  },
);

/** Whether a signal ends a sleep in `state` of `task` (`signal_pending_state`). */
export function signalPending(_k: Kernel, task: Task, state: number = TASK_INTERRUPTIBLE): boolean {
  return (state & (TASK_INTERRUPTIBLE | TASK_WAKEKILL)) !== 0 && task.pendingSignals.length > 0;
}

/** The signal that ends a task now, taken off its queue; 0 if there is none. */
export function fatalSignal(task: Task): number {
  return task.pendingSignals.shift() ?? 0;
}
