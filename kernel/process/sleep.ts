/**
 * How kernel code waits: through `schedule`, until something wakes the task or a time comes. In a replay the recording
 * says until when.
 *
 * @module
 */

import { LEFT } from "../calls/frame.ts";
import { type Blocking, blocking, type FunctionRef, type Wait } from "../calls/function.ts";
import type { Kernel } from "../kernel.ts";
import { TASK_INTERRUPTIBLE, TASK_RUNNING } from "./task.ts";

/** `schedule()`: gives up the CPU. */
export const SCHEDULE: FunctionRef = blocking("schedule", [], function* (k) {
  const task = k.current;
  const { wait } = task;
  task.wait = null;
  if (wait === "recorded") {
    // Only here, just before it gives up the CPU, is it known how much is left to do afterwards.
    for (let until = recordedWake(k); k.clock.now < until; until = recordedWake(k)) yield { until };
  } else if (wait !== null) yield wait;
  return Number.NaN;
});

/** Waits as `wait` says, in `state`. The caller looks again at what it waits for. */
export function* sleep(
  k: Kernel,
  wait: Wait | "recorded",
  state: number = TASK_INTERRUPTIBLE,
): Blocking<void> {
  const task = k.current;
  task.state = state;
  task.wait = wait;
  yield* k.calls.callBlocking(SCHEDULE);
  task.state = TASK_RUNNING;
}

/**
 * In a replay, whether the call that runs is one that waited, and until when it has to: the recorded end, less the time
 * that what is still to be done takes. NaN where the recording decides nothing.
 */
export function recordedWake(k: Kernel): number {
  const task = k.current;
  const recorded = task.request?.recorded;
  if (recorded === undefined) return Number.NaN;
  let left = 0;
  for (let i = 1; i < task.depth; i++) {
    const frame = task.frames[i];
    const own = frame?.words[LEFT] ?? Number.NaN;
    if (frame !== undefined && frame.owner === frame && own === own) left += own;
  }
  return task.syscallStart + recorded.durationNs - left;
}

/**
 * Waits for `ready` as Linux does: looks, sleeps, looks again. In a replay it waits until the recorded end whatever
 * `ready` says. Returns false if the task was woken by a signal instead.
 */
export function* waitFor(k: Kernel, ready: () => boolean, until?: number): Blocking<boolean> {
  const task = k.current;
  const recorded = recordedWake(k);
  if (recorded === recorded) {
    if (k.clock.now < recorded) yield* sleep(k, "recorded");
    return true;
  }
  while (!ready()) {
    if (task.pendingSignals.length > 0) return false;
    if (until !== undefined && k.clock.now >= until) return true;
    yield* sleep(k, until === undefined ? {} : { until });
  }
  return true;
}
