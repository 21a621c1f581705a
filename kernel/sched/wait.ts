/**
 * Wait queues: `kernel/sched/wait.c`. Heads and entries are kernel objects in memory; an entry's `func` decides what a
 * wake-up does with it.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import { behaviour, fn, type FunctionRef } from "../calls/function.ts";
import { functionAt, functionPointer } from "../calls/function_pointer.ts";
import type { Kernel } from "../kernel.ts";
import { initList, listAdd, listAddTail, listDelInit, listEmpty, listEntries } from "../memory/list.ts";
import { field, sizeOfStruct } from "../process/objects.ts";
import { signalPending } from "../process/signal.ts";
import { pushLocal } from "../process/stack.ts";
import { TASK_RUNNING } from "../process/task.ts";
import { ERESTARTSYS } from "../syscalls/errno.ts";
import { TRY_TO_WAKE_UP } from "./wake_up.ts";

/** `struct wait_queue_head`. */
const HEAD = field("wait_queue_head", "head.next");
/** `struct wait_queue_entry`. */
export const WAIT_ENTRY = {
  flags: field("wait_queue_entry", "flags"),
  private: field("wait_queue_entry", "private"),
  func: field("wait_queue_entry", "func"),
  entry: field("wait_queue_entry", "entry.next"),
} as const;

/** `flags`: one of these is woken at a time; they stand behind the others. */
export const WQ_FLAG_EXCLUSIVE = 0x1;
/** `flags`: set by `woken_wake_function`. */
export const WQ_FLAG_WOKEN = 0x2;
/** `flags`: stands before all others. */
export const WQ_FLAG_PRIORITY = 0x20;
/** `wake_flags`: the waker is about to sleep. */
export const WF_SYNC = 0x10;

/** Bytes of a `wait_queue_head`, for queues that are part of objects without a declared layout. */
export function waitQueueHeadSize(k: Kernel): number {
  return sizeOfStruct(k, "wait_queue_head");
}

/** Makes a queue empty, without a call (`init_waitqueue_head` inlined or static). */
export function initWaitQueueHead(k: Kernel, head: Addr): void {
  initList(k, HEAD.at(k, head));
}

/** `init_waitqueue_head`: (head, name, key). */
export const INIT_WAITQUEUE_HEAD: FunctionRef = behaviour("__init_waitqueue_head", [], (k, head = 0) => {
  initWaitQueueHead(k, head);
  return Number.NaN;
});

/** Whether somebody waits in a queue. */
export function waitQueueActive(k: Kernel, head: Addr): boolean {
  return !listEmpty(k, HEAD.at(k, head));
}

/** The entries (`struct wait_queue_entry`) of a queue, first to be woken first. */
export function waitQueueEntries(k: Kernel, head: Addr): Addr[] {
  const offset = WAIT_ENTRY.entry.offset(k);
  return listEntries(k, HEAD.at(k, head)).map((at) => at - offset);
}

/** Wakes the task of an entry: what a plain entry's `func` does. (entry, mode, wake_flags, key) */
export const DEFAULT_WAKE_FUNCTION: FunctionRef = behaviour(
  "default_wake_function",
  [TRY_TO_WAKE_UP],
  (k, entry = 0, mode = 0, wakeFlags = 0) =>
    k.call(TRY_TO_WAKE_UP, WAIT_ENTRY.private.get(k, entry), mode, wakeFlags),
);

/** Wakes the task and takes its entry out of the queue. */
export const AUTOREMOVE_WAKE_FUNCTION: FunctionRef = behaviour(
  "autoremove_wake_function",
  [DEFAULT_WAKE_FUNCTION],
  (k, entry = 0, mode = 0, wakeFlags = 0, key = 0) => {
    const woken = k.call(DEFAULT_WAKE_FUNCTION, entry, mode, wakeFlags, key);
    if (woken !== 0) listDelInit(k, WAIT_ENTRY.entry.at(k, entry));
    return woken;
  },
);

/** Wakes the task and notes in the entry that it was woken. */
export const WOKEN_WAKE_FUNCTION: FunctionRef = behaviour(
  "woken_wake_function",
  [DEFAULT_WAKE_FUNCTION],
  (k, entry = 0, mode = 0, wakeFlags = 0, key = 0) => {
    WAIT_ENTRY.flags.set(k, entry, WAIT_ENTRY.flags.get(k, entry) | WQ_FLAG_WOKEN);
    return k.call(DEFAULT_WAKE_FUNCTION, entry, mode, wakeFlags, key);
  },
);

