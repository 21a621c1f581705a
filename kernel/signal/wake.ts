/**
 * Telling a task that a signal waits: `signal_wake_up_state`.
 *
 * @module
 */

import { behaviour, fn, type FunctionRef } from "../calls/function.ts";
import type { Kernel } from "../kernel.ts";
import { type Task, TASK_INTERRUPTIBLE, TASK_STOPPED_STATE, TASK_WAKEKILL } from "../process/task.ts";
import { WAKE_UP_STATE } from "../sched/wake_up.ts";
import { TASK_SIGNAL } from "./fields.ts";
import { JOBCTL_STOPPED } from "./numbers.ts";

/** A task in user space on another CPU comes into the kernel to look. */
const KICK_PROCESS: FunctionRef = behaviour("kick_process", [], (k, address = 0) => {
  const task = k.tasks.byAddress(address);
  if (task !== undefined && task !== k.current) k.scheduler.kick(task);
  return Number.NaN;
});

/** Sets `TIF_SIGPENDING` and wakes the task if it sleeps in a state that signals end. (task, state) */
export const SIGNAL_WAKE_UP_STATE: FunctionRef = behaviour(
  "signal_wake_up_state",
  [WAKE_UP_STATE, KICK_PROCESS],
  (k, address = 0, state = 0) => {
    const task = k.tasks.byAddress(address);
    if (task === undefined) return Number.NaN;
    task.sigPending = true;
    if (k.call(WAKE_UP_STATE, address, state | TASK_INTERRUPTIBLE) === 0) k.call(KICK_PROCESS, address);
    return Number.NaN;
  },
);

/** What those who call `signalWakeUp` list. */
export const WAKES: readonly FunctionRef[] = [
  SIGNAL_WAKE_UP_STATE,
  WAKE_UP_STATE,
  KICK_PROCESS,
  fn("try_to_wake_up"),
];

/** `signal_wake_up`: a fatal signal also ends uninterruptible waits that allow it, and stops. */
export function signalWakeUp(k: Kernel, task: Task, fatal: boolean): void {
  if (fatal) {
    const { address } = task;
    TASK_SIGNAL.jobctl.set(k, address, TASK_SIGNAL.jobctl.get(k, address) & ~JOBCTL_STOPPED);
  }
  k.call(SIGNAL_WAKE_UP_STATE, task.address, fatal ? TASK_WAKEKILL | TASK_STOPPED_STATE : 0);
}
