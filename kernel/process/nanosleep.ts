/**
 * Sleeping for a time: `hrtimer_nanosleep`.
 *
 * @module
 */

import { blocking, type FunctionRef } from "../calls/function.ts";
import type { Kernel } from "../kernel.ts";
import { EFAULT, EINTR, ERESTART_RESTARTBLOCK, ERESTARTNOHAND } from "../syscalls/errno.ts";
import {
  HRTIMER_INIT_SLEEPER,
  HRTIMER_MODE_REL,
  HRTIMER_START_RANGE_NS,
  HRTIMER_TRY_TO_CANCEL,
  hrtimerExpires,
  hrtimerSoftExpires,
  setHrtimerRange,
  sleeperTask,
} from "../time/hrtimer.ts";
import { sizeOfStruct } from "./objects.ts";
import { recordedWake } from "./recorded_wake.ts";
import { signalPending } from "./signal.ts";
import { SCHEDULE, sleep } from "./sleep.ts";
import { popLocals, pushLocal } from "./stack.ts";
import { TASK_INTERRUPTIBLE, TASK_RUNNING } from "./task.ts";

/** How much later than asked for a sleep may end (`timer_slack_ns`). */
const TIMER_SLACK = 50_000;

/** Sleeps until a timer has fired: 0, or -EINTR after a signal. (sleeper, mode) */
export const DO_NANOSLEEP: FunctionRef = blocking(
  "do_nanosleep",
  [HRTIMER_START_RANGE_NS, SCHEDULE, HRTIMER_TRY_TO_CANCEL],
  function* (k, sleeper = 0, mode = HRTIMER_MODE_REL) {
    const replayed = !Number.isNaN(recordedWake(k));
    for (let how = mode;; how = 0) {
      const soft = hrtimerSoftExpires(k, sleeper);
      k.current.state = TASK_INTERRUPTIBLE;
      k.call(HRTIMER_START_RANGE_NS, sleeper, soft, hrtimerExpires(k, sleeper) - soft, how);
      if (replayed) yield* sleep(k, "recorded");
      else if (sleeperTask(k, sleeper) !== 0) yield* sleep(k, {});
      // hrtimer_cancel is inlined.
      k.call(HRTIMER_TRY_TO_CANCEL, sleeper);
      if (replayed || sleeperTask(k, sleeper) === 0 || signalPending(k, k.current)) break;
    }
    k.current.state = TASK_RUNNING;
    return replayed || sleeperTask(k, sleeper) === 0 ? 0 : -EINTR;
  },
);

/** Sleeps for `ns` nanoseconds, or until that time (`mode` 0). */
export const HRTIMER_NANOSLEEP: FunctionRef = blocking(
  "hrtimer_nanosleep",
  [HRTIMER_INIT_SLEEPER, DO_NANOSLEEP],
  function* (k, ns = 0, mode = HRTIMER_MODE_REL, clock = 1) {
    const mark = k.current.locals;
    const sleeper = pushLocal(k, sizeOfStruct(k, "hrtimer_sleeper"));
    k.call(HRTIMER_INIT_SLEEPER, sleeper, clock, mode);
    setHrtimerRange(k, sleeper, ns, TIMER_SLACK);
    const until = hrtimerSoftExpires(k, sleeper);
    const result = yield* k.calls.callBlocking(DO_NANOSLEEP, sleeper, mode);
    const end = mode === HRTIMER_MODE_REL ? Math.max(until, hrtimerSoftExpires(k, sleeper)) : until;
    popLocals(k, mark);
    if (result !== -EINTR) return result;
    // An absolute sleep is made again as it was, a relative one with what is left of it.
    if (mode === 0) return -ERESTARTNOHAND;
    return interrupted(k, end, clock, k.current.nanosleepLeft);
  },
);

/** A signal broke a sleep off: what is left is told, and waited for unless a handler runs. */
function interrupted(k: Kernel, end: number, clock: number, tell: ((ns: number) => boolean) | null): number {
  const left = end - k.clock.now;
  if (left <= 0) return 0;
  if (tell !== null && !tell(left)) return -EFAULT;
  k.current.restartBlock = function* () {
    k.current.nanosleepLeft = tell;
    const result = yield* k.calls.callBlocking(HRTIMER_NANOSLEEP, end, 0, clock);
    return result === -ERESTARTNOHAND ? interrupted(k, end, clock, tell) : result;
  };
  return -ERESTART_RESTARTBLOCK;
}