/** An entry of the running task on its kernel stack, until `popLocals`. */
export function waitEntry(
  k: Kernel,
  func: FunctionRef = AUTOREMOVE_WAKE_FUNCTION,
  task: Addr = k.current.address,
): Addr {
  const entry = pushLocal(k, sizeOfStruct(k, "wait_queue_entry"));
  initWaitEntry(k, entry, func, task);
  return entry;
}

/** Fills in an entry that is in no queue (`init_waitqueue_func_entry`). */
export function initWaitEntry(k: Kernel, entry: Addr, func: FunctionRef, task: Addr): void {
  WAIT_ENTRY.flags.set(k, entry, 0);
  WAIT_ENTRY.private.set(k, entry, task);
  WAIT_ENTRY.func.set(k, entry, functionPointer(k, func));
  initList(k, WAIT_ENTRY.entry.at(k, entry));
}

/** Puts an entry into a queue, before those that wait exclusively. (head, entry) */
export const ADD_WAIT_QUEUE: FunctionRef = behaviour("add_wait_queue", [], (k, head = 0, entry = 0) => {
  WAIT_ENTRY.flags.set(k, entry, WAIT_ENTRY.flags.get(k, entry) & ~WQ_FLAG_EXCLUSIVE);
  addShared(k, head, entry);
  return Number.NaN;
});

/** Puts an entry at the end of a queue: only one of those is woken at a time. (head, entry) */
export const ADD_WAIT_QUEUE_EXCLUSIVE: FunctionRef = behaviour(
  "add_wait_queue_exclusive",
  [],
  (k, head = 0, entry = 0) => {
    addExclusive(k, head, entry);
    return Number.NaN;
  },
);

/** Takes an entry out of its queue. (head, entry) */
export const REMOVE_WAIT_QUEUE: FunctionRef = behaviour("remove_wait_queue", [], (k, _head, entry = 0) => {
  listDelInit(k, WAIT_ENTRY.entry.at(k, entry));
  return Number.NaN;
});

/** Puts the running task in a queue, if it is in none, and sets its state. (head, entry, state) */
export const PREPARE_TO_WAIT: FunctionRef = behaviour(
  "prepare_to_wait",
  [],
  (k, head = 0, entry = 0, state = 0) => {
    WAIT_ENTRY.flags.set(k, entry, WAIT_ENTRY.flags.get(k, entry) & ~WQ_FLAG_EXCLUSIVE);
    if (listEmpty(k, WAIT_ENTRY.entry.at(k, entry))) addShared(k, head, entry);
    k.current.state = state;
    return Number.NaN;
  },
);

/** The same, exclusively: whether the queue was empty. */
export const PREPARE_TO_WAIT_EXCLUSIVE: FunctionRef = behaviour(
  "prepare_to_wait_exclusive",
  [],
  (k, head = 0, entry = 0, state = 0) => {
    let first = 0;
    if (listEmpty(k, WAIT_ENTRY.entry.at(k, entry))) {
      first = waitQueueActive(k, head) ? 0 : 1;
      addExclusive(k, head, entry);
    }
    k.current.state = state;
    return first;
  },
);

/** `prepare_to_wait` of `wait_event`: -ERESTARTSYS, and out of the queue, if a signal would end the wait. */
export const PREPARE_TO_WAIT_EVENT: FunctionRef = behaviour(
  "prepare_to_wait_event",
  [],
  (k, head = 0, entry = 0, state = 0) => {
    if (signalPending(k, k.current, state)) {
      listDelInit(k, WAIT_ENTRY.entry.at(k, entry));
      return -ERESTARTSYS;
    }
    if (listEmpty(k, WAIT_ENTRY.entry.at(k, entry))) {
      if ((WAIT_ENTRY.flags.get(k, entry) & WQ_FLAG_EXCLUSIVE) !== 0) addExclusive(k, head, entry);
      else addShared(k, head, entry);
    }
    k.current.state = state;
    return 0;
  },
);

/** The wait is over: running again, and in no queue. (head, entry) */
export const FINISH_WAIT: FunctionRef = behaviour("finish_wait", [], (k, _head, entry = 0) => {
  k.current.state = TASK_RUNNING;
  if (!listEmpty(k, WAIT_ENTRY.entry.at(k, entry))) listDelInit(k, WAIT_ENTRY.entry.at(k, entry));
  return Number.NaN;
});

