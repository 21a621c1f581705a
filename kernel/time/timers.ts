/**
 * Virtual timers: what fires again and again until it is stopped.
 *
 * @module
 */

import type { Clock } from "./clock.ts";
import type { Event, EventQueue } from "./events.ts";

/** A repeating timer. It fires at fixed multiples of its interval from its start, however long a firing takes. */
export class Timer {
  readonly interval: number;
  readonly #events: EventQueue;
  readonly #fire: (time: number) => void;
  #next: number;
  #event: Event | null = null;

  /** Starts a timer whose first firing is one interval (in nanoseconds) from now. Throws a `RangeError` below 1 ns. */
  constructor(clock: Clock, events: EventQueue, interval: number, fire: (time: number) => void) {
    if (!(interval >= 1)) {
      throw new RangeError(`Cannot start a timer of ${interval} ns: the interval must be at least 1 ns`);
    }
    this.interval = interval;
    this.#events = events;
    this.#fire = fire;
    this.#next = clock.now + interval;
    this.#arm();
  }

  /** Whether it will fire again. */
  get active(): boolean {
    return this.#event !== null;
  }

  /** Stops it. Stopping twice does nothing. */
  stop(): void {
    if (this.#event !== null) this.#events.cancel(this.#event);
    this.#event = null;
  }

  #arm(): void {
    this.#event = this.#events.at(this.#next, () => {
      const time = this.#next;
      this.#next = time + this.interval;
      this.#arm();
      this.#fire(time);
    });
  }
}
