/**
 * Simple wait queues, which completions are made of: `kernel/sched/swait.c`.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import { behaviour, type FunctionRef } from "../calls/function.ts";
import type { Kernel } from "../kernel.ts";
import { initList, listAddTail, listDelInit, listEmpty, listEntries } from "../memory/list.ts";
import { field } from "../process/objects.ts";
import { pushLocal } from "../process/stack.ts";
import { WAKE_UP_PROCESS } from "./wake_up.ts";

const TASK_LIST = field("swait_queue_head", "task_list");
/** A `struct swait_queue` is a task and a list entry. */
const listAt = (k: Kernel, entry: Addr): Addr => entry + k.image.pointerSize;

/** Makes a queue empty. */
export function initSwaitQueueHead(k: Kernel, head: Addr): void {
  initList(k, TASK_LIST.at(k, head));
}

/** An entry of the running task on its kernel stack, in the queue at `head`. */
export function prepareToSwait(k: Kernel, head: Addr): Addr {
  const entry = pushLocal(k, 3 * k.image.pointerSize);
  k.memory.writeWord(entry, k.current.address);
  listAddTail(k, listAt(k, entry), TASK_LIST.at(k, head));
  return entry;
}

/** Takes an entry out of its queue if it is in one. */
export function finishSwait(k: Kernel, entry: Addr): void {
  const at = listAt(k, entry);
  if (!listEmpty(k, at)) listDelInit(k, at);
}

/** Wakes whoever waits longest; the queue's lock is held. (head) */
export const SWAKE_UP_LOCKED: FunctionRef = behaviour("swake_up_locked", [WAKE_UP_PROCESS], (k, head = 0) => {
  const first = listEntries(k, TASK_LIST.at(k, head))[0];
  if (first === undefined) return Number.NaN;
  k.call(WAKE_UP_PROCESS, k.memory.readPointer(first - k.image.pointerSize));
  listDelInit(k, first);
  return Number.NaN;
});

/** Wakes all; the queue's lock is held. (head) */
export const SWAKE_UP_ALL_LOCKED: FunctionRef = behaviour(
  "swake_up_all_locked",
  [SWAKE_UP_LOCKED],
  (k, head = 0) => {
    while (!listEmpty(k, TASK_LIST.at(k, head))) k.call(SWAKE_UP_LOCKED, head);
    return Number.NaN;
  },
);
