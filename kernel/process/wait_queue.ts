/**
 * Where a process waits for its children: `signal_struct.wait_chldexit`.
 *
 * @module
 */

import { behaviour, type FunctionRef } from "../calls/function.ts";
import { WAKE_UP_SYNC_KEY } from "../sched/wait.ts";
import { field } from "./objects.ts";
import { TASK, TASK_INTERRUPTIBLE } from "./task.ts";

/** The queue. */
export const WAIT_CHLDEXIT = field("signal_struct", "wait_chldexit");

/** Wakes a process that waits for its children. (child, parent) */
export const WAKE_UP_PARENT: FunctionRef = behaviour(
  "__wake_up_parent",
  [WAKE_UP_SYNC_KEY],
  (k, child = 0, parent = 0) => {
    const head = WAIT_CHLDEXIT.at(k, TASK.signal.get(k, parent));
    k.call(WAKE_UP_SYNC_KEY, head, TASK_INTERRUPTIBLE, child);
    return Number.NaN;
  },
);
