/**
 * Sleeping for a time: `hrtimer_nanosleep`.
 *
 * @module
 */

import { blocking, fn, type FunctionRef } from "../calls/function.ts";
import { waitFor } from "./sleep.ts";
import { field, sizeOfStruct } from "./objects.ts";
import { popLocals, pushLocal } from "./stack.ts";
import { EINTR } from "../syscalls/errno.ts";

const EXPIRES = field("hrtimer_sleeper", "timer.node.expires");

/** Sleeps until a timer fires: 0, or -EINTR after a signal. */
export const DO_NANOSLEEP: FunctionRef = blocking(
  "do_nanosleep",
  [fn("hrtimer_start_range_ns"), fn("hrtimer_cancel")],
  function* (k, timer = 0) {
    const until = EXPIRES.get(k, timer);
    k.call(fn("hrtimer_start_range_ns"), timer, until, 50_000, 0);
    const slept = yield* waitFor(k, () => k.clock.now >= until, until);
    // The timer lies on this task's stack.
    k.call(fn("hrtimer_cancel"), timer);
    return slept ? 0 : -EINTR;
  },
);

/** Sleeps for `ns` nanoseconds, or until that time (`mode` 0). */
export const HRTIMER_NANOSLEEP: FunctionRef = blocking(
  "hrtimer_nanosleep",
  [DO_NANOSLEEP],
  function* (k, ns = 0, mode = 1, _clock) {
    const mark = k.current.locals;
    const timer = pushLocal(k, sizeOfStruct(k, "hrtimer_sleeper"));
    EXPIRES.set(k, timer, mode === 0 ? ns : k.clock.now + ns);
    const result = yield* k.calls.callBlocking(DO_NANOSLEEP, timer, mode);
    popLocals(k, mark);
    return result;
  },
);
