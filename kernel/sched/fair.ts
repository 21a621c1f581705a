/**
 * Fair scheduling: who got least of the CPU, by weight, runs next. `kernel/sched/fair.c`.
 *
 * @module
 */

import { behaviour, fn, type FunctionRef } from "../calls/function.ts";
import { SPIN_LOCK, SPIN_UNLOCK } from "../calls/locks.ts";
import type { Kernel } from "../kernel.ts";
import { type Task, TASK_UNINTERRUPTIBLE } from "../process/task.ts";
import { tracepoint } from "../tracing/reference.ts";
import { accountCurr, placeEntity, sliceOf, UPDATE_CURR, updateClock } from "./account.ts";
import { SCHED } from "./fields.ts";
import { SCHED_BALANCE_NEWIDLE } from "./balance.ts";
import type { Rq } from "./rq.ts";
import { RESCHED_CURR } from "./resched.ts";
import { deltaFair } from "./weights.ts";

/** It goes to sleep. */
export const DEQUEUE_SLEEP = 0x01;
/** `update_rq_clock` was done. */
export const DEQUEUE_NOCLOCK = 0x08;
/** It was woken. */
export const ENQUEUE_WAKEUP = 0x01;
/** `update_rq_clock` was done. */
export const ENQUEUE_NOCLOCK = 0x08;
/** It joins for the first time. */
export const ENQUEUE_NEW = 0x1000;
const TASK_NOLOAD = 0x400;

const STAT_WAIT = tracepoint("sched:sched_stat_wait", "comm", "pid", "delay");
const STAT_SLEEP = tracepoint("sched:sched_stat_sleep", "comm", "pid", "delay");
const STAT_BLOCKED = tracepoint("sched:sched_stat_blocked", "comm", "pid", "delay");

/** A task goes to sleep, or is moved: no longer runnable on this CPU. (cfs_rq, se, flags) */
const DEQUEUE_ENTITY: FunctionRef = behaviour("dequeue_entity", [UPDATE_CURR], (k, cfs = 0, se = 0) => {
  const rq = k.scheduler.rqAt(cfs);
  const task = k.scheduler.taskOfEntity(se);
  if (rq === undefined || task === undefined) return Number.NaN;
  k.call(UPDATE_CURR, cfs);
  if (task !== rq.curr) rq.take(task);
  rq.remove(task);
  return Number.NaN;
});

/** (rq, p, flags) */
export const DEQUEUE_TASK_FAIR: FunctionRef = behaviour(
  "dequeue_task_fair",
  [DEQUEUE_ENTITY],
  (k, rqAddress = 0, address = 0, flags = 0) => {
    const rq = k.scheduler.rqAt(rqAddress);
    const task = k.tasks.byAddress(address);
    if (rq === undefined || task === undefined) return Number.NaN;
    k.call(DEQUEUE_ENTITY, rq.cfs, SCHED.se.at(k, address), flags);
    if ((flags & DEQUEUE_SLEEP) !== 0) {
      task.se.sleepStart = k.clock.now;
      if (countsAsLoad(task)) rq.nrUninterruptible++;
    }
    return Number.NaN;
  },
);

/** Whether a sleeping task counts into the load averages. */
export function countsAsLoad(task: Task): boolean {
  const { state } = task;
  return (state & TASK_UNINTERRUPTIBLE) !== 0 && (state & TASK_NOLOAD) === 0;
}

/** A task becomes runnable on this CPU. (cfs_rq, se, flags) */
const ENQUEUE_ENTITY: FunctionRef = behaviour(
  "enqueue_entity",
  [UPDATE_CURR],
  (k, cfs = 0, seAddress = 0, flags = 0) => {
    const rq = k.scheduler.rqAt(cfs);
    const task = k.scheduler.taskOfEntity(seAddress);
    if (rq === undefined || task === undefined) return Number.NaN;
    k.call(UPDATE_CURR, cfs);
    const { se } = task;
    if ((flags & (ENQUEUE_WAKEUP | ENQUEUE_NEW)) !== 0) placeEntity(k, rq, task, (flags & ENQUEUE_NEW) !== 0);
    if ((flags & ENQUEUE_WAKEUP) !== 0 && se.sleepStart > 0) {
      const event = countsAsLoad(task) ? STAT_BLOCKED : STAT_SLEEP;
      k.tracepoints.fire(event, task.comm, task.pid, Math.max(0, k.clock.now - se.sleepStart));
    }
    SCHED.vruntime.set(k, task.address, se.vruntime);
    se.waitStart = k.clock.now;
    if (task !== rq.curr) rq.insert(task);
    rq.add(task);
    return Number.NaN;
  },
);

