/**
 * The idle tasks: what a CPU runs when nobody wants it. `kernel/sched/idle.c`.
 *
 * @module
 */

import { blocking, fn, type FunctionRef } from "../calls/function.ts";
import type { Kernel } from "../kernel.ts";
import type { Task } from "../process/task.ts";
import { tracepoint } from "../tracing/reference.ts";
import { type Coroutine, HALT } from "./coroutine.ts";
import { SCHEDULE_INNER } from "./schedule.ts";

const CPU_IDLE = tracepoint("power:cpu_idle", "state", "cpu_id");
const PWR_EVENT_EXIT = 0xffffffff;
const CPUHP_ONLINE = 235;

/** Stops the CPU until an interrupt. */
const DEFAULT_IDLE_CALL: FunctionRef = blocking("default_idle_call", [], function* (k) {
  k.tracepoints.fire(CPU_IDLE, 1, k.cpu);
  yield HALT;
  k.tracepoints.fire(CPU_IDLE, PWR_EVENT_EXIT, k.cpu);
  return Number.NaN;
});

const SCHEDULE_IDLE: FunctionRef = blocking("schedule_idle", [SCHEDULE_INNER], function* (k) {
  do yield* k.calls.callBlocking(SCHEDULE_INNER, 0); while (k.scheduler.rq(k.cpu).needResched);
  return Number.NaN;
});

/** Idles until there is something to run. */
const DO_IDLE: FunctionRef = blocking(
  "do_idle",
  [
    fn("tick_nohz_idle_enter"),
    fn("tick_nohz_idle_stop_tick"),
    DEFAULT_IDLE_CALL,
    fn("tick_nohz_idle_exit"),
    SCHEDULE_IDLE,
  ],
  function* (k) {
    const { cpu } = k;
    const rq = k.scheduler.rq(cpu);
    k.call(fn("tick_nohz_idle_enter"));
    while (!rq.needResched) {
      k.call(fn("tick_nohz_idle_stop_tick"));
      k.tick.stop(cpu);
      yield* k.calls.callBlocking(DEFAULT_IDLE_CALL);
    }
    k.call(fn("tick_nohz_idle_exit"));
    k.tick.start(cpu);
    yield* k.calls.callBlocking(SCHEDULE_IDLE);
    return Number.NaN;
  },
);

const CPU_STARTUP_ENTRY: FunctionRef = blocking("cpu_startup_entry", [DO_IDLE], function* (k) {
  for (;;) yield* k.calls.callBlocking(DO_IDLE);
});

/** The program of an idle task. */
export function* idleProgram(k: Kernel, task: Task): Coroutine {
  yield* k.calls.enterBlocking(task, CPU_STARTUP_ENTRY, [CPUHP_ONLINE], undefined, {
    kind: task.cpu === 0 ? "boot" : "secondary",
  });
}
