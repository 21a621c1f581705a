/**
 * Ends a task whose recorded life ends without a call that does it: a signal killed it, or its `exit` is missing.
 *
 * @module
 */

import type { Kernel } from "../../kernel/kernel.ts";
import { DO_GROUP_EXIT, exited } from "../../kernel/process/exit.ts";
import type { Task } from "../../kernel/process/task.ts";
import type { Coroutine } from "../../kernel/sched/coroutine.ts";
import { deliverRecorded } from "../../kernel/signal/recorded.ts";

/**
 * Ends `task`, which runs now, on its way back to user space. `code` is the wait status: an exit status << 8, or the
 * number of the signal that killed it, with 0x80 where it dumped core. `signal` is that signal, or 0.
 */
export function* endTask(k: Kernel, task: Task, code: number, signal: number): Coroutine {
  try {
    if (signal !== 0) {
      yield* deliverRecorded(k, task, { signal, info: { signo: signal, code: 0 }, dies: code });
    } else k.calls.enter(task, DO_GROUP_EXIT, [code], undefined, { kind: "exit" });
  } catch (error) {
    exited(k, task, error);
  }
}
