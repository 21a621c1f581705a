/**
 * Waking a task: `try_to_wake_up` and what is called in its name.
 *
 * A task that has to run on another CPU is put on that CPU's list, and an interrupt tells it to take the task over: its
 * `sched_wakeup` comes there (`ttwu_queue_wakelist`, as between CPUs that share no cache).
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import { behaviour, type FunctionRef } from "../calls/function.ts";
import type { Kernel } from "../kernel.ts";
import { TASK, type Task, TASK_INTERRUPTIBLE, TASK_RUNNING, TASK_UNINTERRUPTIBLE } from "../process/task.ts";
import { updateClock } from "./account.ts";
import {
  CHECK_PREEMPT_WAKEUP,
  countsAsLoad,
  ENQUEUE_NEW,
  ENQUEUE_NOCLOCK,
  ENQUEUE_TASK_FAIR,
  ENQUEUE_WAKEUP,
} from "./fair.ts";
import { join, SELECT_TASK_RQ_FAIR, SET_TASK_CPU, WF_FORK } from "./placement.ts";
import { IPI_NS, RESCHED_CURR } from "./resched.ts";
import type { Rq } from "./rq.ts";
import { fireWakeup, fireWakeupNew, fireWaking } from "./tracepoints.ts";

/** `mode` of most wake-ups: whoever sleeps. */
export const TASK_NORMAL: number = TASK_INTERRUPTIBLE | TASK_UNINTERRUPTIBLE;
/** `task->__state` of a task on its way from sleeping to runnable. */
const TASK_WAKING = 0x200;
/** How much before its recorded end a wait can be woken: what comes earlier was not what ended it. */
const EARLY = 200_000;

/** Whether the running task has to make room for another one. (rq, p, flags) */
const CHECK_PREEMPT_CURR: FunctionRef = behaviour(
  "check_preempt_curr",
  [CHECK_PREEMPT_WAKEUP, RESCHED_CURR],
  (k, rqAddress = 0, task = 0, flags = 0) => {
    const rq = k.scheduler.rqAt(rqAddress);
    const waking = k.tasks.byAddress(task);
    if (rq === undefined || waking === undefined) return Number.NaN;
    if (rq.curr === rq.idle) k.call(RESCHED_CURR, rqAddress);
    else k.call(CHECK_PREEMPT_WAKEUP, rqAddress, task, flags);
    // A replayed task runs when it was recorded to.
    if (k.scheduler.isFirm(waking) && rq.curr !== rq.idle) {
      rq.claims.push(waking);
      rq.needResched = true;
    }
    return Number.NaN;
  },
);

const TTWU_DO_WAKEUP: FunctionRef = behaviour(
  "ttwu_do_wakeup",
  [CHECK_PREEMPT_CURR],
  (k, rq = 0, address = 0, flags = 0) => {
    k.call(CHECK_PREEMPT_CURR, rq, address, flags);
    const task = k.tasks.byAddress(address);
    if (task === undefined) return Number.NaN;
    task.state = TASK_RUNNING;
    fireWakeup(k, task);
    return Number.NaN;
  },
);

const TTWU_DO_ACTIVATE: FunctionRef = behaviour(
  "ttwu_do_activate",
  [ENQUEUE_TASK_FAIR, TTWU_DO_WAKEUP],
  (k, rq = 0, task = 0, flags = 0) => {
    k.call(ENQUEUE_TASK_FAIR, rq, task, ENQUEUE_WAKEUP | ENQUEUE_NOCLOCK);
    k.call(TTWU_DO_WAKEUP, rq, task, flags, Number.NaN);
    return Number.NaN;
  },
);

/** Takes over the tasks that other CPUs woke for this one. (csd list) */
export const SCHED_TTWU_PENDING: FunctionRef = behaviour("sched_ttwu_pending", [TTWU_DO_ACTIVATE], (k) => {
  const rq = k.scheduler.rq(k.cpu);
  updateClock(k, rq);
  for (const task of rq.wakeList.splice(0)) {
    rq.incoming--;
    if (task.state === TASK_WAKING) k.call(TTWU_DO_ACTIVATE, rq.address, task.address, 0, Number.NaN);
  }
  return Number.NaN;
});

const TTWU_QUEUE_WAKELIST: FunctionRef = behaviour("ttwu_queue_wakelist", [], (k, address = 0, cpu = 0) => {
  const task = k.tasks.byAddress(address);
  if (cpu === k.cpu || task === undefined) return 0;
  const rq = k.scheduler.rq(cpu);
  rq.wakeList.push(task);
  rq.incoming++;
  if (rq.wakeList.length === 1) k.interrupts.raiseCallFunction(cpu, k.clock.now + IPI_NS);
  return 1;
});

