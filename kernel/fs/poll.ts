/**
 * What a file's `poll` operation works with: `include/linux/poll.h`. It says which wait queues tell of changes, by
 * `poll_wait`, and returns what is ready now.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import type { FunctionRef } from "../calls/function.ts";
import { functionAt, functionPointer } from "../calls/function_pointer.ts";
import type { Kernel } from "../kernel.ts";
import { field } from "../process/objects.ts";

/** There is something to read. */
export const EPOLLIN = 0x1;
/** There is something urgent to read. */
export const EPOLLPRI = 0x2;
/** There is room to write. */
export const EPOLLOUT = 0x4;
/** An error. */
export const EPOLLERR = 0x8;
/** The other side is gone. */
export const EPOLLHUP = 0x10;
/** Not an open descriptor. */
export const EPOLLNVAL = 0x20;
/** Like `EPOLLIN`. */
export const EPOLLRDNORM = 0x40;
/** Priority data. */
export const EPOLLRDBAND = 0x80;
/** Like `EPOLLOUT`. */
export const EPOLLWRNORM = 0x100;
/** Priority data may be written. */
export const EPOLLWRBAND = 0x200;
/** A message. */
export const EPOLLMSG = 0x400;
/** The other side will send no more. */
export const EPOLLRDHUP = 0x2000;
/** What a file without a `poll` operation is: always ready. */
export const DEFAULT_POLLMASK: number = EPOLLIN | EPOLLOUT | EPOLLRDNORM | EPOLLWRNORM;

/** `struct poll_table_struct`: who asks, and for which events. */
export const POLL_TABLE = {
  qproc: field("poll_table_struct", "_qproc"),
  key: field("poll_table_struct", "_key"),
} as const;

/** Functions that queue a waiter: `poll` operations call one of them through `pollWait`, so they list these. */
export const QUEUE_PROCS: FunctionRef[] = [];

/** Names a function that queues waiters; the same one comes back. */
export function queueProc(ref: FunctionRef): FunctionRef {
  QUEUE_PROCS.push(ref);
  return ref;
}

/** Sets up a poll table at `table`; without `qproc` nobody is queued. */
export function initPollTable(k: Kernel, table: Addr, qproc: FunctionRef | null, key: number): void {
  POLL_TABLE.qproc.set(k, table, qproc === null ? 0 : functionPointer(k, qproc));
  POLL_TABLE.key.set(k, table, key);
}

/** `poll_wait`: changes of `file` are told in the wait queue at `head`. `table` is what `poll` was called with, 0: nobody waits. */
export function pollWait(k: Kernel, file: Addr, head: Addr, table: Addr): void {
  if (table === 0 || head === 0 || Number.isNaN(table)) return;
  const qproc = functionAt(k, POLL_TABLE.qproc.get(k, table));
  if (qproc !== undefined) k.call(qproc, file, head, table);
}

/** `vfs_poll`: what a file is ready for. */
export function vfsPoll(k: Kernel, address: Addr, table: Addr): number {
  const poll = k.vfs.files.get(address)?.ops?.poll;
  if (poll === undefined) return DEFAULT_POLLMASK;
  const mask = k.call(poll, address, table);
  return Number.isNaN(mask) ? DEFAULT_POLLMASK : mask;
}
