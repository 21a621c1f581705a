/**
 * Dirty pages, and how they get to the disk: `mm/page-writeback.c`.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import { behaviour, type Blocking, blocking, fn, type FunctionRef, whenDone } from "../calls/function.ts";
import type { Kernel } from "../kernel.ts";
import { PAGE_SIZE } from "../memory/page.ts";
import { field, sizeOfStruct } from "../process/objects.ts";
import { popLocals, pushLocal } from "../process/stack.ts";
import { tracepoint } from "../tracing/reference.ts";
import { sleep } from "../process/sleep.ts";
import type { AddressSpace, Folio } from "./folio.ts";
import { bdiName, FOLIO_WAIT_WRITEBACK, WAIT_ON_PAGE_WRITEBACK } from "./folio_wait.ts";
import { protectPage } from "./shared_pages.ts";
import { PG_DIRTY, PG_WRITEBACK } from "./page_flags.ts";

/** `struct writeback_control`. */
export const WBC = {
  toWrite: field("writeback_control", "nr_to_write"),
  skipped: field("writeback_control", "pages_skipped"),
  start: field("writeback_control", "range_start"),
  end: field("writeback_control", "range_end"),
  syncMode: field("writeback_control", "sync_mode"),
  wb: field("writeback_control", "wb"),
  inode: field("writeback_control", "inode"),
} as const;
/** `WB_SYNC_NONE`: nobody waits. */
export const WB_SYNC_NONE = 0;
/** `WB_SYNC_ALL`: someone waits for every page. */
export const WB_SYNC_ALL = 1;
const DIRTY_FOLIO = tracepoint("writeback:writeback_dirty_folio", "name", "ino", "index");
const SCHEDULE_TIMEOUT = fn("schedule_timeout");
const MARK_INODE_DIRTY = fn("__mark_inode_dirty");
/** `I_DIRTY_PAGES`. */
export const I_DIRTY_PAGES = 4;

/** Counts a page as dirty. */
const FOLIO_ACCOUNT_DIRTIED: FunctionRef = behaviour("folio_account_dirtied", [], (k, address = 0) => {
  const folio = k.pageCache.folios.get(address);
  const space = folio?.space;
  if (folio === undefined || !space) return Number.NaN;
  if (k.tracepoints.enabled(DIRTY_FOLIO)) {
    k.tracepoints.fire(DIRTY_FOLIO, bdiName(k, space.inode.address), space.inode.ino, folio.index);
  }
  k.pageCache.dirty++;
  k.pageCache.dirtied++;
  return Number.NaN;
});
/** A page that was marked dirty counts as such and is found when its file is written. */
export const __FOLIO_MARK_DIRTY: FunctionRef = behaviour(
  "__folio_mark_dirty",
  [FOLIO_ACCOUNT_DIRTIED],
  (k, address = 0, mapping = 0, warn = 0) => {
    const folio = k.pageCache.folios.get(address);
    if (folio?.space && folio.space.address === mapping && !folio.space.dirty.has(folio.index)) {
      k.call(FOLIO_ACCOUNT_DIRTIED, address, mapping, warn);
      folio.space.dirty.add(folio.index);
    }
    return Number.NaN;
  },
);

/** A page without buffers becomes dirty: true (1) if it was clean. */
export const FILEMAP_DIRTY_FOLIO: FunctionRef = behaviour(
  "filemap_dirty_folio",
  [__FOLIO_MARK_DIRTY, MARK_INODE_DIRTY],
  (k, mapping = 0, address = 0) => {
    const folio = k.pageCache.folios.get(address);
    if (folio === undefined || folio.test(PG_DIRTY)) return 0;
    folio.set(PG_DIRTY);
    k.call(__FOLIO_MARK_DIRTY, address, mapping, 1);
    if (folio.space) k.call(MARK_INODE_DIRTY, folio.space.inode.address, I_DIRTY_PAGES);
    return 1;
  },
);

