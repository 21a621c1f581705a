/**
 * Which signals a task blocks: `set_current_blocked`, `sigprocmask`, and masks for the time of one call.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import { behaviour, type FunctionRef } from "../calls/function.ts";
import type { Kernel } from "../kernel.ts";
import { PF_EXITING, TASK, type Task } from "../process/task.ts";
import { loadUserSet } from "./user_set.ts";
import { blockedOf, pendingSet, privatePending, sharedPending, TASK_SIGNAL, writeSet } from "./fields.ts";
import { SIG_KERNEL_ONLY, type Sigset } from "./numbers.ts";
import { RECALC_SIGPENDING } from "./pending.ts";
import { EFAULT, EINVAL } from "../syscalls/errno.ts";
import { signalWakeUp, WAKES } from "./wake.ts";

/** Sets a task's mask; signals of the process that it no longer takes go to its other threads. (task, set) */
export const SET_TASK_BLOCKED: FunctionRef = behaviour(
  "__set_task_blocked",
  [RECALC_SIGPENDING, ...WAKES],
  (k, address = 0, set = 0) => {
    const wanted = k.memory.readBig(set, 8, false);
    const task = k.tasks.byAddress(address);
    if (task !== undefined && task.sigPending) retarget(k, task, wanted & ~blockedOf(k, address));
    writeSet(k, TASK_SIGNAL.blocked.at(k, address), wanted);
    k.call(RECALC_SIGPENDING);
    return Number.NaN;
  },
);

/** Sets the running task's mask; a set in memory. (set) */
export const SET_CURRENT_BLOCKED_SET: FunctionRef = behaviour(
  "__set_current_blocked",
  [SET_TASK_BLOCKED],
  (k, set = 0) => {
    const { address } = k.current;
    if (k.memory.readBig(set, 8, false) !== blockedOf(k, address)) k.call(SET_TASK_BLOCKED, address, set);
    return Number.NaN;
  },
);

/** The same without SIGKILL and SIGSTOP, which nobody blocks. (set) */
export const SET_CURRENT_BLOCKED: FunctionRef = behaviour(
  "set_current_blocked",
  [SET_CURRENT_BLOCKED_SET],
  (k, set = 0) => {
    writeSet(k, set, k.memory.readBig(set, 8, false) & ~SIG_KERNEL_ONLY);
    k.call(SET_CURRENT_BLOCKED_SET, set);
    return Number.NaN;
  },
);

/** Blocks (`how` 0), unblocks (1) or sets (2) signals. (how, set, oldset) */
export const SIGPROCMASK: FunctionRef = behaviour(
  "sigprocmask",
  [SET_CURRENT_BLOCKED_SET],
  (k, how = 0, set = 0, old = 0) => {
    const { address } = k.current;
    const before = blockedOf(k, address);
    if (old !== 0) writeSet(k, old, before);
    const given = k.memory.readBig(set, 8, false);
    const wanted = how === 0 ? before | given : how === 1 ? before & ~given : how === 2 ? given : null;
    if (wanted === null) return -EINVAL;
    writeSet(k, set, wanted);
    k.call(SET_CURRENT_BLOCKED_SET, set);
    return 0;
  },
);

/** For the time of a call, another mask out of user memory; 0 leaves it as it is. (umask, size) */
export const SET_USER_SIGMASK: FunctionRef = behaviour(
  "set_user_sigmask",
  [SET_CURRENT_BLOCKED],
  (k, umask = 0, size = 0) => {
    if (umask === 0) return 0;
    if (size !== 8) return -EINVAL;
    const set = loadUserSet(k, umask);
    if (set === null) return k.current.request?.recorded === undefined ? -EFAULT : 0;
    const { address } = k.current;
    const before = blockedOf(k, address);
    const spare = TASK_SIGNAL.savedSigmask.at(k, address);
    // The set is made where the saved one goes, then replaced by it: a word of memory less.
    writeSet(k, spare, set);
    k.call(SET_CURRENT_BLOCKED, spare);
    writeSet(k, spare, before);
    k.current.restoreSigmask = true;
    return 0;
  },
);

/** Back to the saved mask, unless a signal is about to be delivered under the other one (`restore_saved_sigmask_unless`). */
export function restoreSigmaskUnless(k: Kernel, interrupted: boolean): void {
  if (!interrupted) restoreSavedSigmask(k);
}

/** Back to the saved mask, if one is. */
export function restoreSavedSigmask(k: Kernel): void {
  const task = k.current;
  if (!task.restoreSigmask) return;
  task.restoreSigmask = false;
  k.call(SET_CURRENT_BLOCKED_SET, TASK_SIGNAL.savedSigmask.at(k, task.address));
}

/** The mask that a handler's end restores: the saved one where a call changed it (`sigmask_to_save`). */
export function sigmaskToSave(k: Kernel, task: Task): Addr {
  return (task.restoreSigmask ? TASK_SIGNAL.savedSigmask : TASK_SIGNAL.blocked).at(k, task.address);
}

function retarget(k: Kernel, task: Task, blocked: Sigset): void {
  let which = pendingSet(k, sharedPending(k, task.address)) & blocked;
  if (which === 0n) return;
  for (const other of k.tasks.threads(task)) {
    if (other === task || (TASK.flags.get(k, other.address) & PF_EXITING) !== 0) continue;
    const takes = which & ~blockedOf(k, other.address);
    if (takes === 0n) continue;
    which &= ~takes;
    if (pendingSet(k, privatePending(k, other.address)) === 0n || !other.sigPending) {
      signalWakeUp(k, other, false);
    }
    if (which === 0n) break;
  }
}
