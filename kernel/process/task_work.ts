/**
 * Work that a task does on its way back to user space: closing the files that it let go of.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import { behaviour, fn, type FunctionRef } from "../calls/function.ts";
import type { Kernel } from "../kernel.ts";
import type { Task } from "./task.ts";

const FPUT_WORK = fn("____fput");

/** Queues the release of a file (`task_work_add`). */
export const TASK_WORK_ADD: FunctionRef = behaviour("task_work_add", [], (k, _task, work) => {
  k.current.taskWorks.push(work as Addr);
  return 0;
});

/** Runs everything queued, what that queues included. */
export const TASK_WORK_RUN: FunctionRef = behaviour("task_work_run", [FPUT_WORK], (k) => {
  const { taskWorks } = k.current;
  for (let work = taskWorks.shift(); work !== undefined; work = taskWorks.shift()) k.call(FPUT_WORK, work);
  return Number.NaN;
});

/** Does the queued work as a call of its own, within `budget` nanoseconds if given. */
export function runTaskWork(k: Kernel, task: Task, budget: number | undefined): void {
  k.calls.enter(
    task,
    TASK_WORK_RUN,
    [],
    budget === undefined ? undefined : Math.max(0, budget),
    { kind: "exit" },
  );
}
