/**
 * Who may look into a process: `ptrace_may_access` as procfs asks it.
 *
 * @module
 */

import type { Kernel } from "../../kernel.ts";
import { CRED, type Task } from "../../process/task.ts";

/** Whether the running task may see what another one keeps to itself: its memory, its files, its environment. */
export function mayRead(k: Kernel, task: Task): boolean {
  const { current } = k;
  if (current.leader === task.leader) return true;
  const own = CRED.fsuid.get(k, current.cred);
  return own === 0 || (["uid", "euid", "suid"] as const).every((id) => CRED[id].get(k, task.cred) === own);
}
