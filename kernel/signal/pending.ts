/**
 * Signals that wait: queued, counted, taken (`kernel/signal.c`).
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import { behaviour, type FunctionRef } from "../calls/function.ts";
import type { Kernel } from "../kernel.ts";
import { listAddTail, listDelInit, listEntries } from "../memory/list.ts";
import { freeObject, newObject } from "../process/alloc.ts";
import { limitOf, RLIMIT_SIGPENDING } from "../process/rlimit.ts";
import type { Task } from "../process/task.ts";
import {
  blockedOf,
  pendingSet,
  privatePending,
  sharedPending,
  SIGPENDING,
  SIGQUEUE,
  TASK_SIGNAL,
  writeSet,
} from "./fields.ts";
import {
  firstOf,
  inSet,
  JOBCTL_PENDING_MASK,
  JOBCTL_STOP_DEQUEUED,
  PIDTYPE_TGID,
  SI_USER,
  SIG_KERNEL_STOP,
  SIGALRM,
  sigmask,
  type Sigset,
  SYNCHRONOUS,
} from "./numbers.ts";
import { siginfoSize, siSigno, writeSiginfo } from "./siginfo.ts";

const CACHE = "sigqueue";

/** What to do when SIGALRM is taken: an interval timer starts again. Set by the timers. */
export const onDequeue: { alarm: ((k: Kernel, task: Task) => void) | null } = { alarm: null };

/** Room for a signal's information; 0 where the limit is reached. (sig, task, gfp, override, flags) */
export const SIGQUEUE_ALLOC: FunctionRef = behaviour(
  "__sigqueue_alloc",
  [],
  (k, _signal, address = 0, _gfp, override = 0) => {
    const target = k.tasks.byAddress(address);
    if (
      override === 0 && target !== undefined &&
      queuedBy(k, target.uid) >= limitOf(k, target, RLIMIT_SIGPENDING)
    ) {
      return 0;
    }
    return newObject(k, CACHE, "sigqueue");
  },
);

/** Takes one signal of a number out of a `sigpending`; its information goes to `info`. (sig, pending, info, resched) */
export const COLLECT_SIGNAL: FunctionRef = behaviour(
  "collect_signal",
  [],
  (k, signal = 0, pending = 0, info = 0) => {
    const offset = SIGQUEUE.list.offset(k);
    const queued = listEntries(k, SIGPENDING.list.at(k, pending)).map((at) => at - offset)
      .filter((entry) => siSigno(k, SIGQUEUE.info.at(k, entry)) === signal);
    const first = queued[0];
    if (queued.length <= 1) {
      const at = SIGPENDING.signal.at(k, pending);
      writeSet(k, at, pendingSet(k, pending) & ~sigmask(signal));
    }
    if (first === undefined) {
      writeSiginfo(k, info, { signo: signal, code: SI_USER });
      return Number.NaN;
    }
    k.memory.writeBytes(info, k.memory.readBytes(SIGQUEUE.info.at(k, first), siginfoSize(k)));
    freeEntry(k, first);
    return Number.NaN;
  },
);

/** Sets or clears the task's `TIF_SIGPENDING`. */
export const RECALC_SIGPENDING: FunctionRef = behaviour("recalc_sigpending", [], (k) => {
  recalc(k, k.current);
  return Number.NaN;
});

