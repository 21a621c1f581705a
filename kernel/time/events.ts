/**
 * The event queue: a total order over everything that will happen.
 *
 * @module
 */

import type { Clock } from "./clock.ts";

/** Something that will happen. Keep it to cancel it. */
export interface Event {
  /** Virtual time, in nanoseconds, at which it happens. */
  readonly time: number;
  /** Order among events of the same time: the order in which they were scheduled. */
  readonly sequence: number;
  readonly run: () => void;
}

interface Entry extends Event {
  time: number;
  sequence: number;
  run: () => void;
  /** Position in the heap, or -1 once it ran or was cancelled. */
  position: number;
}

/**
 * Events ordered by (time, sequence): two events of one time run in the order in which they were scheduled.
 *
 * ```ts
 * import { Clock } from "./clock.ts";
 * import { EventQueue } from "./events.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const clock = new Clock();
 * const queue = new EventQueue();
 * const seen: string[] = [];
 * queue.at(20, () => seen.push("later"));
 * queue.at(10, () => seen.push("first"));
 * while (queue.runNext(clock));
 * assertEquals([seen, clock.now], [["first", "later"], 20]);
 * ```
 */
export class EventQueue {
  readonly #heap: Entry[] = [];
  #sequence = 0;
  #taken = 0;

  /** Events that came off the queue so far, run or about to be. */
  get taken(): number {
    return this.#taken;
  }

  /** Number of events that wait. */
  get size(): number {
    return this.#heap.length;
  }

  /** Time of the next event, or Infinity. */
  get nextTime(): number {
    return this.#heap[0]?.time ?? Infinity;
  }

  /** Schedules `run` for an absolute virtual time. Throws a `RangeError` if the time is no number. */
  at(time: number, run: () => void): Event {
    if (!(time >= 0)) {
      throw new RangeError(`Cannot schedule an event at ${time}: a time is nanoseconds from 0 on`);
    }
    const entry: Entry = { time, sequence: this.#sequence++, run, position: this.#heap.length };
    this.#heap.push(entry);
    this.#up(entry);
    return entry;
  }

  /** Cancels an event. False if it ran already or was cancelled before. */
  cancel(event: Event): boolean {
    const entry = event as Entry;
    const at = entry.position;
    if (at < 0 || this.#heap[at] !== entry) return false;
    this.#remove(at);
    return true;
  }

  /** Takes the next event off the queue without running it. */
  take(): Event | undefined {
    const first = this.#heap[0];
    if (first === undefined) return undefined;
    this.#taken++;
    this.#remove(0);
    return first;
  }

  /** Runs the next event at its time; `clock.now` becomes that time even if running code had gone past it. False if none waits. */
  runNext(clock: Clock): boolean {
    const event = this.take();
    if (event === undefined) return false;
    clock.now = event.time;
    event.run();
    return true;
  }

  #remove(at: number): void {
    const heap = this.#heap;
    const entry = heap[at] as Entry;
    entry.position = -1;
    const last = heap.pop() as Entry;
    if (last === entry) return;
    last.position = at;
    heap[at] = last;
    this.#up(last);
    this.#down(last);
  }

  #up(entry: Entry): void {
    const heap = this.#heap;
    let at = entry.position;
    while (at > 0) {
      const above = (at - 1) >> 1;
      const parent = heap[above] as Entry;
      if (!before(entry, parent)) break;
      heap[at] = parent;
      parent.position = at;
      at = above;
    }
    heap[at] = entry;
    entry.position = at;
  }

  #down(entry: Entry): void {
    const heap = this.#heap;
    const length = heap.length;
    let at = entry.position;
    for (;;) {
      let below = 2 * at + 1;
      if (below >= length) break;
      if (below + 1 < length && before(heap[below + 1] as Entry, heap[below] as Entry)) below++;
      const child = heap[below] as Entry;
      if (!before(child, entry)) break;
      heap[at] = child;
      child.position = at;
      at = below;
    }
    heap[at] = entry;
    entry.position = at;
  }
}

function before(a: Event, b: Event): boolean {
  return a.time < b.time || (a.time === b.time && a.sequence < b.sequence);
}
