/**
 * How kernel code waits: through `schedule`, until something wakes the task or a time comes. In a replay the recording
 * says until when.
 *
 * @module
 */

import { type Blocking, blocking, type FunctionRef, type Wait } from "../calls/function.ts";
import type { Kernel } from "../kernel.ts";
import { SCHEDULE } from "../sched/schedule.ts";
import { recordedWake } from "./recorded_wake.ts";
import { signalPending } from "./signal.ts";
import { TASK_INTERRUPTIBLE, TASK_RUNNING } from "./task.ts";

export { recordedWake, SCHEDULE };

/** `schedule_timeout()` without a timeout. */
const SCHEDULE_TIMEOUT: FunctionRef = blocking("schedule_timeout", [SCHEDULE], function* (k) {
  return yield* k.calls.callBlocking(SCHEDULE);
});
const WAIT_FOR_COMMON: FunctionRef = blocking("__wait_for_common", [SCHEDULE_TIMEOUT], function* (k) {
  yield* k.calls.callBlocking(SCHEDULE_TIMEOUT);
  return 0;
});
/** `wait_for_completion()`. */
export const WAIT_FOR_COMPLETION: FunctionRef = blocking(
  "wait_for_completion",
  [WAIT_FOR_COMMON, SCHEDULE_TIMEOUT],
  function* (k) {
    return yield* k.calls.callBlocking(WAIT_FOR_COMMON);
  },
);
/** Waits for a completion in a given state; give it to `waitFor`. */
export const WAIT_FOR_COMPLETION_STATE: FunctionRef = blocking(
  "wait_for_completion_state",
  [WAIT_FOR_COMMON, SCHEDULE_TIMEOUT],
  function* (k) {
    return yield* k.calls.callBlocking(WAIT_FOR_COMMON);
  },
);

/** Waits as `wait` says, in `state`, through `schedule` or a function that calls it. The caller looks again afterwards. */
export function* sleep(
  k: Kernel,
  wait: Wait | "recorded",
  state: number = TASK_INTERRUPTIBLE,
  through: FunctionRef = SCHEDULE,
): Blocking<void> {
  const task = k.current;
  task.state = state;
  task.wait = wait;
  yield* k.calls.callBlocking(through);
  task.state = TASK_RUNNING;
}

/**
 * Waits for `ready` as Linux does: looks, sleeps, looks again. In a replay it waits until the recorded end whatever
 * `ready` says. Returns false if the task was woken by a signal instead.
 */
export function* waitFor(
  k: Kernel,
  ready: () => boolean,
  until?: number,
  through: FunctionRef = SCHEDULE,
): Blocking<boolean> {
  const task = k.current;
  const recorded = recordedWake(k);
  if (recorded === recorded) {
    if (k.clock.now < recorded) yield* sleep(k, "recorded", TASK_INTERRUPTIBLE, through);
    return true;
  }
  while (!ready()) {
    if (signalPending(k, task)) return false;
    if (until !== undefined && k.clock.now >= until) return true;
    yield* sleep(k, until === undefined ? {} : { until }, TASK_INTERRUPTIBLE, through);
  }
  return true;
}