/** Wakes a task that sleeps in one of the states of `state`: 1, or 0 where it doesn't. (task, state, wake_flags) */
export const TRY_TO_WAKE_UP: FunctionRef = behaviour(
  "try_to_wake_up",
  [SELECT_TASK_RQ_FAIR, SET_TASK_CPU, TTWU_QUEUE_WAKELIST, TTWU_DO_ACTIVATE],
  (k, address = 0, mask = 0, flags = 0) => {
    const task = k.tasks.byAddress(address);
    const state = task === undefined ? 0 : TASK.state.get(k, address);
    if (task === undefined || (state & mask) === 0) return 0;
    const { scheduler } = k;
    const thread = scheduler.thread(task);
    if (task === k.current || thread === undefined || !(thread.state === "asleep")) {
      // It is about to sleep, or nothing runs in it.
      fireWaking(k, task);
      task.state = TASK_RUNNING;
      fireWakeup(k, task);
      return 1;
    }
    if (k.clock.now < thread.firmUntil - EARLY) return 0;
    scheduler.hold();
    fireWaking(k, task);
    const before = task.cpu;
    const loaded = countsAsLoad(task);
    task.state = TASK_WAKING;
    const cpu = task.bound ? before : k.call(SELECT_TASK_RQ_FAIR, address, before, flags);
    if (cpu !== before) k.call(SET_TASK_CPU, address, cpu);
    const rq = scheduler.rq(cpu);
    if (loaded) scheduler.rq(before).nrUninterruptible--;
    if (k.call(TTWU_QUEUE_WAKELIST, address, cpu, flags) === 0) {
      updateClock(k, rq);
      k.call(TTWU_DO_ACTIVATE, rq.address, address, flags, Number.NaN);
    }
    scheduler.release();
    return 1;
  },
);

/** Wakes a task whatever it sleeps for. (task) */
export const WAKE_UP_PROCESS: FunctionRef = behaviour(
  "wake_up_process",
  [TRY_TO_WAKE_UP],
  (k, task = 0) => k.call(TRY_TO_WAKE_UP, task, TASK_NORMAL, 0),
);

/** Wakes a task that sleeps in one of the states of `state`. (task, state) */
export const WAKE_UP_STATE: FunctionRef = behaviour(
  "wake_up_state",
  [TRY_TO_WAKE_UP],
  (k, task = 0, state = 0) => k.call(TRY_TO_WAKE_UP, task, state, 0),
);

/** Wakes a task without a call to see. */
export function wakeTask(k: Kernel, task: Addr, state: number = TASK_NORMAL): boolean {
  return k.call(TRY_TO_WAKE_UP, task, state, 0) !== 0;
}

/** Wakes a task in whatever state it sleeps, in the name of the code that runs now. */
export function wake(k: Kernel, task: Task): void {
  k.call(TRY_TO_WAKE_UP, task.address, 0xffff & ~TASK_WAKING, 0);
}

/** Lets a new task run for the first time: on this CPU, or on one with less to do. */
export function wakeUpNewTask(k: Kernel, task: Task): void {
  const { scheduler } = k;
  scheduler.hold();
  task.state = TASK_RUNNING;
  const cpu = k.call(SELECT_TASK_RQ_FAIR, task.address, task.cpu, WF_FORK);
  task.se.vruntime = k.current.se.vruntime;
  if (cpu !== task.cpu) task.cpu = cpu;
  const rq: Rq = scheduler.rq(cpu);
  if (cpu === k.cpu) {
    updateClock(k, rq);
    k.call(ENQUEUE_TASK_FAIR, rq.address, task.address, ENQUEUE_NOCLOCK | ENQUEUE_NEW);
    fireWakeupNew(k, task);
    k.call(CHECK_PREEMPT_CURR, rq.address, task.address, WF_FORK);
  } else {
    // That CPU has yet to get to this time: the task is there when it does.
    fireWakeupNew(k, task);
    rq.incoming++;
    k.events.at(k.clock.now, () => {
      rq.incoming--;
      if (scheduler.has(task)) join(k, rq, task);
    });
  }
  scheduler.release();
}

/** Functions that `wakeUpNewTask` calls. */
export const WAKES_NEW: readonly FunctionRef[] = [SELECT_TASK_RQ_FAIR, ENQUEUE_TASK_FAIR, CHECK_PREEMPT_CURR];