/** A page is about to be written: true (1) if it was dirty. */
export const FOLIO_CLEAR_DIRTY_FOR_IO: FunctionRef = behaviour(
  "folio_clear_dirty_for_io",
  [fn("folio_mkclean")],
  (k, address = 0) => {
    const folio = k.pageCache.folios.get(address);
    if (folio === undefined) return 0;
    k.call(fn("folio_mkclean"), address);
    if (folio.space !== null) protectPage(k, folio.space.inode, folio.index);
    return cleaned(k, folio) ? 1 : 0;
  },
);
/** The same, given a page. */
export const CLEAR_PAGE_DIRTY_FOR_IO: FunctionRef = behaviour(
  "clear_page_dirty_for_io",
  [FOLIO_CLEAR_DIRTY_FOR_IO],
  (k, page = 0) => k.call(FOLIO_CLEAR_DIRTY_FOR_IO, page),
);
/** A page is on its way to the disk. */
export const __FOLIO_START_WRITEBACK: FunctionRef = behaviour(
  "__folio_start_writeback",
  [],
  (k, address = 0) => {
    const folio = k.pageCache.folios.get(address);
    if (folio === undefined || folio.test(PG_WRITEBACK)) return 1;
    folio.set(PG_WRITEBACK);
    folio.space?.writeback.add(folio.index);
    folio.space?.dirty.delete(folio.index);
    k.pageCache.writeback++;
    return 0;
  },
);
/** The same, given a page. */
export const SET_PAGE_WRITEBACK: FunctionRef = behaviour(
  "set_page_writeback",
  [__FOLIO_START_WRITEBACK],
  (k, page = 0) => k.call(__FOLIO_START_WRITEBACK, page, 0),
);

/** A page is clean again without having been written: its file is cut or gone. */
export function cleaned(k: Kernel, folio: Folio): boolean {
  if (!folio.test(PG_DIRTY)) return false;
  folio.clear(PG_DIRTY);
  folio.space?.dirty.delete(folio.index);
  k.pageCache.dirty--;
  return true;
}

