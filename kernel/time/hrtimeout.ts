/**
 * Sleeping until a wake-up or a time: `schedule_hrtimeout_range`.
 *
 * @module
 */

import { type Blocking, blocking, fn, type FunctionRef } from "../calls/function.ts";
import type { Kernel } from "../kernel.ts";
import { recordedWake, SCHEDULE } from "../process/sleep.ts";
import { TASK_RUNNING } from "../process/task.ts";

/** (expires, delta, mode, clock) */
const SCHEDULE_HRTIMEOUT_RANGE_CLOCK: FunctionRef = blocking(
  "schedule_hrtimeout_range_clock",
  [SCHEDULE],
  function* (k) {
    return yield* k.calls.callBlocking(SCHEDULE);
  },
);

/** (expires, delta, mode): `expires` 0 for no limit. */
export const SCHEDULE_HRTIMEOUT_RANGE: FunctionRef = blocking(
  "schedule_hrtimeout_range",
  [SCHEDULE_HRTIMEOUT_RANGE_CLOCK],
  function* (k, expires = 0, delta = 0, mode = 0) {
    return yield* k.calls.callBlocking(SCHEDULE_HRTIMEOUT_RANGE_CLOCK, expires, delta, mode, 1);
  },
);

/** What a function that calls `hrtimeout` lists. */
export const HRTIMEOUT_CALLS: readonly FunctionRef[] = [
  SCHEDULE_HRTIMEOUT_RANGE,
  fn("select_estimate_accuracy"),
];

/**
 * Sleeps in `state` until woken, or until virtual time `until`; in a replay until the recorded end.
 *
 * @returns True when the time came
 */
export function* hrtimeout(
  k: Kernel,
  state: number,
  until: number | undefined,
  delta = 0,
  through: FunctionRef = SCHEDULE_HRTIMEOUT_RANGE,
): Blocking<boolean> {
  const task = k.current;
  const recorded = recordedWake(k);
  if (recorded === recorded) {
    if (recorded <= k.clock.now) return true;
    task.wait = "recorded";
  } else {
    if (until !== undefined && until <= k.clock.now) return true;
    task.wait = until === undefined ? {} : { until };
  }
  task.state = state;
  yield* k.calls.callBlocking(through, until === undefined ? 0 : Number.NaN, delta, 0);
  task.state = TASK_RUNNING;
  return recorded === recorded || (until !== undefined && k.clock.now >= until);
}
