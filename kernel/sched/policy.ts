/**
 * Changing how a task is scheduled: `__sched_setscheduler`.
 *
 * @module
 */

import type { Kernel } from "../kernel.ts";
import { TASK, type Task } from "../process/task.ts";
import { SCHED } from "./fields.ts";
import { MAX_RT_PRIO } from "./weights.ts";

/** How long a `SCHED_RR` task runs before the next of its priority, in nanoseconds. */
export const RR_TIMESLICE = 100_000_000;

/** Gives a task a policy, a real-time priority (0 for none) and a niceness. */
export function setPolicy(k: Kernel, task: Task, policy: number, priority: number, nice: number): void {
  const { se, address } = task;
  const rq = k.scheduler.rq(task.cpu);
  const queued = se.position >= 0;
  if (queued) rq.take(task);
  se.policy = policy;
  se.rtPriority = priority;
  SCHED.policy.set(k, address, policy);
  SCHED.rtPriority.set(k, address, priority);
  k.scheduler.setNice(task, nice);
  if (priority > 0) {
    TASK.normalPrio.set(k, address, MAX_RT_PRIO - 1 - priority);
    TASK.prio.set(k, address, MAX_RT_PRIO - 1 - priority);
  }
  if (queued) rq.insert(task);
}

/** `sched_fork`: a child is scheduled as its parent is. */
export function inheritPolicy(k: Kernel, parent: Task, child: Task): void {
  const { nice, policy, rtPriority, allowed } = parent.se;
  child.se.allowed = allowed;
  if (nice !== 0 || policy !== 0) setPolicy(k, child, policy, rtPriority, nice);
}
