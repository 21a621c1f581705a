/**
 * What a process does on signals: `do_sigaction`, `do_sigaltstack`, and what fork and exec make of it.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import { behaviour, type FunctionRef } from "../calls/function.ts";
import type { Kernel } from "../kernel.ts";
import { freeObject, newObject } from "../process/alloc.ts";
import { sizeOfStruct } from "../process/objects.ts";
import { TASK, type Task } from "../process/task.ts";
import { initWaitQueueHead } from "../sched/wait.ts";
import { initList } from "../memory/list.ts";
import { EINVAL } from "../syscalls/errno.ts";
import {
  actionOf,
  privatePending,
  readSet,
  sharedPending,
  SIGACTION,
  SIGHAND,
  SIGNAL,
  SIGPENDING,
  TASK_SIGNAL,
  writeSet,
} from "./fields.ts";
import { inSet, NSIG, SIG_DFL, SIG_IGN, SIG_KERNEL_IGNORE, SIG_KERNEL_ONLY, sigmask } from "./numbers.ts";
import { flushPending, recalc } from "./pending.ts";
import { ignores } from "./send.ts";

/** Sets and tells a signal's action; either may be 0. Actions in kernel memory. (sig, act, oact) */
export const DO_SIGACTION: FunctionRef = behaviour(
  "do_sigaction",
  [],
  (k, signal = 0, act = 0, oact = 0) => {
    const task = k.current;
    if (signal < 1 || signal > NSIG || (act !== 0 && inSet(SIG_KERNEL_ONLY, signal))) return -EINVAL;
    const size = sizeOfStruct(k, "k_sigaction");
    const action = actionOf(k, task.address, signal);
    if (oact !== 0) k.memory.writeBytes(oact, k.memory.readBytes(action, size));
    if (act === 0) return 0;
    const mask = SIGACTION.mask.at(k, act);
    writeSet(k, mask, readSet(k, mask) & ~SIG_KERNEL_ONLY);
    k.memory.writeBytes(action, k.memory.readBytes(act, size));
    const handler = SIGACTION.handler.get(k, action);
    const discards = handler === SIG_IGN || (handler === SIG_DFL && inSet(SIG_KERNEL_IGNORE, signal));
    if (discards && (!task.replayed || ignores(k, task, signal, false))) {
      flushPending(k, sharedPending(k, task.address), sigmask(signal));
      for (const thread of k.tasks.threads(task)) {
        flushPending(k, privatePending(k, thread.address), sigmask(signal));
        recalc(k, thread);
      }
    }
    return 0;
  },
);

/** The handlers of a new task: shared, or a copy. `from` null: everything by default. */
export function attachSighand(k: Kernel, task: Addr, from: Task | null, shared: boolean): void {
  if (from !== null && shared) {
    const sighand = TASK.sighand.get(k, from.address);
    SIGHAND.count.add(k, sighand, 1);
    TASK.sighand.set(k, task, sighand);
    return;
  }
  const sighand = newObject(k, "sighand_cache", "sighand_struct");
  SIGHAND.count.set(k, sighand, 1);
  initWaitQueueHead(k, SIGHAND.signalfdWqh.at(k, sighand));
  TASK.sighand.set(k, task, sighand);
  if (from === null) return;
  const bytes = NSIG * sizeOfStruct(k, "k_sigaction");
  const source = SIGHAND.action.at(k, TASK.sighand.get(k, from.address));
  k.memory.writeBytes(SIGHAND.action.at(k, sighand), k.memory.readBytes(source, bytes));
}

/** Handlers of its own for a task whose program is replaced (`unshare_sighand`). */
export function unshareSighand(k: Kernel, task: Task): void {
  const old = TASK.sighand.get(k, task.address);
  if (SIGHAND.count.get(k, old) <= 1) return;
  attachSighand(k, task.address, task, false);
  SIGHAND.count.add(k, old, -1);
}

/** Drops a task's handlers (`__cleanup_sighand`). */
export function putSighand(k: Kernel, task: Addr): void {
  const sighand = TASK.sighand.get(k, task);
  if (SIGHAND.count.add(k, sighand, -1) <= 0) freeObject(k, "sighand_cache", sighand);
}

/** Empty pending sets for a new task; its mask is its parent's. */
export function initSignals(k: Kernel, task: Addr, from: Task | null): void {
  initPending(k, privatePending(k, task));
  if (from !== null) {
    writeSet(k, TASK_SIGNAL.blocked.at(k, task), readSet(k, TASK_SIGNAL.blocked.at(k, from.address)));
  }
}

/** An empty `sigpending`. */
export function initPending(k: Kernel, pending: Addr): void {
  initList(k, SIGPENDING.list.at(k, pending));
  writeSet(k, SIGPENDING.signal.at(k, pending), 0n);
}

/** A process' own `sigpending`, empty. */
export function initSharedPending(k: Kernel, signal: Addr): void {
  initPending(k, SIGNAL.sharedPending.at(k, signal));
}

/** What execve leaves of handlers: only what was ignored still is (`flush_signal_handlers`). */
export const FLUSH_SIGNAL_HANDLERS: FunctionRef = behaviour(
  "flush_signal_handlers",
  [],
  (k, address = 0, force = 0) => {
    for (let signal = 1; signal <= NSIG; signal++) {
      const action = actionOf(k, address, signal);
      const ignored = SIGACTION.handler.get(k, action) === SIG_IGN;
      if (force !== 0 || !ignored) SIGACTION.handler.set(k, action, SIG_DFL);
      SIGACTION.flags.set(k, action, 0);
      SIGACTION.restorer.set(k, action, 0);
      writeSet(k, SIGACTION.mask.at(k, action), 0n);
    }
    return Number.NaN;
  },
);

/** Forgets all that waits for a task that is gone. */
export function flushSignals(k: Kernel, task: Task, shared: boolean): void {
  const all = (1n << BigInt(NSIG)) - 1n;
  flushPending(k, privatePending(k, task.address), all);
  if (shared) flushPending(k, sharedPending(k, task.address), all);
}
