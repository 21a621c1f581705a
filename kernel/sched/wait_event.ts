/**
 * `wait_event` and its relatives: look, queue up, sleep, look again.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import type { Blocking, FunctionRef } from "../calls/function.ts";
import type { Kernel } from "../kernel.ts";
import { recorded } from "../fs/recorded.ts";
import { waitsInReplay } from "../process/recorded_wait.ts";
import { SCHEDULE, sleep } from "../process/sleep.ts";
import { popLocals } from "../process/stack.ts";
import { TASK_INTERRUPTIBLE } from "../process/task.ts";
import { ERESTARTSYS, ETIME } from "../syscalls/errno.ts";
import {
  AUTOREMOVE_WAKE_FUNCTION,
  FINISH_WAIT,
  PREPARE_TO_WAIT_EVENT,
  WAIT_ENTRY,
  waitEntry,
  WQ_FLAG_EXCLUSIVE,
} from "./wait.ts";

/** How a wait is done. */
export interface WaitEventOptions {
  /** State while asleep; default `TASK_INTERRUPTIBLE`. */
  readonly state?: number;
  /** Only one of those who wait like this is woken at a time. */
  readonly exclusive?: boolean;
  /** Virtual time at which it gives up. */
  readonly until?: number;
  /** What it sleeps through; default `schedule`. */
  readonly through?: FunctionRef;
  /** The entry's function; default `autoremove_wake_function`. */
  readonly func?: FunctionRef;
}

/** What a caller of `waitEvent` lists among the functions that it calls. */
export const WAIT_EVENT_CALLS: readonly FunctionRef[] = [PREPARE_TO_WAIT_EVENT, FINISH_WAIT, SCHEDULE];

/**
 * Waits in the queue at `head` until `ready`. In a replay it waits until the recorded end of the call whatever `ready`
 * says.
 *
 * @returns 0, -ERESTARTSYS when a signal came first, or -ETIME when `until` did
 */
export function* waitEvent(
  k: Kernel,
  head: Addr,
  ready: () => boolean,
  options: WaitEventOptions = {},
): Blocking<number> {
  const outcome = recorded(k);
  const replayed = outcome !== undefined;
  if (replayed ? !waitsInReplay(k, ready()) : ready()) return 0;
  const { state = TASK_INTERRUPTIBLE, until, through = SCHEDULE } = options;
  const mark = k.current.locals;
  const entry = waitEntry(k, options.func ?? AUTOREMOVE_WAKE_FUNCTION);
  if (options.exclusive === true) WAIT_ENTRY.flags.set(k, entry, WQ_FLAG_EXCLUSIVE);
  let result = 0;
  for (;;) {
    const interrupted = k.call(PREPARE_TO_WAIT_EVENT, head, entry, state);
    if (replayed) {
      yield* sleep(k, "recorded", state, through);
      break;
    }
    if (ready()) break;
    if (interrupted < 0) {
      result = interrupted;
      break;
    }
    if (until !== undefined && k.clock.now >= until) {
      result = -ETIME;
      break;
    }
    yield* sleep(k, until === undefined ? {} : { until }, state, through);
  }
  // A wait that a signal ended is out of the queue already.
  if (result !== -ERESTARTSYS) k.call(FINISH_WAIT, head, entry);
  popLocals(k, mark);
  return result;
}
