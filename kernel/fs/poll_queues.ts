/**
 * Who waits in `poll` and `select`: `struct poll_wqueues`, an entry per wait queue (`fs/select.c`).
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import { behaviour, type Blocking, blocking, type FunctionRef } from "../calls/function.ts";
import type { Kernel } from "../kernel.ts";
import { kfree, kzalloc } from "../process/alloc.ts";
import { field, sizeOfStruct } from "../process/objects.ts";
import { pushLocal } from "../process/stack.ts";
import { TASK_INTERRUPTIBLE } from "../process/task.ts";
import { ADD_WAIT_QUEUE, initWaitEntry, REMOVE_WAIT_QUEUE, WAIT_ENTRY } from "../sched/wait.ts";
import { DEFAULT_WAKE_FUNCTION } from "../sched/wait.ts";
import { hrtimeout, SCHEDULE_HRTIMEOUT_RANGE } from "../time/hrtimeout.ts";
import { FPUT } from "./fdtable.ts";
import { FILE } from "./fields.ts";
import { initPollTable, POLL_TABLE, queueProc } from "./poll.ts";

const WQUEUES = {
  pt: field("poll_wqueues", "pt"),
  task: field("poll_wqueues", "polling_task"),
  triggered: field("poll_wqueues", "triggered"),
  inlineIndex: field("poll_wqueues", "inline_index"),
  inlineEntries: field("poll_wqueues", "inline_entries"),
} as const;
const ENTRY = {
  filp: field("poll_table_entry", "filp"),
  key: field("poll_table_entry", "key"),
  wait: field("poll_table_entry", "wait"),
  head: field("poll_table_entry", "wait_address"),
} as const;

/** Entries that did not fit in the struct: those of a page of their own. */
const more = new WeakMap<Kernel, Map<Addr, Addr[]>>();

/** Wakes the task that polls, if what happened is what it waits for. (entry, mode, sync, key) */
export const POLLWAKE: FunctionRef = behaviour(
  "pollwake",
  [DEFAULT_WAKE_FUNCTION],
  (k, wait = 0, mode = 0, sync = 0, key = 0) => {
    const entry = wait - ENTRY.wait.offset(k);
    if (key !== 0 && (key & ENTRY.key.get(k, entry)) === 0) return 0;
    const queues = WAIT_ENTRY.private.get(k, wait);
    WQUEUES.triggered.set(k, queues, 1);
    // The task is woken through an entry that stands for it (`DECLARE_WAITQUEUE(dummy_wait, …)`).
    WAIT_ENTRY.private.set(k, wait, WQUEUES.task.get(k, queues));
    const woken = k.call(DEFAULT_WAKE_FUNCTION, wait, mode, sync, key);
    WAIT_ENTRY.private.set(k, wait, queues);
    return woken;
  },
);

/** Queues the polling task where a file tells of changes. (file, head, poll_table) */
export const POLLWAIT: FunctionRef = queueProc(
  behaviour("__pollwait", [ADD_WAIT_QUEUE], (k, file = 0, head = 0, table = 0) => {
    const queues = table - WQUEUES.pt.offset(k);
    const entry = newEntry(k, queues);
    FILE.count.add(k, file, 1);
    ENTRY.filp.set(k, entry, file);
    ENTRY.key.set(k, entry, POLL_TABLE.key.get(k, table));
    ENTRY.head.set(k, entry, head);
    initWaitEntry(k, ENTRY.wait.at(k, entry), POLLWAKE, queues);
    k.call(ADD_WAIT_QUEUE, head, ENTRY.wait.at(k, entry));
    return Number.NaN;
  }),
);

/** Prepares a `struct poll_wqueues` for the running task. (queues) */
export const POLL_INITWAIT: FunctionRef = behaviour("poll_initwait", [], (k, queues = 0) => {
  initPollTable(k, WQUEUES.pt.at(k, queues), POLLWAIT, -1);
  WQUEUES.task.set(k, queues, k.current.address);
  return Number.NaN;
});

/** Takes the task out of all queues. (queues) */
export const POLL_FREEWAIT: FunctionRef = behaviour(
  "poll_freewait",
  [REMOVE_WAIT_QUEUE, FPUT],
  (k, queues = 0) => {
    const size = sizeOfStruct(k, "poll_table_entry");
    const count = WQUEUES.inlineIndex.get(k, queues);
    for (let i = 0; i < count; i++) leave(k, WQUEUES.inlineEntries.at(k, queues) + i * size);
    const others = more.get(k)?.get(queues);
    for (const entry of others ?? []) {
      leave(k, entry);
      kfree(k, entry);
    }
    more.get(k)?.delete(queues);
    return Number.NaN;
  },
);

/** Sleeps until a queue tells of something, or until `until`: 0 when the time came. (queues, state, expires, slack) */
const POLL_SCHEDULE_TIMEOUT: FunctionRef = blocking(
  "poll_schedule_timeout",
  [SCHEDULE_HRTIMEOUT_RANGE],
  function* (k, queues = 0) {
    const until = untils.get(k.current);
    return (yield* schedule(k, queues, until)) ? 0 : 1;
  },
);
const untils = new WeakMap<object, number>();

/** What `pollSleep`'s callers list. */
export const POLL_SLEEPS: readonly FunctionRef[] = [POLL_SCHEDULE_TIMEOUT, SCHEDULE_HRTIMEOUT_RANGE];

/** Waits for what a `poll_wqueues` is queued for. True when the time came. */
export function* pollSleep(k: Kernel, queues: Addr, until: number | undefined): Blocking<boolean> {
  if (until === undefined) untils.delete(k.current);
  else untils.set(k.current, until);
  const left = yield* k.calls.callBlocking(POLL_SCHEDULE_TIMEOUT, queues, TASK_INTERRUPTIBLE);
  return left === 0;
}

function* schedule(k: Kernel, queues: Addr, until: number | undefined): Blocking<boolean> {
  const timedOut = WQUEUES.triggered.get(k, queues) === 0
    ? yield* hrtimeout(k, TASK_INTERRUPTIBLE, until)
    : false;
  WQUEUES.triggered.set(k, queues, 0);
  return timedOut;
}

/** A `struct poll_wqueues` on the kernel stack, until `popLocals`. */
export function pollQueues(k: Kernel): Addr {
  const queues = pushLocal(k, sizeOfStruct(k, "poll_wqueues"));
  k.call(POLL_INITWAIT, queues);
  return queues;
}

/** The poll table of a `poll_wqueues`. */
export function pollTableOf(k: Kernel, queues: Addr): Addr {
  return WQUEUES.pt.at(k, queues);
}

function newEntry(k: Kernel, queues: Addr): Addr {
  const size = sizeOfStruct(k, "poll_table_entry");
  const room = Math.floor((sizeOfStruct(k, "poll_wqueues") - WQUEUES.inlineEntries.offset(k)) / size);
  const index = WQUEUES.inlineIndex.get(k, queues);
  if (index < room) {
    WQUEUES.inlineIndex.set(k, queues, index + 1);
    return WQUEUES.inlineEntries.at(k, queues) + index * size;
  }
  let byQueues = more.get(k);
  if (byQueues === undefined) more.set(k, byQueues = new Map());
  const entry = kzalloc(k, size);
  const entries = byQueues.get(queues);
  if (entries === undefined) byQueues.set(queues, [entry]);
  else entries.push(entry);
  return entry;
}

function leave(k: Kernel, entry: Addr): void {
  k.call(REMOVE_WAIT_QUEUE, ENTRY.head.get(k, entry), ENTRY.wait.at(k, entry));
  k.call(FPUT, ENTRY.filp.get(k, entry));
}
