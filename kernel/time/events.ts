/**
 * The event queue: a total order over everything that will happen.
 *
 * @module
 */

import type { Clock } from "./clock.ts";
import { TimeHeap } from "./heap.ts";

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
  readonly #heap = new TimeHeap<Entry>();
  #sequence = 0;
  #taken = 0;

  /** Events that came off the queue so far, run or about to be. */
  get taken(): number {
    return this.#taken;
  }

  /** Number of events that wait. */
  get size(): number {
    return this.#heap.size;
  }

  /** Time of the next event, or Infinity. */
  get nextTime(): number {
    return this.#heap.first?.time ?? Infinity;
  }

  /** Schedules `run` for an absolute virtual time. Throws a `RangeError` if the time is no number. */
  at(time: number, run: () => void): Event {
    if (!(time >= 0)) {
      throw new RangeError(`Cannot schedule an event at ${time}: a time is nanoseconds from 0 on`);
    }
    const entry: Entry = { time, sequence: this.#sequence++, run, position: -1 };
    this.#heap.add(entry);
    return entry;
  }

  /** Cancels an event. False if it ran already or was cancelled before. */
  cancel(event: Event): boolean {
    return this.#heap.remove(event as Entry);
  }

  /** Takes the next event off the queue without running it. */
  take(): Event | undefined {
    const { first } = this.#heap;
    if (first === undefined) return undefined;
    this.#taken++;
    this.#heap.remove(first);
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
}
