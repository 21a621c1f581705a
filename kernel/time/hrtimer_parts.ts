/**
 * What the timer interrupt calls before and after it runs timers.
 *
 * @module
 */

import { behaviour, fn, type FunctionRef } from "../calls/function.ts";

/** Reads the counter: arm64. */
const ARCH_COUNTER_READ = fn("arch_counter_read");
const NEXT_EVENT_BASE = fn("__hrtimer_next_event_base");
const SOFT_BASES = 0xf0;
const HARD_BASES = 0xf;

/** Monotonic time, and whether the offsets of the other clocks have changed. */
export const KTIME_GET_UPDATE_OFFSETS_NOW: FunctionRef = behaviour(
  "ktime_get_update_offsets_now",
  [ARCH_COUNTER_READ],
  (k) => {
    k.call(ARCH_COUNTER_READ);
    return k.clock.now;
  },
);

/** Looks for the first timer of each kind of clock base: the softirq's, then the interrupt's. */
export const HRTIMER_UPDATE_NEXT_EVENT: FunctionRef = behaviour(
  "hrtimer_update_next_event",
  [NEXT_EVENT_BASE],
  (k, base = 0) => {
    k.call(NEXT_EVENT_BASE, base, 0, SOFT_BASES, Number.NaN);
    k.call(NEXT_EVENT_BASE, base, 0, HARD_BASES, Number.NaN);
    return Number.NaN;
  },
);
