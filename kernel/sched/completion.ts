/**
 * Completions: one side waits until the other has done something. `kernel/sched/completion.c`.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import { behaviour, type Blocking, type FunctionRef } from "../calls/function.ts";
import type { Kernel } from "../kernel.ts";
import { field } from "../process/objects.ts";
import { signalPending } from "../process/signal.ts";
import { recorded } from "../fs/recorded.ts";
import { waitsInReplay } from "../process/recorded_wait.ts";
import { sleep, WAIT_FOR_COMPLETION } from "../process/sleep.ts";
import { popLocals } from "../process/stack.ts";
import { TASK_UNINTERRUPTIBLE } from "../process/task.ts";
import { ERESTARTSYS, ETIME } from "../syscalls/errno.ts";
import {
  finishSwait,
  initSwaitQueueHead,
  prepareToSwait,
  SWAKE_UP_ALL_LOCKED,
  SWAKE_UP_LOCKED,
} from "./swait.ts";

const DONE = field("completion", "done");
const WAIT = field("completion", "wait");
const ALL = 0xffffffff;

/** Makes a completion that nothing has completed yet (`init_completion`). */
export function initCompletion(k: Kernel, completion: Addr): void {
  DONE.set(k, completion, 0);
  initSwaitQueueHead(k, WAIT.at(k, completion));
}

/** One waiter can go on. (completion) */
export const COMPLETE: FunctionRef = behaviour("complete", [SWAKE_UP_LOCKED], (k, completion = 0) => {
  if (DONE.get(k, completion) !== ALL) DONE.add(k, completion, 1);
  k.call(SWAKE_UP_LOCKED, WAIT.at(k, completion));
  return Number.NaN;
});

/** All waiters can go on, now and later. (completion) */
export const COMPLETE_ALL: FunctionRef = behaviour(
  "complete_all",
  [SWAKE_UP_ALL_LOCKED],
  (k, completion = 0) => {
    DONE.set(k, completion, ALL);
    k.call(SWAKE_UP_ALL_LOCKED, WAIT.at(k, completion));
    return Number.NaN;
  },
);

/** Whether a wait would end at once (`completion_done`). */
export function completionDone(k: Kernel, completion: Addr): boolean {
  return DONE.get(k, completion) !== 0;
}

/**
 * Waits for a completion in `state`, through `through` (`wait_for_completion` and its relatives; each ends in `schedule`).
 *
 * @returns 0, -ERESTARTSYS when a signal came first, or -ETIME when `until` did
 */
export function* waitForCompletion(
  k: Kernel,
  completion: Addr,
  state: number = TASK_UNINTERRUPTIBLE,
  through: FunctionRef = WAIT_FOR_COMPLETION,
  until?: number,
): Blocking<number> {
  const replayed = recorded(k) !== undefined;
  const done = completionDone(k, completion);
  if (replayed ? !waitsInReplay(k, done) : done) return taken(k, completion);
  const mark = k.current.locals;
  const entry = prepareToSwait(k, WAIT.at(k, completion));
  let result = 0;
  if (replayed) yield* sleep(k, "recorded", state, through);
  else {
    while (!completionDone(k, completion)) {
      if (signalPending(k, k.current, state)) result = -ERESTARTSYS;
      else if (until !== undefined && k.clock.now >= until) result = -ETIME;
      if (result !== 0) break;
      yield* sleep(k, until === undefined ? {} : { until }, state, through);
    }
  }
  finishSwait(k, entry);
  popLocals(k, mark);
  return result === 0 ? taken(k, completion) : result;
}

function taken(k: Kernel, completion: Addr): number {
  const done = DONE.get(k, completion);
  if (done !== ALL && done > 0) DONE.set(k, completion, done - 1);
  return 0;
}
