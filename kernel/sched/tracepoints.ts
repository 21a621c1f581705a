/**
 * The scheduler's tracepoints: what `sched_switch`, `sched_waking` and `sched_wakeup` tell of tasks.
 *
 * @module
 */

import type { Kernel } from "../kernel.ts";
import { TASK, type Task, TASK_IDLE } from "../process/task.ts";
import { tracepoint } from "../tracing/reference.ts";

const SWITCH = tracepoint(
  "sched:sched_switch",
  "prev_comm",
  "prev_pid",
  "prev_prio",
  "prev_state",
  "next_comm",
  "next_pid",
  "next_prio",
);
const WAKING = tracepoint("sched:sched_waking", "comm", "pid", "prio", "target_cpu");
const WAKEUP = tracepoint("sched:sched_wakeup", "comm", "pid", "prio", "target_cpu");
const WAKEUP_NEW = tracepoint("sched:sched_wakeup_new", "comm", "pid", "prio", "target_cpu");

/** `TASK_REPORT`: the states that the tracepoint tells apart. */
const TASK_REPORT = 0x7f;
/** Idle kernel threads (`I`). */
const TASK_REPORT_IDLE = 0x80;
/** Preempted in the kernel (`R+`). */
const TASK_REPORT_MAX = 0x100;

/** The CPU goes from one task to another. `preempt`: in the middle of kernel code. */
export function fireSwitch(k: Kernel, prev: Task, next: Task, preempt: boolean): void {
  if (!k.tracepoints.enabled(SWITCH)) return;
  k.tracepoints.fire(
    SWITCH,
    prev.comm,
    prev.pid,
    TASK.prio.get(k, prev.address),
    preempt ? TASK_REPORT_MAX : reported(k, prev),
    next.comm,
    next.pid,
    TASK.prio.get(k, next.address),
  );
}

/** `__task_state_index`, as the bit that the tracepoint has. */
function reported(k: Kernel, task: Task): number {
  const state = TASK.state.get(k, task.address) | TASK.exitState.get(k, task.address);
  if (state === TASK_IDLE) return TASK_REPORT_IDLE;
  const told = state & TASK_REPORT;
  return told === 0 ? 0 : 1 << 31 - Math.clz32(told);
}

/** Somebody is about to wake `task`. */
export function fireWaking(k: Kernel, task: Task): void {
  if (k.tracepoints.enabled(WAKING)) {
    k.tracepoints.fire(WAKING, task.comm, task.pid, TASK.prio.get(k, task.address), task.cpu);
  }
}

/** `task` is runnable on its CPU now. */
export function fireWakeup(k: Kernel, task: Task): void {
  if (k.tracepoints.enabled(WAKEUP)) {
    k.tracepoints.fire(WAKEUP, task.comm, task.pid, TASK.prio.get(k, task.address), task.cpu);
  }
}

/** A task that was just made is runnable. */
export function fireWakeupNew(k: Kernel, task: Task): void {
  if (k.tracepoints.enabled(WAKEUP_NEW)) {
    k.tracepoints.fire(WAKEUP_NEW, task.comm, task.pid, TASK.prio.get(k, task.address), task.cpu);
  }
}
