/**
 * Coroutines: the threads of execution that the scheduler interleaves. Each belongs to a task and yields where it waits.
 *
 * @module
 */

import type { Wait } from "../calls/function.ts";
import type { Task } from "../process/task.ts";
import type { Event } from "../time/events.ts";

/** What a task runs: yields where it waits, returns when the task is done. */
export type Coroutine = Generator<Wait, void, void>;

/** A wait in user space: the task computes until then. It keeps its CPU, and nothing can wake it earlier. */
export interface UserTime extends Wait {
  /** When it is done, in virtual nanoseconds. */
  readonly until: number;
  /** Tells it from a wait in the kernel. */
  readonly user: true;
}

/** Lets `task`'s program compute in user space until virtual time `until`. */
export function userTime(until: number): UserTime {
  return { until, user: true };
}

/** Where a coroutine stands. */
export type ThreadState =
  /** A resumption is scheduled. */
  | "ready"
  /** Its code runs now. */
  | "running"
  /** Waits in the kernel, for a time or for a wake-up. */
  | "blocked"
  /** Computes in user space. */
  | "user"
  | "done";

/** The scheduler's record of one coroutine. */
export interface Thread {
  /** Whose code it is. */
  readonly task: Task;
  /** The code. */
  readonly coroutine: Coroutine;
  /** Where it stands. */
  state: ThreadState;
  /** Its scheduled resumption; null while it waits for a wake-up. */
  event: Event | null;
  /** Virtual time at which it last gave up the CPU. */
  since: number;
  /** Only its time ends the wait. */
  firm: boolean;
  /** A kernel thread: a run does not wait for its end. */
  readonly daemon: boolean;
  /** A wake-up came while it ran: its next wait without a time ends at once. */
  woken: boolean;
}
