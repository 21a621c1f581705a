/**
 * The end of a task that nobody waits for any more: `release_task`.
 *
 * @module
 */

import { behaviour, fn, type FunctionRef } from "../calls/function.ts";
import { DO_NOTIFY_PARENT } from "../signal/notify.ts";
import { keepThreadUse } from "./cputime.ts";
import { TASK, type Task } from "./task.ts";
import type { Kernel } from "../kernel.ts";

/** Frees what is left of a task that has exited; with the last thread a first one that was waiting for it. (task) */
export const RELEASE_TASK: FunctionRef = behaviour("release_task", [
  fn("posix_cpu_timers_exit_group"),
  fn("detach_pid"),
  DO_NOTIFY_PARENT,
], (k, address = 0) => {
  const task = k.tasks.byAddress(address);
  if (task === undefined) return Number.NaN;
  const { leader } = task;
  const last = task.threadGroup.length === 1;
  if (last) k.call(fn("posix_cpu_timers_exit_group"), address);
  for (const type of last ? [0, 1, 2, 3] : [0]) k.call(fn("detach_pid"), address, type);
  release(k, task);
  const waits = leader !== task && leader.exitCode !== null && !leader.reaped &&
    leader.threadGroup.length === 1;
  if (!waits) return Number.NaN;
  const signal = TASK.exitSignal.get(k, leader.address);
  const unwanted = k.call(DO_NOTIFY_PARENT, leader.address, signal) !== 0;
  if (unwanted || leader.reapsItself || leader.parent === k.tasks.init) release(k, leader);
  return Number.NaN;
});

/** A task that releases itself still needs its stack to get to its end. */
function release(k: Kernel, task: Task): void {
  if (task.leader !== task) keepThreadUse(k, task);
  if (task === k.current) k.tasks.unhash(task);
  else k.tasks.release(task);
}
