/**
 * `sched:sched_switch` and `sched:sched_wakeup`, where tasks give up a CPU, get one, and are woken.
 *
 * Between two tasks on a CPU the idle task runs, if only for no time: stretches of kernel code don't interrupt each other.
 *
 * @module
 */

import type { Kernel } from "../kernel.ts";
import { TASK, type Task } from "../process/task.ts";
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
const WAKEUP = tracepoint("sched:sched_wakeup", "comm", "pid", "prio", "target_cpu");

/** `TASK_REPORT`: the states that the tracepoint tells apart. */
const TASK_REPORT = 0x7f;
const IDLE_PRIO = 120;

/** `task` leaves its CPU: it waits, or has ended. */
export function fireSwitchOut(k: Kernel, task: Task): void {
  if (!k.tracepoints.enabled(SWITCH)) return;
  const state = (TASK.state.get(k, task.address) | TASK.exitState.get(k, task.address)) & TASK_REPORT;
  const reported = state === 0 ? 0 : 1 << 31 - Math.clz32(state);
  const prio = TASK.prio.get(k, task.address);
  k.tracepoints.fire(SWITCH, task.comm, task.pid, prio, reported, `swapper/${task.cpu}`, 0, IDLE_PRIO);
}

/** `task` gets its CPU. */
export function fireSwitchIn(k: Kernel, task: Task): void {
  if (!k.tracepoints.enabled(SWITCH)) return;
  const prio = TASK.prio.get(k, task.address);
  onIdleCpu(k, task.cpu, () => {
    k.tracepoints.fire(SWITCH, `swapper/${task.cpu}`, 0, IDLE_PRIO, 0, task.comm, task.pid, prio);
  });
}

/** `task` was asleep and is to run on `cpu`; what runs now wakes it. */
export function fireWakeup(k: Kernel, task: Task, cpu: number): void {
  if (!k.tracepoints.enabled(WAKEUP)) return;
  k.tracepoints.fire(WAKEUP, task.comm, task.pid, TASK.prio.get(k, task.address), cpu);
}

/** The timer interrupt wakes `task` on the CPU that it will run on. */
export function fireTimerWakeup(k: Kernel, task: Task, cpu: number): void {
  if (k.tracepoints.enabled(WAKEUP)) onIdleCpu(k, cpu, () => fireWakeup(k, task, cpu));
}

/** The model has one idle task: it stands for that of `cpu` meanwhile. */
function onIdleCpu(k: Kernel, cpu: number, fire: () => void): void {
  const { idle } = k.tasks;
  const { cpu: cpuBefore, comm: commBefore } = idle;
  if (cpu !== cpuBefore) {
    idle.cpu = cpu;
    idle.comm = `swapper/${cpu}`;
  }
  try {
    fire();
  } finally {
    if (cpu !== cpuBefore) {
      idle.cpu = cpuBefore;
      idle.comm = commBefore;
    }
  }
}
