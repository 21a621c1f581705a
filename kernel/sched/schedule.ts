/**
 * `schedule()` and what it is made of: `kernel/sched/core.c`.
 *
 * A task that gives up its CPU runs `__schedule` up to the switch, in its own name; its coroutine then waits there until
 * it is switched to again. Interrupts are off meanwhile.
 *
 * @module
 */

import { behaviour, type Blocking, blocking, fn, type FunctionRef, type Wait } from "../calls/function.ts";
import type { Kernel } from "../kernel.ts";
import { signalPending } from "../process/signal.ts";
import { recordedWake } from "../process/recorded_wake.ts";
import { type Task, TASK_DEAD, TASK_INTERRUPTIBLE, TASK_RUNNING } from "../process/task.ts";
import { updateClock } from "./account.ts";
import { type Coroutine, SWITCH, type Thread } from "./coroutine.ts";
import {
  DEQUEUE_NOCLOCK,
  DEQUEUE_SLEEP,
  DEQUEUE_TASK_FAIR,
  PICK_NEXT_TASK_FAIR,
  PICK_NEXT_TASK_IDLE,
  PUT_PREV_TASK_FAIR,
} from "./fair.ts";
import { RQ, SCHED } from "./fields.ts";
import type { Rq } from "./rq.ts";
import { fireSwitch } from "./tracepoints.ts";

/** A recorded wait ends this long after its wake-up: what the way from the interrupt to the task takes. */
export const WAKE_LATENCY = 9_000;

/** The last of the task that ran before: (prev). */
const FINISH_TASK_SWITCH: FunctionRef = behaviour("finish_task_switch", [], (k, prev = 0) => {
  SCHED.onCpu.set(k, prev, 0);
  return Number.NaN;
});

const ENTER_LAZY_TLB = fn("enter_lazy_tlb");
const SWITCH_MM = fn("switch_mm_irqs_off");
const SWITCH_CONTEXT_ARM64 = fn("check_and_switch_context");
const PSI_TASK_SWITCH = fn("psi_task_switch");
const RCU_NOTE = fn("rcu_note_context_switch");

/** Picks who runs next and switches to it. (sched_mode: 0, or not 0 where the running task is preempted) */
export const SCHEDULE_INNER: FunctionRef = blocking(
  "__schedule",
  [
    RCU_NOTE,
    DEQUEUE_TASK_FAIR,
    PICK_NEXT_TASK_FAIR,
    PUT_PREV_TASK_FAIR,
    PICK_NEXT_TASK_IDLE,
    PSI_TASK_SWITCH,
    SWITCH_MM,
    SWITCH_CONTEXT_ARM64,
    ENTER_LAZY_TLB,
    FINISH_TASK_SWITCH,
  ],
  (k, mode = 0) => {
    const prev = k.current;
    const next = switchTasks(k, mode !== 0);
    return next === prev || prev.state === TASK_DEAD ? Number.NaN : untilBack(k, prev);
  },
);

function* untilBack(k: Kernel, task: Task): Blocking<number> {
  yield SWITCH;
  finish(k, task);
  return Number.NaN;
}

/** The first that a task does when it is switched to: it lets go of the one before. */
function finish(k: Kernel, task: Task): void {
  const rq = k.scheduler.rq(task.cpu);
  SCHED.onCpu.set(k, task.address, 1);
  k.call(FINISH_TASK_SWITCH, rq.prevAddress);
}

/** `__schedule` up to `switch_to`: the task that has the CPU now. */
function switchTasks(k: Kernel, preempt: boolean): Task {
  const { scheduler } = k;
  const prev = k.current;
  const rq = scheduler.rq(prev.cpu);
  scheduler.hold();
  k.call(RCU_NOTE, preempt ? 1 : 0);
  updateClock(k, rq);
  const sleeps = !preempt && prev !== rq.idle && fallsAsleep(k, prev);
  if (sleeps) k.call(DEQUEUE_TASK_FAIR, rq.address, prev.address, DEQUEUE_SLEEP | DEQUEUE_NOCLOCK);
  let next = k.tasks.byAddress(k.call(PICK_NEXT_TASK_FAIR, rq.address, prev.address, Number.NaN));
  if (next === undefined) {
    if (prev !== rq.idle) k.call(PUT_PREV_TASK_FAIR, rq.address, prev.address);
    k.call(PICK_NEXT_TASK_IDLE, rq.address);
    next = rq.idle;
  }
  rq.needResched = rq.claims.length > 0;
  if (next !== prev) {
    rq.nrSwitches++;
    RQ.nrSwitches.set(k, rq.address, rq.nrSwitches);
    RQ.curr.set(k, rq.address, next.address);
    const { se } = prev;
    if (sleeps) SCHED.nvcsw.set(k, prev.address, ++se.nvcsw);
    else SCHED.nivcsw.set(k, prev.address, ++se.nivcsw);
    k.call(PSI_TASK_SWITCH, prev.address, next.address, sleeps ? 1 : 0);
    fireSwitch(k, prev, next, preempt);
    switchMm(k, rq, prev, next);
    rq.prevAddress = prev.address;
    scheduler.switched(rq, prev, next);
  }
  scheduler.release();
  return next;
}

