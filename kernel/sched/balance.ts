/**
 * Load balancing: a CPU that has less to do takes tasks that wait elsewhere.
 *
 * @module
 */

import { behaviour, fn, type FunctionRef } from "../calls/function.ts";
import { SOFTIRQ } from "../irq/vectors.ts";
import type { Kernel } from "../kernel.ts";
import type { Task } from "../process/task.ts";
import { migrate, SET_TASK_CPU } from "./placement.ts";
import { reschedule } from "./resched.ts";
import type { Rq } from "./rq.ts";

/** Jiffies are 4 ms: a domain of two CPUs balances every 2 to 32 of them. */
const BALANCE_INTERVAL = 8_000_000;

/** Takes a waiting task from the busiest CPU: how many. (this_rq, rf) */
export const SCHED_BALANCE_NEWIDLE: FunctionRef = behaviour(
  "sched_balance_newidle",
  [SET_TASK_CPU],
  (k, rqAddress = 0) => {
    const rq = k.scheduler.rqAt(rqAddress);
    if (rq === undefined || k.cpus === 1) return 0;
    return pull(k, rq, 2) ? 1 : 0;
  },
);

/** Pulls one task from the CPU that has most, if it has at least `more` and more than this one by that. */
function pull(k: Kernel, rq: Rq, more: number): boolean {
  let busiest: Rq | undefined;
  for (let cpu = 0; cpu < k.cpus; cpu++) {
    const other = k.scheduler.rq(cpu);
    if (other === rq || other.queued === 0) continue;
    if (other.nrRunning >= rq.nrRunning + more && other.nrRunning > (busiest?.nrRunning ?? 0)) {
      busiest = other;
    }
  }
  const task = busiest === undefined ? undefined : movable(k, busiest, rq.cpu);
  if (busiest === undefined || task === undefined) return false;
  migrate(k, busiest, rq, task);
  return true;
}

/** A task that waits there now and may run here: the one that has to wait longest. */
function movable(k: Kernel, from: Rq, cpu: number): Task | undefined {
  const tasks = from.tasks();
  for (let i = tasks.length - 1; i >= 0; i--) {
    const task = tasks[i] as Task;
    // In order of execution it may have been queued already, though later in time.
    if (task.se.waitStart > k.clock.now || from.claims.includes(task)) continue;
    if (task.se.allowed === null || task.se.allowed.has(cpu)) return task;
  }
  return undefined;
}

/** Whether to balance now: at the tick of a CPU. (rq) */
export const TRIGGER_LOAD_BALANCE: FunctionRef = behaviour(
  "trigger_load_balance",
  [fn("raise_softirq")],
  (k) => {
    const rq = k.scheduler.rq(k.cpu);
    if (k.clock.now < rq.nextBalance || k.cpus === 1) return Number.NaN;
    rq.nextBalance = k.clock.now + BALANCE_INTERVAL * (rq.curr === rq.idle ? 1 : 2);
    k.call(fn("raise_softirq"), SOFTIRQ.SCHED);
    return Number.NaN;
  },
);

/** The `SCHED` softirq. */
export const RUN_REBALANCE_DOMAINS: FunctionRef = behaviour("run_rebalance_domains", [SET_TASK_CPU], (k) => {
  const rq = k.scheduler.rq(k.cpu);
  if (pull(k, rq, 2) && rq.curr === rq.idle) reschedule(k, rq);
  // Idle CPUs have no tick of their own: one of them is asked to help (`nohz_balancer_kick`).
  if (rq.nrRunning >= 2) {
    for (let cpu = 0; cpu < k.cpus; cpu++) {
      const other = k.scheduler.rq(cpu);
      if (!other.isIdle || other.incoming > 0) continue;
      const task = movable(k, rq, cpu);
      if (task === undefined) break;
      migrate(k, rq, other, task);
      reschedule(k, other);
      break;
    }
  }
  return Number.NaN;
});