/** Has the file system write a file's dirty pages: 0 or -errno. */
export const DO_WRITEPAGES: FunctionRef = blocking(
  "do_writepages",
  [fn("ext4_writepages"), fn("blkdev_writepages")],
  function* (k, mapping = 0, wbc = 0) {
    const operation = k.pageCache.spaces.get(mapping)?.ops.writepages;
    if (operation === undefined || WBC.toWrite.get(k, wbc) <= 0) return 0;
    return yield* k.calls.callBlocking(operation, mapping, wbc);
  },
);
const FILEMAP_FDATAWRITE_WBC: FunctionRef = blocking(
  "filemap_fdatawrite_wbc",
  [fn("wbc_attach_and_unlock_inode"), DO_WRITEPAGES, fn("wbc_detach_inode")],
  function* (k, mapping = 0, wbc = 0) {
    const space = k.pageCache.spaces.get(mapping);
    if (space === undefined || space.dirty.size === 0) return 0;
    k.call(fn("wbc_attach_and_unlock_inode"), wbc, space.inode.address);
    const error = yield* k.calls.callBlocking(DO_WRITEPAGES, mapping, wbc);
    k.call(fn("wbc_detach_inode"), wbc);
    return error;
  },
);
/** Writes the dirty pages of a range, without waiting for them. */
export const __FILEMAP_FDATAWRITE_RANGE: FunctionRef = blocking(
  "__filemap_fdatawrite_range",
  [FILEMAP_FDATAWRITE_WBC],
  function* (k, mapping = 0, start = 0, end = 0, syncMode = WB_SYNC_ALL) {
    const mark = k.current.locals;
    const wbc = writebackControl(k, syncMode, start, end, Number.MAX_SAFE_INTEGER);
    const error = yield* k.calls.callBlocking(FILEMAP_FDATAWRITE_WBC, mapping, wbc);
    popLocals(k, mark);
    return error;
  },
);
/** Waits for the pages of a range that are on their way. */
export const __FILEMAP_FDATAWAIT_RANGE: FunctionRef = blocking(
  "__filemap_fdatawait_range",
  [fn("pagevec_lookup_range_tag"), WAIT_ON_PAGE_WRITEBACK, fn("__pagevec_release")],
  function* (k, mapping = 0, start = 0, end = 0) {
    const space = k.pageCache.spaces.get(mapping);
    const first = Math.floor(start / PAGE_SIZE);
    const last = Math.floor(end / PAGE_SIZE);
    k.call(fn("pagevec_lookup_range_tag"));
    for (const index of [...space?.writeback ?? []].sort((a, b) => a - b)) {
      const folio = space?.pages.get(index);
      if (index < first || index > last || folio === undefined) continue;
      yield* k.calls.callBlocking(WAIT_ON_PAGE_WRITEBACK, folio.address);
    }
    return Number.NaN;
  },
);
/** Waits, and tells an error that occurred: 0 or -errno. */
export const FILEMAP_FDATAWAIT_RANGE: FunctionRef = blocking(
  "filemap_fdatawait_range",
  [__FILEMAP_FDATAWAIT_RANGE, fn("filemap_check_errors")],
  function* (k, mapping = 0, start = 0, end = 0) {
    yield* k.calls.callBlocking(__FILEMAP_FDATAWAIT_RANGE, mapping, start, end);
    k.call(fn("filemap_check_errors"), mapping);
    return takeError(k.pageCache.spaces.get(mapping));
  },
);
/** Tells a file's owner of an error of writing, once: 0 or -errno. */
export const FILE_CHECK_AND_ADVANCE_WB_ERR: FunctionRef = behaviour(
  "file_check_and_advance_wb_err",
  [],
  (k, file = 0) => {
    const inode = k.vfs.files.get(file)?.inode;
    return inode ? takeError(k.pageCache.known(inode)) : 0;
  },
);
/** Writes a range and waits for it: 0 or -errno. */
export const FILE_WRITE_AND_WAIT_RANGE: FunctionRef = blocking(
  "file_write_and_wait_range",
  [__FILEMAP_FDATAWRITE_RANGE, __FILEMAP_FDATAWAIT_RANGE, FILE_CHECK_AND_ADVANCE_WB_ERR],
  function* (k, file = 0, start = 0, end = 0) {
    const inode = k.vfs.files.get(file)?.inode;
    const space = inode ? k.pageCache.known(inode) : undefined;
    let error = 0;
    if (space !== undefined && space.pages.size > 0) {
      error = yield* k.calls.callBlocking(__FILEMAP_FDATAWRITE_RANGE, space.address, start, end, WB_SYNC_ALL);
      if (error !== -5) yield* k.calls.callBlocking(__FILEMAP_FDATAWAIT_RANGE, space.address, start, end);
    }
    const told = k.call(FILE_CHECK_AND_ADVANCE_WB_ERR, file);
    return error !== 0 ? error : told;
  },
);
/** Writes and waits, for callers without a file: 0 or -errno. */
export const FILEMAP_WRITE_AND_WAIT_RANGE: FunctionRef = blocking(
  "filemap_write_and_wait_range",
  [__FILEMAP_FDATAWRITE_RANGE, __FILEMAP_FDATAWAIT_RANGE],
  function* (k, mapping = 0, start = 0, end = 0) {
    const space = k.pageCache.spaces.get(mapping);
    if (space === undefined || space.pages.size === 0) return 0;
    const error = yield* k.calls.callBlocking(__FILEMAP_FDATAWRITE_RANGE, mapping, start, end, WB_SYNC_ALL);
    yield* k.calls.callBlocking(__FILEMAP_FDATAWAIT_RANGE, mapping, start, end);
    return error !== 0 ? error : takeError(space);
  },
);

