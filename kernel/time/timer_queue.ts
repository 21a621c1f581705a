/**
 * A queue of timers by expiry: a heap that knows where each timer stands, so that it can be taken out.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";

/** A timer that waits. */
export interface QueuedTimer {
  /** Its object's address. */
  readonly timer: Addr;
  /** When it has to be looked at: nanoseconds, or jiffies. */
  readonly expires: number;
  /** Position in the heap. */
  position: number;
  /** Order among equals. */
  readonly sequence: number;
}

/** Timers by expiry, first come first served among equals. */
export class TimerQueue {
  readonly #heap: QueuedTimer[] = [];
  readonly #byAddress = new Map<Addr, QueuedTimer>();
  #sequence = 0;

  /** The first to expire. */
  get first(): QueuedTimer | undefined {
    return this.#heap[0];
  }

  /** Whether a timer is queued. */
  has(timer: Addr): boolean {
    return this.#byAddress.has(timer);
  }

  /** When a queued timer expires. */
  expiryOf(timer: Addr): number | undefined {
    return this.#byAddress.get(timer)?.expires;
  }

  /** Adds a timer that is not queued. True if it is the first to expire. */
  add(timer: Addr, expires: number): boolean {
    const entry: QueuedTimer = { timer, expires, position: this.#heap.length, sequence: this.#sequence++ };
    this.#byAddress.set(timer, entry);
    this.#heap.push(entry);
    this.#up(entry);
    return entry.position === 0;
  }

  /** Takes a timer out. False if it was not queued. */
  remove(timer: Addr): boolean {
    const entry = this.#byAddress.get(timer);
    if (entry === undefined) return false;
    this.#byAddress.delete(timer);
    const heap = this.#heap;
    const last = heap.pop() as QueuedTimer;
    if (last !== entry) {
      last.position = entry.position;
      heap[last.position] = last;
      this.#up(last);
      this.#down(last);
    }
    return true;
  }

  #up(entry: QueuedTimer): void {
    const heap = this.#heap;
    let at = entry.position;
    while (at > 0) {
      const above = (at - 1) >> 1;
      const parent = heap[above] as QueuedTimer;
      if (!before(entry, parent)) break;
      heap[at] = parent;
      parent.position = at;
      at = above;
    }
    heap[at] = entry;
    entry.position = at;
  }

  #down(entry: QueuedTimer): void {
    const heap = this.#heap;
    let at = entry.position;
    for (;;) {
      let below = 2 * at + 1;
      if (below >= heap.length) break;
      if (below + 1 < heap.length && before(heap[below + 1] as QueuedTimer, heap[below] as QueuedTimer)) {
        below++;
      }
      const child = heap[below] as QueuedTimer;
      if (!before(child, entry)) break;
      heap[at] = child;
      child.position = at;
      at = below;
    }
    heap[at] = entry;
    entry.position = at;
  }
}

function before(a: QueuedTimer, b: QueuedTimer): boolean {
  return a.expires < b.expires || a.expires === b.expires && a.sequence < b.sequence;
}
