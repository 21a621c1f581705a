/**
 * A queue of timers by expiry, found by their addresses.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import { type HeapEntry, TimeHeap } from "./heap.ts";

/** A timer that waits. */
export interface QueuedTimer extends HeapEntry {
  /** Its object's address. */
  readonly timer: Addr;
  /** When it has to be looked at: nanoseconds, or jiffies. */
  readonly time: number;
}

/** Timers by expiry, first come first served among equals. */
export class TimerQueue {
  readonly #heap = new TimeHeap<QueuedTimer>();
  readonly #byAddress = new Map<Addr, QueuedTimer>();
  #sequence = 0;

  /** The first to expire. */
  get first(): QueuedTimer | undefined {
    return this.#heap.first;
  }

  /** Whether a timer is queued. */
  has(timer: Addr): boolean {
    return this.#byAddress.has(timer);
  }

  /** When a queued timer expires. */
  expiryOf(timer: Addr): number | undefined {
    return this.#byAddress.get(timer)?.time;
  }

  /** Adds a timer that is not queued. True if it is the first to expire. */
  add(timer: Addr, expires: number): boolean {
    const entry: QueuedTimer = { timer, time: expires, position: -1, sequence: this.#sequence++ };
    this.#byAddress.set(timer, entry);
    this.#heap.add(entry);
    return entry.position === 0;
  }

  /** Takes a timer out. False if it was not queued. */
  remove(timer: Addr): boolean {
    const entry = this.#byAddress.get(timer);
    if (entry === undefined) return false;
    this.#byAddress.delete(timer);
    return this.#heap.remove(entry);
  }
}
