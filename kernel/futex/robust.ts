/**
 * Locks of a task that dies: the list that it registered is walked, and each word says so. `kernel/futex/core.c`.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import { behaviour, type FunctionRef } from "../calls/function.ts";
import type { Kernel } from "../kernel.ts";
import { field } from "../process/objects.ts";
import type { Task } from "../process/task.ts";
import { loadUser } from "../process/user_load.ts";
import { BITSET_MATCH_ANY, FLAGS_SHARED, keyOf, loadWord, storeWord } from "./core.ts";
import { FUTEX_OWNER_DIED, FUTEX_TID_MASK, FUTEX_WAITERS, handOver } from "./pi.ts";
import { FUTEX_WAKE, FUTEX_WAKES } from "./waitwake.ts";

/** `task->robust_list`: the user's `struct robust_list_head`. */
export const ROBUST_LIST = field("task_struct", "robust_list");
/** Entries that are looked at, in case the list is a ring. */
const LIMIT = 2048;

const CLEANUP: FunctionRef = behaviour("futex_cleanup", [FUTEX_WAKE, ...FUTEX_WAKES], (k, address = 0) => {
  const task = k.tasks.byAddress(address);
  const head = ROBUST_LIST.get(k, address);
  if (task !== undefined && head !== 0 && k.memory.user === task.userSpace) walk(k, task, head);
  ROBUST_LIST.set(k, address, 0);
  return Number.NaN;
});

/** On exit. (task) */
export const FUTEX_EXIT_RELEASE: FunctionRef = behaviour(
  "futex_exit_release",
  [CLEANUP],
  (k, task = 0) => {
    k.call(CLEANUP, task);
    return Number.NaN;
  },
);

/** On execve. (task) */
export const FUTEX_EXEC_RELEASE: FunctionRef = behaviour(
  "futex_exec_release",
  [CLEANUP],
  (k, task = 0) => {
    k.call(CLEANUP, task);
    return Number.NaN;
  },
);

function walk(k: Kernel, task: Task, head: Addr): void {
  const word = k.image.pointerSize;
  const at = (address: Addr): number => loadUser(k, address, word, true);
  const offset = at(head + word);
  const pending = at(head + 2 * word);
  if (Number.isNaN(offset + pending)) return;
  let entry = at(head);
  for (let count = 0; !Number.isNaN(entry) && entry !== head && entry !== 0 && count < LIMIT; count++) {
    const next = at(bare(entry));
    if (bare(entry) !== bare(pending)) died(k, task, bare(entry) + offset, entry % 2 !== 0);
    entry = next;
  }
  if (pending !== 0) died(k, task, bare(pending) + offset, pending % 2 !== 0);
}

/** The lowest bit of an entry tells of a lock with priority inheritance. */
function bare(entry: Addr): Addr {
  return entry - Math.abs(entry % 2);
}

function died(k: Kernel, task: Task, uaddr: Addr, pi: boolean): void {
  const word = loadWord(k, uaddr);
  if (Number.isNaN(word) || (word & FUTEX_TID_MASK) !== task.pid) return;
  if (pi) {
    handOver(k, uaddr, keyOf(k, uaddr, FLAGS_SHARED), FUTEX_OWNER_DIED);
    return;
  }
  storeWord(k, uaddr, word & FUTEX_WAITERS | FUTEX_OWNER_DIED);
  if ((word & FUTEX_WAITERS) !== 0) {
    k.call(FUTEX_WAKE, uaddr, 0, 1, BITSET_MATCH_ANY);
    k.call(FUTEX_WAKE, uaddr, FLAGS_SHARED, 1, BITSET_MATCH_ANY);
  }
}