/** A `struct writeback_control` in the current stack. */
export function writebackControl(
  k: Kernel,
  syncMode: number,
  start: number,
  end: number,
  pages: number,
): Addr {
  const wbc = pushLocal(k, sizeOfStruct(k, "writeback_control"));
  WBC.toWrite.set(k, wbc, k.image.pointerSize === 4 ? Math.min(pages, 0x7fffffff) : pages);
  WBC.start.set(k, wbc, start);
  WBC.end.set(k, wbc, end);
  WBC.syncMode.set(k, wbc, syncMode);
  return wbc;
}

/** An error of writing is told once. */
export function takeError(space: AddressSpace | undefined): number {
  const error = space?.error ?? 0;
  if (space !== undefined) space.error = 0;
  return error;
}

const THROTTLE = tracepoint(
  "writeback:balance_dirty_pages",
  "bdi",
  "limit",
  "setpoint",
  "dirty",
  "bdi_dirty",
  "dirtied",
  "pause",
);
/** Longest pause of a writer (`MAX_PAUSE`: 200 ms). */
const MAX_PAUSE = 200_000_000;
/** Pages that a task dirties between two looks at the limits. */
const RATELIMIT_PAGES = 32;

/** Starts writing in the background, and makes a writer wait where too much is dirty. */
const BALANCE_DIRTY_PAGES: FunctionRef = blocking(
  "balance_dirty_pages",
  [fn("wb_start_background_writeback"), SCHEDULE_TIMEOUT],
  function* (k, wb = 0, dirtied = 0) {
    const cache = k.pageCache;
    while (cache.dirty + cache.writeback > 0) {
      const freerun = (cache.dirtyLimit + cache.backgroundLimit) / 2;
      if (cache.dirty > cache.backgroundLimit) k.call(fn("wb_start_background_writeback"), wb);
      if (cache.dirty + cache.writeback <= freerun) break;
      // The pause grows from the middle between both limits up to the upper one.
      const over = (cache.dirty + cache.writeback - freerun) / Math.max(1, cache.dirtyLimit - freerun);
      const pause = Math.max(10_000_000, Math.floor(Math.min(1, over) * MAX_PAUSE));
      k.tracepoints.fire(
        THROTTLE,
        "0:0",
        cache.dirtyLimit,
        Math.floor(freerun),
        cache.dirty,
        cache.dirty,
        dirtied,
        Math.floor(pause / 1e6),
      );
      yield* pauseFor(k, pause);
      if (over < 1) break;
    }
    return Number.NaN;
  },
);
function* pauseFor(k: Kernel, ns: number): Blocking<void> {
  if (k.current.request?.recorded !== undefined) return;
  yield* sleep(k, { until: k.clock.now + ns }, 2, SCHEDULE_TIMEOUT);
}

const dirtiedBy = new WeakMap<object, number>();

const BALANCE_DIRTY_PAGES_RATELIMITED_FLAGS: FunctionRef = blocking(
  "balance_dirty_pages_ratelimited_flags",
  [BALANCE_DIRTY_PAGES],
  (k, mapping = 0) => {
    // Files in memory are never written back.
    if (mapping === 0) return 0;
    const task = k.current;
    const pages = (dirtiedBy.get(task) ?? 0) + 1;
    const over = k.pageCache.dirty > (k.pageCache.dirtyLimit + k.pageCache.backgroundLimit) / 2;
    if (pages < (over ? 1 : RATELIMIT_PAGES)) {
      dirtiedBy.set(task, pages);
      return 0;
    }
    dirtiedBy.set(task, 0);
    return whenDone(k.calls.callOrWait(BALANCE_DIRTY_PAGES, 0, pages, 0), () => 0);
  },
);
/** A task dirtied a page: now and then it looks whether that is too much. */
export const BALANCE_DIRTY_PAGES_RATELIMITED: FunctionRef = blocking(
  "balance_dirty_pages_ratelimited",
  [BALANCE_DIRTY_PAGES_RATELIMITED_FLAGS],
  (k, mapping = 0) => k.calls.callOrWait(BALANCE_DIRTY_PAGES_RATELIMITED_FLAGS, mapping, 0),
);
export { FOLIO_WAIT_WRITEBACK };
