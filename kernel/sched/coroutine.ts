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

/** A wait in user space: the task computes until then, if nobody takes its CPU. Nothing can wake it earlier. */
export interface UserTime extends Wait {
  /** When it is done, in virtual nanoseconds, where nothing else wants the CPU. */
  readonly until: number;
  /** Tells it from a wait in the kernel. */
  readonly user: true;
}

/** Lets `task`'s program compute in user space until virtual time `until`; `firm`: then, whatever came between. */
export function userTime(until: number, firm = false): UserTime {
  return firm ? { until, user: true, firm } : { until, user: true };
}

/** What `__schedule` yields when another task has the CPU now: it goes on when it gets one again. */
export const SWITCH: Wait = Object.freeze({});
/** What an idle task yields when it has stopped its CPU until an interrupt. */
export const HALT: Wait = Object.freeze({});

/** Where a coroutine stands. */
export type ThreadState =
  /** Waits for a CPU, or its code runs. */
  | "runnable"
  /** Waits in the kernel, for a time or for a wake-up, or was not begun. */
  | "asleep"
  /** Computes in user space on its CPU. */
  | "user"
  | "done";

/** The scheduler's record of one coroutine. */
export interface Thread {
  /** Whose code it is. */
  readonly task: Task;
  /** The code. */
  readonly coroutine: Coroutine;
  /** A kernel thread: a run does not wait for its end. */
  readonly daemon: boolean;
  /** Kernel code that runs before `coroutine` goes on: the way through `schedule` of a task that lost its CPU. */
  nested: Coroutine | null;
  /** Where it stands. */
  state: ThreadState;
  /** Whether its code ran already. */
  started: boolean;
  /** Virtual time at which it last gave up the CPU. */
  since: number;
  /** Until when it computes in user space; NaN in the kernel. */
  userUntil: number;
  /** Since when it does, on its CPU. */
  userSince: number;
  /** User time that is left of a task that lost its CPU. */
  userLeft: number;
  /** Its user time ends when it was recorded to, whoever has the CPU. */
  firmUser: boolean;
  /** Brings a task with firm user time back when that ends; NaN of it sleeps. */
  claim: Event | null;
  /** A recorded wait: when it has to be over; NaN for none. */
  firmUntil: number;
  /** A wake-up came while it ran: its next wait without a time ends at once. */
  woken: boolean;
  /** The timer of a wait with a time, made when first needed. */
  sleeper: number;
}
