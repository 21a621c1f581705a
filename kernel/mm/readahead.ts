/**
 * Reading ahead: `mm/readahead.c`. The window that a file reads ahead grows while it is read in sequence; reaching its
 * marked page starts the next one before it is needed.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import { behaviour, type Blocking, blocking, fn, type FunctionRef } from "../calls/function.ts";
import { PLUG_CALLS, startPlug } from "../block/plug.ts";
import { FILE } from "../fs/fields.ts";
import type { Kernel } from "../kernel.ts";
import { PAGE_SIZE } from "../memory/page.ts";
import { field, sizeOfStruct } from "../process/objects.ts";
import { popLocals, pushLocal } from "../process/stack.ts";
import { FILEMAP_ADD_FOLIO, FILEMAP_ALLOC_FOLIO } from "./filemap.ts";
import { PG_READAHEAD, PG_WRITEBACK } from "./page_flags.ts";

/** `struct readahead_control`. */
export const RACTL = {
  file: field("readahead_control", "file"),
  mapping: field("readahead_control", "mapping"),
  ra: field("readahead_control", "ra"),
  index: field("readahead_control", "_index"),
  count: field("readahead_control", "_nr_pages"),
} as const;
/** `struct file_ra_state`. */
export const RA = {
  start: field("file_ra_state", "start"),
  size: field("file_ra_state", "size"),
  asyncSize: field("file_ra_state", "async_size"),
  pages: field("file_ra_state", "ra_pages"),
  prevPos: field("file_ra_state", "prev_pos"),
} as const;
/** A file's state of reading ahead. */
export const FILE_RA = field("file", "f_ra");
/** Pages that a disk reads ahead at most: `read_ahead_kb` is 128. */
export const RA_PAGES = 32;
/** `FMODE_RANDOM`: the file is read in no order (`posix_fadvise`). */
export const FMODE_RANDOM = 0x1000;
/** `__GFP_…` of pages that are read ahead: `mapping_gfp_mask | __GFP_NORETRY | __GFP_NOWARN`. */
const GFP_READAHEAD = 0x1112cca;

/** Starts the reads of the pages that were added. */
const READ_PAGES: FunctionRef = blocking(
  "read_pages",
  [...PLUG_CALLS, fn("ext4_readahead"), fn("blkdev_readahead")],
  function* (k, rac = 0) {
    const space = k.pageCache.spaces.get(RACTL.mapping.get(k, rac));
    const operation = space?.ops.readahead;
    if (RACTL.count.get(k, rac) === 0 || operation === undefined) return Number.NaN;
    const mark = k.current.locals;
    const plug = startPlug(k);
    yield* k.calls.callBlocking(operation, rac);
    k.call(fn("blk_finish_plug"), plug);
    popLocals(k, mark);
    return Number.NaN;
  },
);

/** Adds `count` pages and reads them; the one `ahead` pages before the end is marked. */
export const PAGE_CACHE_RA_UNBOUNDED: FunctionRef = blocking(
  "page_cache_ra_unbounded",
  [FILEMAP_ALLOC_FOLIO, FILEMAP_ADD_FOLIO, READ_PAGES],
  function* (k, ractl = 0, count = 0, ahead = 0) {
    const mapping = RACTL.mapping.get(k, ractl);
    const space = k.pageCache.spaces.get(mapping);
    const start = RACTL.index.get(k, ractl);
    if (space === undefined) return Number.NaN;
    for (let i = 0; i < count; i++) {
      const index = start + i;
      let folio = 0;
      if (!space.pages.has(index)) {
        folio = k.call(FILEMAP_ALLOC_FOLIO, GFP_READAHEAD, 0);
        if (folio === 0) break;
      }
      if (folio === 0 || k.call(FILEMAP_ADD_FOLIO, mapping, folio, index, GFP_READAHEAD) < 0) {
        // There already: what was gathered is read, and it goes on behind it.
        yield* readGathered(k, ractl);
        RACTL.index.set(k, ractl, index + 1);
        continue;
      }
      if (i === count - ahead) space.pages.get(index)?.set(PG_READAHEAD);
      RACTL.count.add(k, ractl, 1);
    }
    yield* readGathered(k, ractl);
    return Number.NaN;
  },
);

