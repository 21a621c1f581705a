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

/**
 * Nanoseconds since boot, as the running context sees them. They pass only when the model says so.
 *
 * Interrupts come while time passes: at `limit` the rest of what passes waits until `onLimit` has handled one. Code that
 * runs for a recorded time is not prolonged by them: it owes the time that they took and pays it back out of its own.
 */
export class Clock {
  /** What has to be settled before the clock can be read; null almost always. */
  deferred: DeferredTime | null = null;
  /** When the running code is interrupted. */
  limit = Infinity;
  /** Handles what is due at `limit`, and moves that. */
  onLimit: (() => void) | null = null;
  /** Nanoseconds of interrupts that the running code has yet to make up for. */
  owed = 0;
  /** Nanoseconds of `now` that passed in interrupts: `now - stolen` is the running code's own time. */
  stolen = 0;
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

  /**
   * The time at which the calls began that have not been worked out yet, else `now`. No interrupt comes within such calls:
   * it is in the same tick as `now`, and costs nothing to ask for.
   */
  get begun(): number {
    return this.#now;
  }

  /** Lets `ns` nanoseconds pass. */
  advance(ns: number): void {
    if (this.deferred !== null) this.deferred.settle();
    const own = this.owed > 0 ? this.#pay(ns) : ns;
    const end = this.#now + own;
    if (end < this.limit) this.#now = end;
    else this.#cross(own);
  }

  #pay(ns: number): number {
    const paid = ns < this.owed ? ns : this.owed;
    this.owed -= paid;
    this.stolen -= paid;
    return ns - paid;
  }

  #cross(ns: number): void {
    let left = ns;
    while (this.#now + left >= this.limit) {
      const until = this.limit > this.#now ? this.limit : this.#now;
      left -= until - this.#now;
      this.#now = until;
      const { onLimit } = this;
      if (onLimit === null) this.limit = Infinity;
      else onLimit();
      if (this.owed > 0) left = this.#pay(left);
    }
    this.#now += left;
  }
}