/** (rq, p, flags) */
export const ENQUEUE_TASK_FAIR: FunctionRef = behaviour(
  "enqueue_task_fair",
  [ENQUEUE_ENTITY],
  (k, rqAddress = 0, address = 0, flags = 0) => {
    const rq = k.scheduler.rqAt(rqAddress);
    if (rq !== undefined) k.call(ENQUEUE_ENTITY, rq.cfs, SCHED.se.at(k, address), flags);
    return Number.NaN;
  },
);

/** The running task gives way; still runnable, it waits with the others. (cfs_rq, prev) */
const PUT_PREV_ENTITY: FunctionRef = behaviour(
  "put_prev_entity",
  [UPDATE_CURR],
  (k, cfs = 0, seAddress = 0) => {
    const rq = k.scheduler.rqAt(cfs);
    const task = k.scheduler.taskOfEntity(seAddress);
    if (rq === undefined || task === undefined) return Number.NaN;
    if (task.se.onRq) {
      k.call(UPDATE_CURR, cfs);
      task.se.waitStart = k.clock.now;
      rq.insert(task);
    }
    return Number.NaN;
  },
);

/** (rq, prev) */
export const PUT_PREV_TASK_FAIR: FunctionRef = behaviour(
  "put_prev_task_fair",
  [PUT_PREV_ENTITY],
  (k, rqAddress = 0, prev = 0) => {
    const rq = k.scheduler.rqAt(rqAddress);
    if (rq !== undefined) k.call(PUT_PREV_ENTITY, rq.cfs, SCHED.se.at(k, prev));
    return Number.NaN;
  },
);

/** A queued task gets the CPU. (cfs_rq, se) */
const SET_NEXT_ENTITY: FunctionRef = behaviour("set_next_entity", [], (k, cfs = 0, seAddress = 0) => {
  const rq = k.scheduler.rqAt(cfs);
  const task = k.scheduler.taskOfEntity(seAddress);
  if (rq === undefined || task === undefined) return Number.NaN;
  rq.take(task);
  const { se } = task;
  const { now } = k.clock;
  k.tracepoints.fire(STAT_WAIT, task.comm, task.pid, Math.max(0, now - se.waitStart));
  se.execStart = now;
  se.prevSumExec = se.sumExec;
  SCHED.execStart.set(k, task.address, now);
  SCHED.prevSumExec.set(k, task.address, se.sumExec);
  return Number.NaN;
});

/** Who runs next: the task's address, 0 where there is none. (rq, prev, rf) */
export const PICK_NEXT_TASK_FAIR: FunctionRef = behaviour(
  "pick_next_task_fair",
  [SCHED_BALANCE_NEWIDLE, UPDATE_CURR, PUT_PREV_ENTITY, SET_NEXT_ENTITY],
  (k, rqAddress = 0, prevAddress = 0) => {
    const rq = k.scheduler.rqAt(rqAddress);
    const prev = k.tasks.byAddress(prevAddress) ?? rq?.idle;
    if (rq === undefined || prev === undefined) return 0;
    if (rq.nrRunning === 0 && k.call(SCHED_BALANCE_NEWIDLE, rqAddress, Number.NaN) <= 0) return 0;
    const curr = prev !== rq.idle && prev.se.onRq ? prev : undefined;
    if (curr !== undefined) k.call(UPDATE_CURR, rq.cfs);
    const next = claimed(rq, curr) ?? better(rq.first, curr);
    if (next === undefined) return 0;
    if (next === prev) return next.address;
    if (prev !== rq.idle) k.call(PUT_PREV_ENTITY, rq.cfs, SCHED.se.at(k, prev.address));
    k.call(SET_NEXT_ENTITY, rq.cfs, SCHED.se.at(k, next.address));
    return next.address;
  },
);

/** The task whose recorded time has come, if it is still here. */
function claimed(rq: Rq, curr: Task | undefined): Task | undefined {
  for (let task = rq.claims.shift(); task !== undefined; task = rq.claims.shift()) {
    if (task === curr || task.se.position >= 0 && task.cpu === rq.cpu) return task;
  }
  return undefined;
}

function better(first: Task | undefined, curr: Task | undefined): Task | undefined {
  if (first === undefined || curr === undefined) return first ?? curr;
  if (first.se.rtPriority !== curr.se.rtPriority) {
    return first.se.rtPriority > curr.se.rtPriority ? first : curr;
  }
  if (first.se.rtPriority > 0) return curr;
  return curr.se.vruntime < first.se.vruntime ? curr : first;
}

/** Nobody: the idle task. (rq) */
export const PICK_NEXT_TASK_IDLE: FunctionRef = behaviour(
  "pick_next_task_idle",
  [],
  (k, rq = 0) => k.scheduler.rqAt(rq)?.idle.address ?? 0,
);