function* readGathered(k: Kernel, ractl: Addr): Blocking<void> {
  yield* k.calls.callBlocking(READ_PAGES, ractl);
  RACTL.index.set(k, ractl, RACTL.index.get(k, ractl) + RACTL.count.get(k, ractl));
  RACTL.count.set(k, ractl, 0);
}

/** `do_page_cache_ra`: not beyond the end of the file. */
function* upToTheEnd(k: Kernel, ractl: Addr, count: number, ahead: number): Blocking<void> {
  const space = k.pageCache.spaces.get(RACTL.mapping.get(k, ractl));
  const size = space?.inode.size ?? 0;
  const index = RACTL.index.get(k, ractl);
  const last = Math.floor((size - 1) / PAGE_SIZE);
  if (size === 0 || index > last) return;
  yield* k.calls.callBlocking(
    PAGE_CACHE_RA_UNBOUNDED,
    ractl,
    Math.min(count, last - index + 1),
    ahead,
  );
}

/** Reads a window in pages of one size. */
const PAGE_CACHE_RA_ORDER: FunctionRef = blocking(
  "page_cache_ra_order",
  [PAGE_CACHE_RA_UNBOUNDED],
  function* (k, ractl = 0, ra = 0) {
    yield* upToTheEnd(k, ractl, RA.size.get(k, ra), RA.asyncSize.get(k, ra));
    return Number.NaN;
  },
);

/** Reads exactly what is asked for, in pieces of 2 MiB. */
const FORCE_PAGE_CACHE_RA: FunctionRef = blocking(
  "force_page_cache_ra",
  [PAGE_CACHE_RA_UNBOUNDED],
  function* (k, ractl = 0, count = 0) {
    const ra = RACTL.ra.get(k, ractl);
    let left = Math.min(count, Math.max(RA.pages.get(k, ra), IO_PAGES));
    const start = RACTL.index.get(k, ractl);
    for (let index = start; left > 0;) {
      const piece = Math.min(512, left);
      RACTL.index.set(k, ractl, index);
      yield* upToTheEnd(k, ractl, piece, 0);
      index += piece;
      left -= piece;
    }
    return Number.NaN;
  },
);
/** `bdi->io_pages`: pages of the largest request. */
const IO_PAGES = 320;

/** Decides what to read for a request of `request` pages; `folio` is the marked page that was reached, or 0. */
const ONDEMAND_READAHEAD: FunctionRef = blocking(
  "ondemand_readahead",
  [PAGE_CACHE_RA_ORDER, PAGE_CACHE_RA_UNBOUNDED],
  function* (k, ractl = 0, folio = 0, request = 0) {
    const ra = RACTL.ra.get(k, ractl);
    const index = RACTL.index.get(k, ractl);
    let most = RA.pages.get(k, ra);
    if (request > most && IO_PAGES > most) most = Math.min(request, IO_PAGES);
    const plan = window(k, ractl, ra, index, folio !== 0, request, most);
    if (plan === "nothing") return Number.NaN;
    if (plan === "as asked") {
      yield* upToTheEnd(k, ractl, request, 0);
      return Number.NaN;
    }
    let { size, ahead } = plan;
    // Will this read reach the marked page at once? Then the next window is read with it.
    if (index === plan.start && size === ahead) {
      const more = nextSize(size, most);
      if (size + more <= most) {
        ahead = more;
        size += more;
      } else {
        size = most;
        ahead = most >> 1;
      }
    }
    RA.start.set(k, ra, plan.start);
    RA.size.set(k, ra, size);
    RA.asyncSize.set(k, ra, ahead);
    RACTL.index.set(k, ractl, plan.start);
    yield* k.calls.callBlocking(PAGE_CACHE_RA_ORDER, ractl, ra, 0);
    return Number.NaN;
  },
);

interface Window {
  readonly start: number;
  readonly size: number;
  readonly ahead: number;
}

