/**
 * What an address space has in memory: counters per kind of page, kept by the task until there are many of them.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import { behaviour, type FunctionRef } from "../calls/function.ts";
import type { Kernel } from "../kernel.ts";
import type { PageKind } from "../memory/user_page.ts";
import { field } from "../process/objects.ts";
import { tracepoint } from "../tracing/reference.ts";

/** Pages of files. */
export const MM_FILEPAGES = 0;
/** Anonymous pages. */
export const MM_ANONPAGES = 1;
/** Pages on swap. */
export const MM_SWAPENTS = 2;
/** Pages of shared memory. */
export const MM_SHMEMPAGES = 3;

const RSS = field("mm_struct", "rss_stat.count");
const TASK_RSS = field("task_struct", "rss_stat.count");
const TASK_EVENTS = field("task_struct", "rss_stat.events");
const TASK_MM = field("task_struct", "mm");
/** After so many faults a task hands its counts to its address space. */
const TASK_RSS_EVENTS_THRESH = 64;
const RSS_STAT = tracepoint("kmem:rss_stat", "mm_id", "curr", "member", "size");

/** The counter that counts a page. */
export function counterOf(kind: PageKind): number {
  return kind === "anon" ? MM_ANONPAGES : kind === "shmem" ? MM_SHMEMPAGES : MM_FILEPAGES;
}

/** Adds to a counter of an address space itself. */
export function addMmCounter(k: Kernel, mm: Addr, member: number, pages: number): void {
  if (pages === 0) return;
  const at = RSS.at(k, mm) + member * k.image.pointerSize;
  const count = k.memory.readWord(at) + pages;
  k.memory.writeWord(at, count);
  k.tracepoints.fire(RSS_STAT, 0, TASK_MM.get(k, k.current.address) === mm ? 1 : 0, member, count * 4096);
}

/** What an address space counts, without what tasks still keep. */
export function mmCounter(k: Kernel, mm: Addr, member: number): number {
  return k.memory.readWord(RSS.at(k, mm) + member * k.image.pointerSize);
}

/** What the tasks that use an address space still keep for themselves. */
export function taskCounter(k: Kernel, task: Addr, member: number): number {
  return k.memory.load(TASK_RSS.at(k, task) + member * 4, 4, true);
}

/** Adds to a counter: the running task's, if it is its own address space. */
export const ADD_MM_COUNTER_FAST: FunctionRef = behaviour(
  "add_mm_counter_fast",
  [],
  (k, mm = 0, member = 0, pages = 0) => {
    const task = k.current.address;
    if (TASK_MM.get(k, task) !== mm) addMmCounter(k, mm, member, pages);
    else {
      const at = TASK_RSS.at(k, task) + member * 4;
      k.memory.store(at, 4, k.memory.load(at, 4, true) + pages);
    }
    return Number.NaN;
  },
);

/** Hands a task's counts to its address space. */
export const SYNC_MM_RSS: FunctionRef = behaviour("sync_mm_rss", [], (k, mm = 0) => {
  syncRss(k, k.current.address, mm);
  return Number.NaN;
});

/** The same without a call. */
export function syncRss(k: Kernel, task: Addr, mm: Addr): void {
  for (let member = 0; member < 4; member++) {
    const at = TASK_RSS.at(k, task) + member * 4;
    const kept = k.memory.load(at, 4, true);
    if (kept === 0) continue;
    addMmCounter(k, mm, member, kept);
    k.memory.store(at, 4, 0);
  }
  TASK_EVENTS.set(k, task, 0);
}

/** `check_sync_rss_stat`: every 64 faults of a task. */
export function checkSyncRss(k: Kernel, mm: Addr): void {
  const task = k.current.address;
  const events = TASK_EVENTS.get(k, task);
  TASK_EVENTS.set(k, task, events + 1);
  if (events > TASK_RSS_EVENTS_THRESH) k.call(SYNC_MM_RSS, mm);
}