/** Takes the next signal that `mask` lets through: its number, 0 if there is none. (task, mask, info, type) */
export const DEQUEUE_SIGNAL: FunctionRef = behaviour(
  "dequeue_signal",
  [COLLECT_SIGNAL, RECALC_SIGPENDING],
  (k, address = 0, mask = 0, info = 0, type = 0) => {
    const task = k.tasks.byAddress(address);
    if (task === undefined) return 0;
    const blocked = k.memory.readBig(mask, 8, false);
    let pending = privatePending(k, address);
    const given = task.recordedSignal;
    // In a replay it is the one that was delivered then.
    const wanted = given === null ? ~blocked : sigmask(given.signal);
    let signal = firstOf(pendingSet(k, pending) & wanted);
    if (signal === 0) {
      pending = sharedPending(k, address);
      signal = firstOf(pendingSet(k, pending) & wanted);
      if (type !== 0) k.memory.store(type, 4, PIDTYPE_TGID);
    }
    if (signal !== 0) k.call(COLLECT_SIGNAL, signal, pending, info, 0);
    if (signal === SIGALRM) onDequeue.alarm?.(k, task);
    k.call(RECALC_SIGPENDING);
    if (inSet(SIG_KERNEL_STOP, signal)) {
      TASK_SIGNAL.jobctl.set(k, address, TASK_SIGNAL.jobctl.get(k, address) | JOBCTL_STOP_DEQUEUED);
    }
    return signal;
  },
);

/** The next signal that the task itself caused, taken; 0 if there is none (`dequeue_synchronous_signal`). */
export function dequeueSynchronous(k: Kernel, task: Task, info: Addr): number {
  const pending = privatePending(k, task.address);
  const signal = firstOf(pendingSet(k, pending) & ~blockedOf(k, task.address) & SYNCHRONOUS);
  if (signal === 0) return 0;
  k.call(COLLECT_SIGNAL, signal, pending, info, 0);
  k.call(RECALC_SIGPENDING);
  return signal;
}

/** Queues an entry made by `__sigqueue_alloc`, whose information is filled in. */
export function enqueue(k: Kernel, pending: Addr, entry: Addr): void {
  listAddTail(k, SIGQUEUE.list.at(k, entry), SIGPENDING.list.at(k, pending));
}

/** Marks a signal as pending. */
export function markPending(k: Kernel, pending: Addr, signal: number): void {
  writeSet(k, SIGPENDING.signal.at(k, pending), pendingSet(k, pending) | sigmask(signal));
}

/** Forgets those signals of a `sigpending` that are in `set` (`flush_sigqueue_mask`). */
export function flushPending(k: Kernel, pending: Addr, set: Sigset): void {
  const waiting = pendingSet(k, pending);
  if ((waiting & set) === 0n) return;
  writeSet(k, SIGPENDING.signal.at(k, pending), waiting & ~set);
  const offset = SIGQUEUE.list.offset(k);
  for (const at of listEntries(k, SIGPENDING.list.at(k, pending))) {
    const entry = at - offset;
    if (inSet(set, siSigno(k, SIGQUEUE.info.at(k, entry)))) freeEntry(k, entry);
  }
}

/** Whether signals wait that a task does not block, or a stop. */
export function recalc(k: Kernel, task: Task): boolean {
  const { address } = task;
  const pending = pendingSet(k, privatePending(k, address)) | pendingSet(k, sharedPending(k, address));
  const waits = (pending & ~blockedOf(k, address)) !== 0n ||
    (TASK_SIGNAL.jobctl.get(k, address) & JOBCTL_PENDING_MASK) !== 0;
  // Linux leaves the flag to the way back to user space where others set it; here it says what is.
  task.sigPending = waits;
  return waits;
}

function freeEntry(k: Kernel, entry: Addr): void {
  listDelInit(k, SIGQUEUE.list.at(k, entry));
  freeObject(k, CACHE, entry);
}

/** Signals that are queued for a user's tasks. */
function queuedBy(k: Kernel, uid: number): number {
  let count = 0;
  const seen = new Set<Addr>();
  for (const task of k.tasks.each()) {
    if (task.uid !== uid || task.exitCode !== null) continue;
    for (const pending of [privatePending(k, task.address), sharedPending(k, task.address)]) {
      if (seen.has(pending)) continue;
      seen.add(pending);
      count += listEntries(k, SIGPENDING.list.at(k, pending)).length;
    }
  }
  return count;
}
