/**
 * Taking pages out of files: `mm/truncate.c`.
 *
 * @module
 */

import { behaviour, blocking, fn, type FunctionRef } from "../calls/function.ts";
import type { Kernel } from "../kernel.ts";
import { PAGE_SIZE } from "../memory/page.ts";
import { BH_DELAY, BH_DIRTY } from "../fs/buffer_head.ts";
import type { AddressSpace, Folio } from "./folio.ts";
import { removeFolio } from "./filemap.ts";
import { PG_DIRTY, PG_LOCKED, PG_WRITEBACK } from "./page_flags.ts";
import { unmapFrom } from "./shared_pages.ts";
import { cleaned } from "./page_writeback.ts";

const EXT4_INVALIDATE_FOLIO: FunctionRef = behaviour(
  "ext4_invalidate_folio",
  [fn("block_invalidate_folio")],
  (k, folio = 0, offset = 0, length = 0) => {
    k.call(fn("block_invalidate_folio"), folio, offset, length);
    return Number.NaN;
  },
);
const FOLIO_CANCEL_DIRTY: FunctionRef = behaviour("__folio_cancel_dirty", [], (k, address = 0) => {
  const folio = k.pageCache.folios.get(address);
  if (folio !== undefined) cleaned(k, folio);
  return Number.NaN;
});
/** A page is about to leave its file: its buffers and its dirt are void. */
const TRUNCATE_CLEANUP_FOLIO: FunctionRef = behaviour(
  "truncate_cleanup_folio",
  [EXT4_INVALIDATE_FOLIO, FOLIO_CANCEL_DIRTY],
  (k, address = 0) => {
    const folio = k.pageCache.folios.get(address);
    if (folio === undefined) return Number.NaN;
    if (folio.buffers !== null) k.call(EXT4_INVALIDATE_FOLIO, address, 0, PAGE_SIZE);
    if (folio.test(PG_DIRTY)) k.call(FOLIO_CANCEL_DIRTY, address);
    return Number.NaN;
  },
);

/** Takes the pages between two offsets (the last byte included) out of a file. */
export const TRUNCATE_INODE_PAGES_RANGE: FunctionRef = behaviour(
  "truncate_inode_pages_range",
  [TRUNCATE_CLEANUP_FOLIO, fn("delete_from_page_cache_batch")],
  (k, mapping = 0, start = 0, end = 0) => {
    const space = k.pageCache.spaces.get(mapping);
    if (space === undefined || space.pages.size === 0) return Number.NaN;
    const first = Math.ceil(start / PAGE_SIZE);
    const last = end < 0 ? Infinity : Math.floor((end + 1) / PAGE_SIZE) - 1;
    const gone = [...space.pages.values()].filter(({ index }) => index >= first && index <= last);
    for (const folio of gone) k.call(TRUNCATE_CLEANUP_FOLIO, folio.address);
    if (gone.length > 0) k.call(fn("delete_from_page_cache_batch"), mapping);
    for (const folio of gone) drop(k, folio);
    // What is cut in the middle of a page loses the blocks behind the cut.
    const partial = start % PAGE_SIZE === 0 ? undefined : space.pages.get(Math.floor(start / PAGE_SIZE));
    for (const [i, buffer] of (partial?.buffers ?? []).entries()) {
      if (i * buffer.size < start % PAGE_SIZE) continue;
      buffer.clear(BH_DIRTY);
      buffer.clear(BH_DELAY);
      buffer.unmap();
    }
    return Number.NaN;
  },
);
/** All pages from an offset on. */
export const TRUNCATE_PAGECACHE: FunctionRef = behaviour(
  "truncate_pagecache",
  [fn("unmap_mapping_range"), TRUNCATE_INODE_PAGES_RANGE],
  (k, inode = 0, size = 0) => {
    const found = k.vfs.inodes.get(inode);
    const space = found === undefined ? undefined : k.pageCache.known(found);
    if (found !== undefined) unmapFrom(k, found, Math.ceil(size / PAGE_SIZE));
    if (space === undefined) return Number.NaN;
    k.call(fn("unmap_mapping_range"), space.address, Math.ceil(size / PAGE_SIZE) * PAGE_SIZE, 0, 1);
    k.call(TRUNCATE_INODE_PAGES_RANGE, space.address, size, -1);
    return Number.NaN;
  },
);
/** All pages of a file that goes. */
export const TRUNCATE_INODE_PAGES_FINAL: FunctionRef = behaviour(
  "truncate_inode_pages_final",
  [TRUNCATE_INODE_PAGES_RANGE],
  (k, mapping = 0) => {
    k.call(TRUNCATE_INODE_PAGES_RANGE, mapping, 0, -1);
    return Number.NaN;
  },
);

/** Takes clean pages that nobody works on out of a file, as `POSIX_FADV_DONTNEED` asks: how many. */
export const INVALIDATE_MAPPING_PAGES: FunctionRef = behaviour(
  "invalidate_mapping_pages",
  [],
  (k, mapping = 0, first = 0, last = 0) => {
    const space = k.pageCache.spaces.get(mapping);
    let count = 0;
    for (const folio of [...space?.pages.values() ?? []]) {
      if (folio.index < first || folio.index > last || !isIdle(folio)) continue;
      drop(k, folio);
      count++;
    }
    return count;
  },
);

/** Whether a page is neither dirty nor worked on. */
export function isIdle(folio: Folio): boolean {
  return !folio.test(PG_DIRTY) && !folio.test(PG_WRITEBACK) && !folio.test(PG_LOCKED);
}

/** Takes what is cached of a range out, as a write past the cache does. */
export function invalidateRange(k: Kernel, space: AddressSpace, start: number, end: number): void {
  const first = Math.floor(start / PAGE_SIZE);
  const last = Math.floor(end / PAGE_SIZE);
  for (const folio of [...space.pages.values()]) {
    if (folio.index >= first && folio.index <= last && isIdle(folio)) drop(k, folio);
  }
}

function drop(k: Kernel, folio: Folio): void {
  cleaned(k, folio);
  if (folio.test(PG_WRITEBACK)) {
    folio.clear(PG_WRITEBACK);
    k.pageCache.writeback--;
  }
  const { waiters } = folio;
  removeFolio(k, folio);
  for (const task of waiters.splice(0)) k.scheduler.wake(task);
}

/** Waits for what is being written, then takes all pages of a file out: unmounting, dropping caches. */
export const INVALIDATE_INODE_PAGES2: FunctionRef = blocking(
  "invalidate_inode_pages2",
  [fn("__filemap_fdatawait_range"), INVALIDATE_MAPPING_PAGES],
  function* (k, mapping = 0) {
    yield* k.calls.callBlocking(fn("__filemap_fdatawait_range"), mapping, 0, Number.MAX_SAFE_INTEGER);
    k.call(INVALIDATE_MAPPING_PAGES, mapping, 0, Infinity);
    return 0;
  },
);