/** Whether a task that calls `schedule` waits for something: not if that came already. */
function fallsAsleep(k: Kernel, task: Task): boolean {
  const { state } = task;
  if (state === TASK_RUNNING) return false;
  const thread = k.scheduler.thread(task);
  const comes = state !== TASK_DEAD && thread !== undefined && thread.firmUntil !== thread.firmUntil &&
    (thread.woken || signalPending(k, task, state));
  if (!comes) return true;
  thread.woken = false;
  task.state = TASK_RUNNING;
  return false;
}

/** Kernel threads run on whatever user memory is there (`enter_lazy_tlb`). */
function switchMm(k: Kernel, rq: Rq, prev: Task, next: Task): void {
  const { mm } = next;
  if (mm === 0) {
    if (prev.mm !== 0) rq.activeMm = prev.mm;
    if (k.archName !== "arm64") k.call(ENTER_LAZY_TLB, rq.activeMm, next.address);
    return;
  }
  const before = prev.mm !== 0 ? prev.mm : rq.activeMm;
  rq.activeMm = mm;
  if (k.archName !== "arm64") k.call(SWITCH_MM, before, mm, next.address);
  else if (before !== mm) k.call(SWITCH_CONTEXT_ARM64, mm);
}

/** `schedule()`: gives up the CPU; until when is what `task.wait` says. */
export const SCHEDULE: FunctionRef = blocking("schedule", [SCHEDULE_INNER], function* (k) {
  const task = k.current;
  const { wait } = task;
  task.wait = null;
  const thread = k.scheduler.thread(task);
  if (thread === undefined) throw new Error(`Cannot wait in ${task.comm} (${task.pid}): it runs no program`);
  if (task.workerPool !== null && task.state !== TASK_RUNNING) task.workerPool.wakeIfNeeded();
  if (wait === "recorded") yield* waitAsRecorded(k, task, thread);
  else {
    const until = wait?.until;
    if (until !== undefined && task.state !== TASK_RUNNING) {
      if (wait?.firm === true) thread.firmUntil = until;
      thread.woken = false;
      k.scheduler.sleepTimers.start(thread, until);
    }
    yield* k.calls.callBlocking(SCHEDULE_INNER, 0);
    if (until !== undefined) {
      k.scheduler.sleepTimers.cancel(thread);
      thread.firmUntil = Number.NaN;
    }
  }
  return Number.NaN;
});

/** A wait of a replayed call: whatever wakes the task, it goes on when the recording says. */
function* waitAsRecorded(k: Kernel, task: Task, thread: Thread): Blocking<void> {
  const { state } = task;
  for (let until = recordedWake(k); k.clock.now < until; until = recordedWake(k)) {
    task.state = state === TASK_RUNNING ? TASK_INTERRUPTIBLE : state;
    thread.firmUntil = until;
    k.scheduler.sleepTimers.start(thread, Math.max(k.clock.now, until - WAKE_LATENCY));
    yield* k.calls.callBlocking(SCHEDULE_INNER, 0);
    k.scheduler.sleepTimers.cancel(thread);
    thread.firmUntil = Number.NaN;
    // The rest of the way is its own.
    const left = recordedWake(k) - k.clock.now;
    if (left > 0) k.clock.advance(left);
  }
}

/** A task ends: it is switched away from and never comes back. Called instead of returning. */
export const DO_TASK_DEAD: FunctionRef = behaviour("do_task_dead", [SCHEDULE_INNER], (k) => {
  k.current.state = TASK_DEAD;
  k.calls.callOrWait(SCHEDULE_INNER, 0);
  return Number.NaN;
});

/** The same of a task whose program ended without `do_exit`. `k.current` is the task. */
export function leave(k: Kernel, rq: Rq): void {
  const task = k.current;
  if (rq.curr !== task) return;
  task.state = TASK_DEAD;
  switchTasks(k, false);
}

/** The way through `schedule` of a task that has to give way when it returns to user space. */
export function* givesWay(k: Kernel, task: Task, from: "interrupt" | "syscall"): Coroutine {
  yield* k.calls.enterBlocking(task, SCHEDULE, [], undefined, {
    kind: from === "interrupt" ? "preempted" : "exit",
  });
}

/** The wait of a coroutine that yields one outside of kernel functions. */
export function* rawSleep(k: Kernel, task: Task, wait: Wait): Coroutine {
  if (task.state === TASK_RUNNING) task.state = TASK_INTERRUPTIBLE;
  task.wait = wait;
  if (task.depth > 0) yield* k.calls.callBlocking(SCHEDULE);
  else yield* k.calls.enterBlocking(task, SCHEDULE, [], undefined, { kind: "bare" });
  task.state = TASK_RUNNING;
}

const SCHEDULE_TAIL: FunctionRef = behaviour("schedule_tail", [FINISH_TASK_SWITCH], (k, prev = 0) => {
  k.call(FINISH_TASK_SWITCH, prev);
  return Number.NaN;
});

/** The first that a new task does on its way to user space, or to its function. */
export function startsRunning(k: Kernel, task: Task): void {
  const rq = k.scheduler.rq(task.cpu);
  SCHED.onCpu.set(k, task.address, 1);
  k.calls.enter(task, SCHEDULE_TAIL, [rq.prevAddress], undefined, { kind: "fork" });
}
