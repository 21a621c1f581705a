/**
 * Virtual time.
 *
 * @module
 */

/** Time that has passed, but has not been worked out yet. */
export interface DeferredTime {
  /** Works it out: sets the clock, and is no longer deferred. */
  settle(): void;
}

/** Nanoseconds since boot, as the running context sees them. They pass only when the model says so. */
export class Clock {
  /** What has to be settled before the clock can be read; null almost always. */
  deferred: DeferredTime | null = null;
  #now = 0;

  /** Integer nanoseconds. The event queue sets it when it resumes a context; running code advances it. */
  get now(): number {
    if (this.deferred !== null) this.deferred.settle();
    return this.#now;
  }

  set now(time: number) {
    if (this.deferred !== null) this.deferred.settle();
    this.#now = time;
  }

  /** Lets `ns` nanoseconds pass. */
  advance(ns: number): void {
    this.now += ns;
  }
}
