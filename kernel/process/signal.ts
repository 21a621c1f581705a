/**
 * Whether a signal ends a sleep.
 *
 * @module
 */

import type { Kernel } from "../kernel.ts";
import { field } from "./objects.ts";
import { type Task, TASK_INTERRUPTIBLE, TASK_WAKEKILL } from "./task.ts";

const PENDING = field("task_struct", "pending.signal");
const SIGKILL = 1n << 8n;

/** Whether a signal ends a sleep in `state` of `task` (`signal_pending_state`). */
export function signalPending(k: Kernel, task: Task, state: number = TASK_INTERRUPTIBLE): boolean {
  if (!task.sigPending || (state & (TASK_INTERRUPTIBLE | TASK_WAKEKILL)) === 0) return false;
  if ((state & TASK_INTERRUPTIBLE) !== 0) return true;
  return (k.memory.readBig(PENDING.at(k, task.address), 8, false) & SIGKILL) !== 0n;
}
