/**
 * Virtual time.
 *
 * @module
 */

/** Nanoseconds since boot, as the running context sees them. They pass only when the model says so. */
export class Clock {
  /** Integer nanoseconds. The event queue sets it when it resumes a context; running code advances it. */
  now = 0;

  /** Lets `ns` nanoseconds pass. */
  advance(ns: number): void {
    this.now += ns;
  }
}
