/**
 * `.tasks`: who lives in the kernel at the prompt, and what each waits in.
 *
 * @module
 */

import type { Kernel } from "../kernel/kernel.ts";
import type { Task } from "../kernel/process/task.ts";
import { type CommandContext, UsageError } from "./context.ts";
import { command } from "./definition.ts";
import { didYouMean } from "./near.ts";
import { liveOf } from "./step.ts";
import { rightColumn, writeTable } from "./write_table.ts";

/** `.tasks`. */
export const tasksCommand = command({
  name: "tasks",
  place: "repl",
  summary: "List tasks and where they stand",
  arguments: [],
  options: [],
  examples: [{ line: "tasks", summary: "All tasks by pid" }],
  async run(context) {
    const { kernel } = liveOf(context);
    const rows = kernel.tasks.all().map((task) => [
      String(task.pid),
      task.comm,
      String(task.cpu),
      stateOf(kernel, task),
    ]);
    await writeTable(
      context,
      [rightColumn("PID"), { title: "COMM" }, rightColumn("CPU"), { title: "WHERE" }],
      rows,
    );
  },
});

function stateOf(k: Kernel, task: Task): string {
  if (task.exitCode !== null) return `exited (${task.exitCode >> 8})`;
  const innermost = task.frames[task.depth - 1];
  if (task.depth > 0 && innermost !== undefined) {
    return `in ${innermost.fn.name}${task.request === null ? "" : `, for ${task.request.name}`}`;
  }
  return k.scheduler.has(task) ? "in user space" : "idle";
}

/** The task that a word names, by pid; without one, the task that went on last. */
export function taskOf(context: CommandContext, word: string | undefined): Task {
  const live = liveOf(context);
  if (word === undefined) {
    if (live.lastTask === undefined) {
      throw new Error("No task has run yet: .step lets one go on, .tasks lists them");
    }
    return live.lastTask;
  }
  const tasks = live.kernel.tasks.all();
  const found = tasks.find((task) => String(task.pid) === word);
  if (found !== undefined) return found;
  const named = tasks.filter((task) => task.comm === word).map((task) => String(task.pid));
  throw new UsageError(`There is no task with pid "${word}"${didYouMean(named) || "; .tasks lists them"}`);
}
