/**
 * How a task ends: `kernel/exit.c`.
 *
 * @module
 */

import type { Task } from "./task.ts";

/** Thrown where `do_exit` would never return: unwinds the task's kernel stack up to `runSyscall`. */
export class TaskExit extends Error {
  readonly task: Task;

  constructor(task: Task) {
    super(`Task ${task.comm} (${task.pid}) has exited`);
    this.name = "TaskExit";
    this.task = task;
  }
}