/** Whether a woken task takes the CPU from the one that runs. (rq, p, wake_flags) */
export const CHECK_PREEMPT_WAKEUP: FunctionRef = behaviour(
  "check_preempt_wakeup",
  [UPDATE_CURR, RESCHED_CURR],
  (k, rqAddress = 0, address = 0) => {
    const rq = k.scheduler.rqAt(rqAddress);
    const task = k.tasks.byAddress(address);
    if (rq === undefined || task === undefined || task === rq.curr || rq.needResched) return Number.NaN;
    k.call(UPDATE_CURR, rq.cfs);
    const { se } = rq.curr;
    const behind = se.vruntime - task.se.vruntime;
    const wins = task.se.rtPriority !== se.rtPriority
      ? task.se.rtPriority > se.rtPriority
      : behind > deltaFair(k.scheduler.tunables.wakeupGranularity, task.se.weight);
    if (wins) k.call(RESCHED_CURR, rqAddress);
    return Number.NaN;
  },
);

const ARCH_SCALE_FREQ_TICK = fn("arch_scale_freq_tick");
const TOPOLOGY_SCALE_FREQ_TICK = fn("topology_scale_freq_tick");
const UPDATE_RQ_CLOCK = fn("update_rq_clock");
const DECAY_LOAD = fn("decay_load");
/** What keeps the averages of who runs. */
const LOAD_CALLS = [
  fn("__update_load_avg_se"),
  fn("__update_load_avg_cfs_rq"),
  fn("update_cfs_group"),
  fn("hrtimer_active"),
] as const;
/** Averages: of load, of who is runnable and of who runs. */
const AVERAGES = 3;

/** Lets the average of thermal pressure decay. */
const UPDATE_THERMAL_LOAD_AVG: FunctionRef = behaviour("update_thermal_load_avg", [DECAY_LOAD], (k) => {
  for (let i = 0; i < AVERAGES; i++) k.call(DECAY_LOAD);
  return 0;
});

/** A tick while a fair task runs: its turn may be over. (rq, curr, queued) */
export const TASK_TICK_FAIR: FunctionRef = behaviour(
  "task_tick_fair",
  [UPDATE_CURR, RESCHED_CURR, ...LOAD_CALLS],
  (k, rqAddress = 0) => {
    const rq = k.scheduler.rqAt(rqAddress);
    if (rq === undefined) return Number.NaN;
    k.call(UPDATE_CURR, rq.cfs);
    for (const update of LOAD_CALLS) k.call(update);
    if (rq.nrRunning > 1 && turnIsOver(k, rq)) k.call(RESCHED_CURR, rqAddress);
    return Number.NaN;
  },
);

/** `check_preempt_tick`. */
function turnIsOver(k: Kernel, rq: Rq): boolean {
  const { se } = rq.curr;
  const { first } = rq;
  if (first === undefined) return false;
  if (se.rtPriority > 0 || first.se.rtPriority > 0) return first.se.rtPriority > se.rtPriority;
  const slice = sliceOf(k, rq, rq.curr);
  const ran = se.sumExec - se.prevSumExec;
  if (ran > slice) return true;
  return ran >= k.scheduler.tunables.minGranularity && se.vruntime - first.se.vruntime > slice;
}

/** `scheduler_tick`: what the tick does for the scheduler. */
export const SCHEDULER_TICK: FunctionRef = behaviour(
  "scheduler_tick",
  [
    ARCH_SCALE_FREQ_TICK,
    TOPOLOGY_SCALE_FREQ_TICK,
    SPIN_LOCK,
    UPDATE_RQ_CLOCK,
    UPDATE_THERMAL_LOAD_AVG,
    TASK_TICK_FAIR,
    fn("calc_global_load_tick"),
    SPIN_UNLOCK,
    fn("perf_event_task_tick"),
    fn("trigger_load_balance"),
  ],
  (k) => {
    const rq = k.scheduler.rq(k.cpu);
    k.call(ARCH_SCALE_FREQ_TICK);
    k.call(TOPOLOGY_SCALE_FREQ_TICK);
    k.call(SPIN_LOCK);
    k.call(UPDATE_RQ_CLOCK, rq.address);
    updateClock(k, rq);
    k.call(UPDATE_THERMAL_LOAD_AVG, k.clock.now, rq.address, 0);
    if (rq.curr !== rq.idle) k.call(TASK_TICK_FAIR, rq.address, rq.curr.address, 0);
    k.call(fn("calc_global_load_tick"), rq.address);
    k.load.fold(rq);
    k.call(SPIN_UNLOCK);
    k.call(fn("perf_event_task_tick"));
    k.call(fn("trigger_load_balance"), rq.address);
    return Number.NaN;
  },
);

/** `sched_yield`'s effect: everybody else runs first. */
export function yieldTask(k: Kernel, rq: Rq): void {
  accountCurr(k, rq);
  const { first } = rq;
  // `yield_task_fair` makes it the one to skip: the next picks another if there is one.
  if (first !== undefined && first.se.vruntime > rq.curr.se.vruntime) {
    rq.curr.se.vruntime = first.se.vruntime + 1;
    SCHED.vruntime.set(k, rq.curr.address, rq.curr.se.vruntime);
  }
}
