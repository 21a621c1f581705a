/**
 * Doubly linked lists in kernel memory: `struct list_head`.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import type { Kernel } from "../kernel.ts";

/** Makes a list empty, or an entry part of no list (`INIT_LIST_HEAD`, `list_del_init`'s end). */
export function initList(k: Kernel, head: Addr): void {
  k.memory.writeWord(head, head);
  k.memory.writeWord(head + k.image.pointerSize, head);
}

/** The entry after `entry`. */
export function listNext(k: Kernel, entry: Addr): Addr {
  return k.memory.readPointer(entry);
}

/** Whether a list has no entries, or an entry is in no list. Memory that was never initialized counts as empty. */
export function listEmpty(k: Kernel, head: Addr): boolean {
  const next = k.memory.readPointer(head);
  return next === head || next === 0;
}

/** Puts `entry` at the front (`list_add`). */
export function listAdd(k: Kernel, entry: Addr, head: Addr): void {
  link(k, entry, head, k.memory.readPointer(head));
}

/** Puts `entry` at the end (`list_add_tail`). */
export function listAddTail(k: Kernel, entry: Addr, head: Addr): void {
  link(k, entry, k.memory.readPointer(head + k.image.pointerSize), head);
}

/** Takes `entry` out of its list and leaves it as a list of its own (`list_del_init`). */
export function listDelInit(k: Kernel, entry: Addr): void {
  const word = k.image.pointerSize;
  const next = k.memory.readPointer(entry);
  const prev = k.memory.readPointer(entry + word);
  if (next !== 0 && prev !== 0) {
    k.memory.writeWord(prev, next);
    k.memory.writeWord(next + word, prev);
  }
  initList(k, entry);
}

/** The entries of a list as they stand now; taking some out while walking is safe. */
export function listEntries(k: Kernel, head: Addr): Addr[] {
  const entries: Addr[] = [];
  for (let at = k.memory.readPointer(head); at !== head && at !== 0; at = k.memory.readPointer(at)) {
    entries.push(at);
  }
  return entries;
}

function link(k: Kernel, entry: Addr, prev: Addr, next: Addr): void {
  const word = k.image.pointerSize;
  k.memory.writeWord(entry, next);
  k.memory.writeWord(entry + word, prev);
  k.memory.writeWord(next + word, entry);
  k.memory.writeWord(prev, entry);
}
