/**
 * What a task's time on a CPU counts: `update_curr` and where a newcomer begins (`place_entity`).
 *
 * @module
 */

import { behaviour, type FunctionRef } from "../calls/function.ts";
import type { Kernel } from "../kernel.ts";
import type { Task } from "../process/task.ts";
import { tracepoint } from "../tracing/reference.ts";
import { CFS_RQ, RQ, SCHED } from "./fields.ts";
import type { Rq } from "./rq.ts";
import { deltaFair } from "./weights.ts";

const STAT_RUNTIME = tracepoint("sched:sched_stat_runtime", "comm", "pid", "runtime", "vruntime");
const MS = 1e6;

/** The scheduler's tunables for a number of CPUs (`SCHED_TUNABLESCALING_LOG`), in nanoseconds. */
export interface Tunables {
  /** In which every runnable task gets its turn. */
  readonly latency: number;
  /** The least that a turn lasts. */
  readonly minGranularity: number;
  /** How far a woken task has to be behind to take the CPU at once. */
  readonly wakeupGranularity: number;
}

/** Those of a kernel with that many CPUs. */
export function tunablesOf(cpus: number): Tunables {
  const factor = 1 + Math.floor(Math.log2(Math.min(cpus, 8)));
  return { latency: 6 * MS * factor, minGranularity: 0.75 * MS * factor, wakeupGranularity: 1 * MS * factor };
}

/** `sched_slice`: how long a task's turn is, by its share of the CPU. */
export function sliceOf(k: Kernel, rq: Rq, task: Task, joins = 0): number {
  const { latency, minGranularity } = k.scheduler.tunables;
  const running = Math.max(1, rq.nrRunning + joins);
  const period = running > latency / minGranularity ? running * minGranularity : latency;
  const weight = rq.weight + (joins > 0 ? task.se.weight : 0);
  return weight <= 0 ? period : Math.max(minGranularity, Math.floor(period * task.se.weight / weight));
}

/** `update_rq_clock`'s result: the time as a run queue knows it. */
export function updateClock(k: Kernel, rq: Rq): void {
  const { now } = k.clock;
  if (now <= rq.clock) return;
  rq.clock = now;
  RQ.clock.set(k, rq.address, now);
  RQ.clockTask.set(k, rq.address, now);
}

/** Counts the running task's time up to now: nanoseconds, 0 where it has none to count. */
export function accountCurr(k: Kernel, rq: Rq): number {
  const { curr } = rq;
  if (curr === rq.idle) return 0;
  const { se, address } = curr;
  const { now } = k.clock;
  const delta = now - se.execStart;
  if (delta <= 0) return 0;
  se.execStart = now;
  se.sumExec += delta;
  se.vruntime += deltaFair(delta, se.weight);
  SCHED.execStart.set(k, address, now);
  SCHED.sumExec.set(k, address, se.sumExec);
  SCHED.vruntime.set(k, address, se.vruntime);
  updateMinVruntime(k, rq);
  return delta;
}

function updateMinVruntime(k: Kernel, rq: Rq): void {
  const { curr, first } = rq;
  let vruntime = curr !== rq.idle && curr.se.onRq ? curr.se.vruntime : Infinity;
  if (first !== undefined && first.se.vruntime < vruntime) vruntime = first.se.vruntime;
  if (vruntime === Infinity || vruntime <= rq.minVruntime) return;
  rq.minVruntime = vruntime;
  CFS_RQ.minVruntime.set(k, rq.cfs, vruntime);
}

/** Counts the running task's time. (cfs_rq) */
export const UPDATE_CURR: FunctionRef = behaviour("update_curr", [], (k, cfs = 0) => {
  const rq = k.scheduler.rqAt(cfs);
  if (rq === undefined) return Number.NaN;
  const { curr } = rq;
  const delta = accountCurr(k, rq);
  if (delta > 0) k.tracepoints.fire(STAT_RUNTIME, curr.comm, curr.pid, delta, curr.se.vruntime);
  return Number.NaN;
});

/** Where a task that joins begins: not far behind the others after a sleep, a turn behind them when it is new. */
export function placeEntity(k: Kernel, rq: Rq, task: Task, initial: boolean): void {
  const { se } = task;
  const { minVruntime } = rq;
  const from = initial
    ? minVruntime + deltaFair(sliceOf(k, rq, task, 1), se.weight)
    : minVruntime - k.scheduler.tunables.latency / 2;
  if (from > se.vruntime) se.vruntime = from;
}
