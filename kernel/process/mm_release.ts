/**
 * A task leaves its memory: `exit_mm_release`, `exec_mm_release`. Who waits for that is told.
 *
 * @module
 */

import { behaviour, fn, type FunctionRef } from "../calls/function.ts";
import type { Kernel } from "../kernel.ts";
import { COMPLETE } from "../sched/completion.ts";
import { FUTEX_EXEC_RELEASE, FUTEX_EXIT_RELEASE } from "../futex/robust.ts";
import { field } from "./objects.ts";
import type { Task } from "./task.ts";
import { storeUser } from "./user_store.ts";

/** `task->vfork_done`: the completion that a vfork parent waits for. */
export const VFORK_DONE = field("task_struct", "vfork_done");
/** `task->clear_child_tid`: cleared and woken when the task leaves its memory. */
export const CLEAR_CHILD_TID = field("task_struct", "clear_child_tid");
/** `task->set_child_tid`: where a new task stores its id. */
export const SET_CHILD_TID = field("task_struct", "set_child_tid");

const MM_USERS = field("mm_struct", "mm_users.counter");
const DO_FUTEX = fn("do_futex");
const FUTEX_WAKE = 1;
/** What both do. (task, mm) */
const MM_RELEASE: FunctionRef = behaviour("mm_release", [DO_FUTEX, COMPLETE], (k, address = 0, mm = 0) => {
  const task = k.tasks.byAddress(address);
  if (task === undefined) return Number.NaN;
  const tid = CLEAR_CHILD_TID.get(k, address);
  if (tid !== 0) {
    if (mm !== 0 && MM_USERS.get(k, mm) > 1) {
      clearTid(k, task, tid);
      k.calls.callOrWait(DO_FUTEX, tid, FUTEX_WAKE, 1, 0, 0, 0);
    }
    CLEAR_CHILD_TID.set(k, address, 0);
  }
  const done = VFORK_DONE.get(k, address);
  if (done !== 0) {
    VFORK_DONE.set(k, address, 0);
    k.call(COMPLETE, done);
  }
  return Number.NaN;
});

/** On exit. (task, mm) */
export const EXIT_MM_RELEASE: FunctionRef = behaviour(
  "exit_mm_release",
  [FUTEX_EXIT_RELEASE, MM_RELEASE],
  (k, address = 0, mm = 0) => {
    k.call(FUTEX_EXIT_RELEASE, address);
    return k.call(MM_RELEASE, address, mm);
  },
);

/** On execve. (task, mm) */
export const EXEC_MM_RELEASE: FunctionRef = behaviour(
  "exec_mm_release",
  [FUTEX_EXEC_RELEASE, MM_RELEASE],
  (k, address = 0, mm = 0) => {
    k.call(FUTEX_EXEC_RELEASE, address);
    return k.call(MM_RELEASE, address, mm);
  },
);

function clearTid(k: Kernel, task: Task, tid: number): void {
  // As `put_user`, whose fault nobody minds here.
  if (k.memory.user === task.userSpace) storeUser(k, tid, 4, 0);
}
