/**
 * The timers of waits that have a time: a `struct hrtimer_sleeper` per task, whose interrupt wakes it.
 *
 * @module
 */

import type { Kernel } from "../kernel.ts";
import { sizeOfStruct } from "../process/objects.ts";
import { prepareSleeper, setHrtimerExpiry } from "../time/hrtimer.ts";
import type { Thread } from "./coroutine.ts";

/** The sleepers of one kernel. */
export class SleepTimers {
  readonly #k: Kernel;

  constructor(k: Kernel) {
    this.#k = k;
  }

  /** Wakes a thread at `at`, through the timer interrupt of its CPU. */
  start(thread: Thread, at: number): void {
    const k = this.#k;
    if (thread.sleeper === 0) thread.sleeper = k.slab.kmalloc(sizeOfStruct(k, "hrtimer_sleeper"));
    k.hrtimers.remove(thread.sleeper);
    prepareSleeper(k, thread.sleeper, thread.task.address);
    setHrtimerExpiry(k, thread.sleeper, Math.max(at, k.clock.now));
    k.hrtimers.enqueue(thread.sleeper, thread.task.cpu);
  }

  /** The wait is over. */
  cancel(thread: Thread): void {
    if (thread.sleeper !== 0) this.#k.hrtimers.remove(thread.sleeper);
  }
}
