/**
 * What the scheduler knows of a task. What probes read of it stands in `task_struct` too; this is written first.
 *
 * @module
 */

import { NICE_0_LOAD } from "./weights.ts";

/** `SCHED_NORMAL`. */
export const SCHED_NORMAL = 0;
/** First in, first out, before all that are not real-time. */
export const SCHED_FIFO = 1;
/** Real-time with time slices. */
export const SCHED_RR = 2;
/** For work that nobody waits for. */
export const SCHED_BATCH = 3;
/** Runs when nothing else does. */
export const SCHED_IDLE = 5;
/** By deadlines. */
export const SCHED_DEADLINE = 6;

/** One task's scheduling. Times are virtual nanoseconds. */
export class SchedEntity {
  /** Time on a CPU, weighed: the queued task with the least runs next. */
  vruntime = 0;
  /** Time on a CPU so far. */
  sumExec = 0;
  /** `sumExec` when it last got a CPU. */
  prevSumExec = 0;
  /** Until when `sumExec` counts. */
  execStart = 0;
  /** How much of a CPU it deserves. */
  weight: number = NICE_0_LOAD;
  /** -20 (most) to 19. */
  nice = 0;
  /** `SCHED_NORMAL` and its relatives. */
  policy: number = SCHED_NORMAL;
  /** 1 to 99 for `SCHED_FIFO` and `SCHED_RR`. */
  rtPriority = 0;
  /** Runnable: waits for a CPU, or has one. */
  onRq = false;
  /** Position in its run queue's heap, or -1. */
  position = -1;
  /** Order among those of one `vruntime`. */
  sequence = 0;
  /** CPUs that it may run on; null for all. */
  allowed: ReadonlySet<number> | null = null;
  /** Time in user space. */
  userTime = 0;
  /** Times that it gave up its CPU, and that it was taken from it. */
  nvcsw = 0;
  nivcsw = 0;
  /** When it became runnable or was put back, for `sched_stat_wait`. */
  waitStart = 0;
  /** When it went to sleep. */
  sleepStart = 0;
}
