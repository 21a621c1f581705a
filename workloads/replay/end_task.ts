/**
 * Ends a task whose recorded life ends without a call that does it: a signal killed it, or its `exit` is missing.
 *
 * @module
 */

import type { Kernel } from "../../kernel/kernel.ts";
import type { Coroutine } from "../../kernel/sched/coroutine.ts";
import type { Task } from "../../kernel/process/task.ts";
import { runSyscall } from "../../kernel/syscalls/entry.ts";

/** Ends `task` with wait status `code`: an exit status << 8, or the number of the signal that killed it. */
export function* endTask(k: Kernel, task: Task, code: number): Coroutine {
  if ((code & 0x7f) === 0) {
    yield* runSyscall(k, task, { name: "exit_group", args: [code >> 8 & 0xff] });
  }
  if (task.exitCode !== null) return;
  k.tasks.exit(task, code);
  if (task.parent?.waitingForChild === true) k.scheduler.wake(task.parent);
}
