/**
 * Waiting for a bit of a page: for its lock, or for the end of its writing.
 *
 * @module
 */

import { IO_SCHEDULE, sleepForIo } from "../block/io_schedule.ts";
import { behaviour, blocking, fn, type FunctionRef } from "../calls/function.ts";
import { recordedWake } from "../process/sleep.ts";
import { INODE, SUPER } from "../fs/fields.ts";
import { tracepoint } from "../tracing/reference.ts";
import { PG_LOCKED, PG_WAITERS, PG_WRITEBACK } from "./page_flags.ts";

/** Sleeps until a bit of a page is clear. In a replay the disk takes no longer than the recording leaves. */
export const FOLIO_WAIT_BIT_COMMON: FunctionRef = blocking(
  "folio_wait_bit_common",
  [IO_SCHEDULE],
  function* (k, address = 0, bit = 0) {
    const folio = k.pageCache.folios.get(address);
    if (folio === undefined) return 0;
    const recorded = recordedWake(k);
    if (recorded === recorded) k.block.hasten(Math.max(recorded, k.clock.now));
    while (folio.test(bit)) {
      folio.set(PG_WAITERS);
      folio.waiters.push(k.current);
      yield* sleepForIo(k);
    }
    return 0;
  },
);
/** `folio_wait_bit`. */
export const FOLIO_WAIT_BIT: FunctionRef = blocking(
  "folio_wait_bit",
  [FOLIO_WAIT_BIT_COMMON],
  function* (k, folio = 0, bit = 0) {
    yield* k.calls.callBlocking(FOLIO_WAIT_BIT_COMMON, folio, bit, 2, 0);
    return Number.NaN;
  },
);
/** Drops a reference and waits for the lock. */
export const FOLIO_PUT_WAIT_LOCKED: FunctionRef = blocking(
  "folio_put_wait_locked",
  [FOLIO_WAIT_BIT_COMMON],
  function* (k, folio = 0, state = 0) {
    return yield* k.calls.callBlocking(FOLIO_WAIT_BIT_COMMON, folio, PG_LOCKED, state, 2);
  },
);
/** Takes the lock of a page, waiting for it. */
export const __FOLIO_LOCK: FunctionRef = blocking(
  "__folio_lock",
  [FOLIO_WAIT_BIT_COMMON],
  function* (k, address = 0) {
    yield* k.calls.callBlocking(FOLIO_WAIT_BIT_COMMON, address, PG_LOCKED, 2, 0);
    k.pageCache.folios.get(address)?.set(PG_LOCKED);
    return Number.NaN;
  },
);

const WAIT_WRITEBACK = tracepoint("writeback:folio_wait_writeback", "name", "ino", "index");

/** Waits until a page is written. */
export const FOLIO_WAIT_WRITEBACK: FunctionRef = blocking(
  "folio_wait_writeback",
  [FOLIO_WAIT_BIT],
  function* (k, address = 0) {
    const folio = k.pageCache.folios.get(address);
    while (folio?.test(PG_WRITEBACK)) {
      if (k.tracepoints.enabled(WAIT_WRITEBACK) && folio.space !== null) {
        const { inode } = folio.space;
        k.tracepoints.fire(WAIT_WRITEBACK, bdiName(k, inode.address), inode.ino, folio.index);
      }
      yield* k.calls.callBlocking(FOLIO_WAIT_BIT, address, PG_WRITEBACK);
    }
    return Number.NaN;
  },
);
/** The same, given a page. */
export const WAIT_ON_PAGE_WRITEBACK: FunctionRef = blocking(
  "wait_on_page_writeback",
  [FOLIO_WAIT_WRITEBACK],
  function* (k, page = 0) {
    yield* k.calls.callBlocking(FOLIO_WAIT_WRITEBACK, page);
    return Number.NaN;
  },
);

/** Wakes those who wait for a bit of a page. */
const FOLIO_WAKE_BIT: FunctionRef = behaviour(
  "folio_wake_bit",
  [fn("__wake_up_locked_key_bookmark")],
  (k, address = 0) => {
    const folio = k.pageCache.folios.get(address);
    if (folio === undefined) return Number.NaN;
    k.call(fn("__wake_up_locked_key_bookmark"));
    folio.clear(PG_WAITERS);
    for (const task of folio.waiters.splice(0)) k.scheduler.wake(task);
    return Number.NaN;
  },
);

/** Gives up the lock of a page. */
export const FOLIO_UNLOCK: FunctionRef = behaviour("folio_unlock", [FOLIO_WAKE_BIT], (k, address = 0) => {
  const folio = k.pageCache.folios.get(address);
  if (folio === undefined) return Number.NaN;
  folio.clear(PG_LOCKED);
  if (folio.test(PG_WAITERS)) k.call(FOLIO_WAKE_BIT, address, PG_LOCKED);
  return Number.NaN;
});
/** The same, given a page. */
export const UNLOCK_PAGE: FunctionRef = behaviour("unlock_page", [FOLIO_UNLOCK], (k, page = 0) => {
  k.call(FOLIO_UNLOCK, page);
  return Number.NaN;
});

/** A page is written. */
export const FOLIO_END_WRITEBACK: FunctionRef = behaviour(
  "folio_end_writeback",
  [fn("__folio_end_writeback"), FOLIO_WAKE_BIT],
  (k, address = 0) => {
    const folio = k.pageCache.folios.get(address);
    if (folio === undefined || !folio.test(PG_WRITEBACK)) return Number.NaN;
    k.call(fn("__folio_end_writeback"), address);
    folio.clear(PG_WRITEBACK);
    folio.space?.writeback.delete(folio.index);
    k.pageCache.writeback--;
    k.pageCache.written++;
    if (folio.test(PG_WAITERS)) k.call(FOLIO_WAKE_BIT, address, PG_WRITEBACK);
    return Number.NaN;
  },
);
/** The same, given a page. */
export const END_PAGE_WRITEBACK: FunctionRef = behaviour(
  "end_page_writeback",
  [FOLIO_END_WRITEBACK],
  (k, page = 0) => {
    k.call(FOLIO_END_WRITEBACK, page);
    return Number.NaN;
  },
);

/** What tracepoints call the backing device of an inode's file system: `254:0`. */
export function bdiName(k: Parameters<typeof INODE.sb.get>[0], inode: number): string {
  const sb = INODE.sb.get(k, inode);
  const dev = sb === 0 ? 0 : SUPER.dev.get(k, sb);
  return `${dev >>> 20}:${dev & 0xfffff}`;
}
