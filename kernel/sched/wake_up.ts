/**
 * Waking a task: `try_to_wake_up` and what is called in its name.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import { behaviour, type FunctionRef } from "../calls/function.ts";
import type { Kernel } from "../kernel.ts";
import { TASK, TASK_INTERRUPTIBLE, TASK_RUNNING, TASK_UNINTERRUPTIBLE } from "../process/task.ts";

/** `mode` of most wake-ups: whoever sleeps. */
export const TASK_NORMAL: number = TASK_INTERRUPTIBLE | TASK_UNINTERRUPTIBLE;

/** Wakes a task that sleeps in one of the states of `state`: 1, or 0 where it doesn't. (task, state, wake_flags) */
export const TRY_TO_WAKE_UP: FunctionRef = behaviour(
  "try_to_wake_up",
  [],
  (k, address = 0, state = 0) => {
    const task = k.tasks.byAddress(address);
    if (task === undefined || (TASK.state.get(k, address) & state) === 0) return 0;
    task.state = TASK_RUNNING;
    k.scheduler.wake(task);
    return 1;
  },
);

/** Wakes a task whatever it sleeps for. (task) */
export const WAKE_UP_PROCESS: FunctionRef = behaviour(
  "wake_up_process",
  [TRY_TO_WAKE_UP],
  (k, task = 0) => k.call(TRY_TO_WAKE_UP, task, TASK_NORMAL, 0),
);

/** Wakes a task that sleeps in one of the states of `state`. (task, state) */
export const WAKE_UP_STATE: FunctionRef = behaviour(
  "wake_up_state",
  [TRY_TO_WAKE_UP],
  (k, task = 0, state = 0) => k.call(TRY_TO_WAKE_UP, task, state, 0),
);

/** Wakes a task without a call to see. */
export function wakeTask(k: Kernel, task: Addr, state: number = TASK_NORMAL): boolean {
  return k.call(TRY_TO_WAKE_UP, task, state, 0) !== 0;
}
