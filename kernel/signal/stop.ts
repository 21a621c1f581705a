/**
 * Stopping a process: `do_signal_stop`.
 *
 * @module
 */

import { type Blocking, blocking, type FunctionRef } from "../calls/function.ts";
import type { Kernel } from "../kernel.ts";
import { pidGroup } from "../process/pid.ts";
import { SCHEDULE, sleep } from "../process/sleep.ts";
import { type Task, TASK_STOPPED_STATE, TASK_WAKEKILL } from "../process/task.ts";
import { SIGNAL, signalOf, TASK_SIGNAL } from "./fields.ts";
import {
  CLD_STOPPED,
  JOBCTL_STOP_CONSUME,
  JOBCTL_STOP_DEQUEUED,
  JOBCTL_STOP_PENDING,
  JOBCTL_STOP_SIGMASK,
  JOBCTL_STOPPED,
  PIDTYPE_PGID,
  PIDTYPE_SID,
  SIGNAL_GROUP_EXIT,
  SIGNAL_STOP_MASK,
  SIGNAL_STOP_STOPPED,
} from "./numbers.ts";
import { DO_NOTIFY_PARENT_CLDSTOP } from "./notify.ts";
import { signalWakeUp, WAKES } from "./wake.ts";

/** Stops the running task until it is continued, with all threads of its process: 1, or 0 where no stop was wanted. (sig) */
export const DO_SIGNAL_STOP: FunctionRef = blocking(
  "do_signal_stop",
  [DO_NOTIFY_PARENT_CLDSTOP, SCHEDULE, ...WAKES],
  function* (k, signal = 0) {
    const task = k.current;
    if (!beginStop(k, task, signal)) return 0;
    const last = participate(k, task);
    TASK_SIGNAL.jobctl.set(k, task.address, TASK_SIGNAL.jobctl.get(k, task.address) | JOBCTL_STOPPED);
    task.state = TASK_STOPPED_STATE | TASK_WAKEKILL;
    if (last) k.call(DO_NOTIFY_PARENT_CLDSTOP, task.address, 0, CLD_STOPPED);
    yield* stopped(k, task);
    return 1;
  },
);

/** Nobody is left who could continue a group's stopped members: no parent in another group of the session. */
export function isCurrentPgrpOrphaned(k: Kernel): boolean {
  const group = pidGroup(k, k.current, PIDTYPE_PGID);
  return !k.tasks.leaders().some((task) => {
    const { parent } = task;
    if (pidGroup(k, task, PIDTYPE_PGID) !== group || parent === null || parent === k.tasks.init) return false;
    if (task.exitCode !== null) return false;
    return pidGroup(k, parent, PIDTYPE_PGID) !== group &&
      pidGroup(k, parent, PIDTYPE_SID) === pidGroup(k, task, PIDTYPE_SID);
  });
}

function* stopped(k: Kernel, task: Task): Blocking<void> {
  const until = (): boolean => (TASK_SIGNAL.jobctl.get(k, task.address) & JOBCTL_STOPPED) === 0;
  while (!until()) yield* sleep(k, {}, TASK_STOPPED_STATE | TASK_WAKEKILL);
}

function beginStop(k: Kernel, task: Task, signal: number): boolean {
  const group = signalOf(k, task);
  const jobctl = TASK_SIGNAL.jobctl.get(k, task.address);
  if ((jobctl & JOBCTL_STOP_PENDING) !== 0) return true;
  const flags = SIGNAL.flags.get(k, group);
  if ((jobctl & JOBCTL_STOP_DEQUEUED) === 0 || (flags & SIGNAL_GROUP_EXIT) !== 0) return false;
  if ((flags & SIGNAL_STOP_STOPPED) === 0) SIGNAL.groupExitCode.set(k, group, signal);
  SIGNAL.groupStopCount.set(k, group, 0);
  for (const thread of k.tasks.threads(task)) {
    if (thread.exitCode !== null || (thread.state & TASK_STOPPED_STATE) !== 0) continue;
    const before = TASK_SIGNAL.jobctl.get(k, thread.address) & ~(JOBCTL_STOP_SIGMASK | JOBCTL_STOP_DEQUEUED);
    const wanted = before | signal | JOBCTL_STOP_PENDING | JOBCTL_STOP_CONSUME;
    TASK_SIGNAL.jobctl.set(k, thread.address, wanted);
    SIGNAL.groupStopCount.add(k, group, 1);
    if (thread !== task) signalWakeUp(k, thread, false);
  }
  return true;
}

/** A thread does its part of a stop; true for the last one. */
function participate(k: Kernel, task: Task): boolean {
  const group = signalOf(k, task);
  const jobctl = TASK_SIGNAL.jobctl.get(k, task.address);
  TASK_SIGNAL.jobctl.set(k, task.address, jobctl & ~(JOBCTL_STOP_PENDING | JOBCTL_STOP_CONSUME));
  if ((jobctl & JOBCTL_STOP_CONSUME) === 0) return false;
  const count = SIGNAL.groupStopCount.get(k, group);
  if (count > 0) SIGNAL.groupStopCount.set(k, group, count - 1);
  const flags = SIGNAL.flags.get(k, group);
  if (count > 1 || (flags & SIGNAL_STOP_STOPPED) !== 0) return false;
  SIGNAL.flags.set(k, group, flags & ~SIGNAL_STOP_MASK | SIGNAL_STOP_STOPPED);
  return true;
}