function window(
  k: Kernel,
  ractl: Addr,
  ra: Addr,
  index: number,
  marked: boolean,
  request: number,
  most: number,
): Window | "as asked" | "nothing" {
  const initial = (): Window => {
    const size = initialSize(request, most);
    return { start: index, size, ahead: size > request ? size - request : size };
  };
  if (index === 0) return initial();
  const start = RA.start.get(k, ra);
  const size = RA.size.get(k, ra);
  if (index === start + size - RA.asyncSize.get(k, ra) || index === start + size) {
    // In sequence: the next window.
    const next = nextSize(size, most);
    return { start: start + size, size: next, ahead: next };
  }
  const space = k.pageCache.spaces.get(RACTL.mapping.get(k, ractl));
  if (marked) {
    // Someone else's window: go on behind what is cached.
    const miss = space?.nextMiss(index + 1, most) ?? index;
    if (miss - index > most) return "nothing";
    const next = nextSize(miss - index + request, most);
    return { start: miss, size: next, ahead: next };
  }
  if (request > most) return initial();
  const before = Math.floor(RA.prevPos.get(k, ra) / PAGE_SIZE);
  if (index - before <= 1 && index >= before) return initial();
  // Are there pages right before it that tell of a sequence?
  let cached = 0;
  while (cached < most && cached < index && space?.pages.has(index - 1 - cached) === true) cached++;
  if (cached <= request) return "as asked";
  if (cached >= index) cached *= 2;
  return { start: index, size: Math.min(cached + request, most), ahead: 1 };
}

/** The first window of a sequence (`get_init_ra_size`). */
export function initialSize(request: number, most: number): number {
  let size = 1;
  while (size < request) size *= 2;
  if (size <= most / 32) return size * 4;
  return size <= most / 4 ? size * 2 : most;
}

/** The window after one of `size` pages (`get_next_ra_size`). */
export function nextSize(size: number, most: number): number {
  if (size < most / 16) return 4 * size;
  return size <= most / 2 ? 2 * size : most;
}

/** A page that is needed is not there. */
export const PAGE_CACHE_SYNC_RA: FunctionRef = blocking(
  "page_cache_sync_ra",
  [ONDEMAND_READAHEAD, FORCE_PAGE_CACHE_RA],
  function* (k, ractl = 0, request = 0) {
    const file = RACTL.file.get(k, ractl);
    const random = file !== 0 && (FILE.mode.get(k, file) & FMODE_RANDOM) !== 0;
    const none = RA.pages.get(k, RACTL.ra.get(k, ractl)) === 0;
    if (none && file === 0) return Number.NaN;
    if (none || random) yield* k.calls.callBlocking(FORCE_PAGE_CACHE_RA, ractl, none ? 1 : request);
    else yield* k.calls.callBlocking(ONDEMAND_READAHEAD, ractl, 0, request);
    return Number.NaN;
  },
);

/** A marked page is reached: the next window is read before it is needed. */
export const PAGE_CACHE_ASYNC_RA: FunctionRef = blocking(
  "page_cache_async_ra",
  [ONDEMAND_READAHEAD],
  function* (k, ractl = 0, address = 0, request = 0) {
    const folio = k.pageCache.folios.get(address);
    if (folio === undefined || RA.pages.get(k, RACTL.ra.get(k, ractl)) === 0) return Number.NaN;
    if (folio.test(PG_WRITEBACK)) return Number.NaN;
    folio.clear(PG_READAHEAD);
    yield* k.calls.callBlocking(ONDEMAND_READAHEAD, ractl, address, request);
    return Number.NaN;
  },
);

/** A `struct readahead_control` in the current stack. */
export function readaheadControl(k: Kernel, file: Addr, mapping: Addr, ra: Addr, index: number): Addr {
  const ractl = pushLocal(k, sizeOfStruct(k, "readahead_control"));
  RACTL.file.set(k, ractl, file);
  RACTL.mapping.set(k, ractl, mapping);
  RACTL.ra.set(k, ractl, ra);
  RACTL.index.set(k, ractl, index);
  return ractl;
}

/** A file that was opened has read nothing yet (`file_ra_state_init`). */
export function initReadahead(k: Kernel, file: Addr): void {
  const ra = FILE_RA.at(k, file);
  RA.pages.set(k, ra, RA_PAGES);
  RA.prevPos.set(k, ra, -1);
}

/** `force_page_cache_readahead`: what `readahead` and `POSIX_FADV_WILLNEED` ask for. */
export const READAHEAD_CALLS: readonly FunctionRef[] = [FORCE_PAGE_CACHE_RA];
behaviour("filemap_range_has_page", [], (k, mapping = 0, first = 0, last = 0) => {
  const space = k.pageCache.spaces.get(mapping);
  const from = Math.floor(first / PAGE_SIZE);
  const end = Math.floor(last / PAGE_SIZE);
  for (const index of space?.pages.keys() ?? []) if (index >= from && index <= end) return 1;
  return 0;
});