/** Functions that entries' `func` can be; `waker` adds those of other files. */
const WAKERS: FunctionRef[] = [
  DEFAULT_WAKE_FUNCTION,
  AUTOREMOVE_WAKE_FUNCTION,
  WOKEN_WAKE_FUNCTION,
  fn("ep_poll_callback"),
  fn("pollwake"),
  fn("ep_autoremove_wake_function"),
  fn("child_wait_callback"),
  fn("wake_bit_function"),
  fn("wake_page_function"),
  fn("receiver_wake_function"),
  fn("unix_dgram_peer_wake_relay"),
  fn("var_wake_function"),
];

/** Calls the entries' functions, until `nr` exclusive ones were woken (0: all). (head, mode, nr, wake_flags, key) */
export const WAKE_UP_COMMON: FunctionRef = behaviour(
  "__wake_up_common",
  WAKERS,
  (k, head = 0, mode = 0, nr = 0, wakeFlags = 0, key = 0) => {
    let left = nr;
    for (const entry of waitQueueEntries(k, head)) {
      const func = functionAt(k, WAIT_ENTRY.func.get(k, entry));
      if (func === undefined) continue;
      const flags = WAIT_ENTRY.flags.get(k, entry);
      const woken = k.call(func, entry, mode, wakeFlags, key);
      if (woken < 0) break;
      if (woken !== 0 && (flags & WQ_FLAG_EXCLUSIVE) !== 0 && --left === 0) break;
    }
    return left;
  },
);

/** The same under the queue's lock. */
export const WAKE_UP_COMMON_LOCK: FunctionRef = behaviour(
  "__wake_up_common_lock",
  [WAKE_UP_COMMON],
  (k, head = 0, mode = 0, nr = 0, wakeFlags = 0, key = 0) => {
    k.calls.call(WAKE_UP_COMMON, head, mode, nr, wakeFlags, key);
    return Number.NaN;
  },
);

/** `wake_up` and its relatives: (head, mode, nr_exclusive, key). */
export const WAKE_UP: FunctionRef = behaviour(
  "__wake_up",
  [WAKE_UP_COMMON_LOCK],
  (k, head = 0, mode = 0, nr = 0, key = 0) => {
    k.call(WAKE_UP_COMMON_LOCK, head, mode, nr, 0, key);
    return Number.NaN;
  },
);

/** Wakes one task; the waker is about to sleep. (head, mode, key) */
export const WAKE_UP_SYNC_KEY: FunctionRef = behaviour(
  "__wake_up_sync_key",
  [WAKE_UP_COMMON_LOCK],
  (k, head = 0, mode = 0, key = 0) => {
    if (head !== 0) k.call(WAKE_UP_COMMON_LOCK, head, mode, 1, WF_SYNC, key);
    return Number.NaN;
  },
);

/** `wake_up_locked`: (head, mode, nr). */
export const WAKE_UP_LOCKED: FunctionRef = behaviour(
  "__wake_up_locked",
  [WAKE_UP_COMMON],
  (k, head = 0, mode = 0, nr = 0) => {
    k.call(WAKE_UP_COMMON, head, mode, nr, 0, 0);
    return Number.NaN;
  },
);

/** Wakes those whose poll key fits; the queue's lock is held. (head, mode, key) */
export const WAKE_UP_LOCKED_KEY: FunctionRef = behaviour(
  "__wake_up_locked_key",
  [WAKE_UP_COMMON],
  (k, head = 0, mode = 0, key = 0) => {
    k.call(WAKE_UP_COMMON, head, mode, 1, 0, key);
    return Number.NaN;
  },
);

function addShared(k: Kernel, head: Addr, entry: Addr): void {
  // Behind those with priority, before everybody else.
  let after = HEAD.at(k, head);
  const offset = WAIT_ENTRY.entry.offset(k);
  for (const at of listEntries(k, after)) {
    if ((WAIT_ENTRY.flags.get(k, at - offset) & WQ_FLAG_PRIORITY) === 0) break;
    after = at;
  }
  listAdd(k, WAIT_ENTRY.entry.at(k, entry), after);
}

function addExclusive(k: Kernel, head: Addr, entry: Addr): void {
  WAIT_ENTRY.flags.set(k, entry, WAIT_ENTRY.flags.get(k, entry) | WQ_FLAG_EXCLUSIVE);
  listAddTail(k, WAIT_ENTRY.entry.at(k, entry), HEAD.at(k, head));
}
