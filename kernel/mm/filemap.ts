/**
 * Files' pages found and added: the part of `mm/filemap.c` below reading and writing.
 *
 * @module
 */

import { behaviour, type FunctionRef } from "../calls/function.ts";
import type { Kernel } from "../kernel.ts";
import { INODE, SUPER } from "../fs/fields.ts";
import { tracepoint } from "../tracing/reference.ts";
import type { AddressSpace, Folio } from "./folio.ts";
import { frameOf, pfnOf } from "./page_struct.ts";
import { ALLOC_PAGES } from "./page_alloc.ts";
import { FOLIO_ADD_LRU, FOLIO_MARK_ACCESSED } from "./lru.ts";
import { PG_LOCKED, PG_REFERENCED } from "./page_flags.ts";

const EEXIST = 17;
const ENOMEM = 12;
const ADDED = tracepoint("filemap:mm_filemap_add_to_page_cache", "pfn", "i_ino", "index", "s_dev", "order");
const REMOVED = tracepoint(
  "filemap:mm_filemap_delete_from_page_cache",
  "pfn",
  "i_ino",
  "index",
  "s_dev",
  "order",
);

/** A page by the task's memory policy. */
const FOLIO_ALLOC: FunctionRef = behaviour(
  "folio_alloc",
  [ALLOC_PAGES],
  (k, gfp = 0, order = 0) => k.call(ALLOC_PAGES, gfp, order),
);

/** A page for a file: its address, or 0. */
export const FILEMAP_ALLOC_FOLIO: FunctionRef = behaviour(
  "filemap_alloc_folio",
  [FOLIO_ALLOC],
  (k, gfp = 0, order = 0) => {
    const page = k.call(FOLIO_ALLOC, gfp, order);
    if (page === 0) return 0;
    return k.pageCache.allocate(page).address;
  },
);

/** Puts a locked page into a file's pages: 0, or -EEXIST. */
const __FILEMAP_ADD_FOLIO: FunctionRef = behaviour(
  "__filemap_add_folio",
  [],
  (k, mapping = 0, address = 0, index = 0) => {
    const space = k.pageCache.spaces.get(mapping);
    const folio = k.pageCache.folios.get(address);
    if (space === undefined || folio === undefined) return -ENOMEM;
    if (space.pages.has(index)) return -EEXIST;
    space.add(folio, index);
    trace(k, ADDED, space, folio);
    return 0;
  },
);
/** Puts a page into a file's pages, locked, and on the lists of pages: 0, or -errno. */
export const FILEMAP_ADD_FOLIO: FunctionRef = behaviour(
  "filemap_add_folio",
  [__FILEMAP_ADD_FOLIO, FOLIO_ADD_LRU],
  (k, mapping = 0, address = 0, index = 0, gfp = 0) => {
    const folio = k.pageCache.folios.get(address);
    folio?.set(PG_LOCKED);
    const error = k.call(__FILEMAP_ADD_FOLIO, mapping, address, index, gfp, 0);
    if (error !== 0) {
      folio?.clear(PG_LOCKED);
      return error;
    }
    k.call(FOLIO_ADD_LRU, address);
    return 0;
  },
);

/** `FGP_ACCESSED`. */
export const FGP_ACCESSED = 1;
/** `FGP_LOCK`. */
export const FGP_LOCK = 2;
/** `FGP_CREAT`. */
export const FGP_CREAT = 4;
/** `FGP_WRITE`. */
export const FGP_WRITE = 8;
/** `FGP_STABLE`. */
export const FGP_STABLE = 0x80;

/**
 * A page of a file, made if `FGP_CREAT` asks for it: its address, or 0. Locking one that another task has locked takes
 * `__folio_lock` first: see `lockPage`.
 */
export const __FILEMAP_GET_FOLIO: FunctionRef = behaviour(
  "__filemap_get_folio",
  [FOLIO_MARK_ACCESSED, FILEMAP_ALLOC_FOLIO, FILEMAP_ADD_FOLIO],
  (k, mapping = 0, index = 0, flags = 0, gfp = 0) => {
    const space = k.pageCache.spaces.get(mapping);
    const found = space?.pages.get(index);
    if (found !== undefined) {
      if ((flags & FGP_LOCK) !== 0) found.set(PG_LOCKED);
      if ((flags & FGP_ACCESSED) !== 0) k.call(FOLIO_MARK_ACCESSED, found.address);
      return found.address;
    }
    if ((flags & FGP_CREAT) === 0) return 0;
    const folio = k.call(FILEMAP_ALLOC_FOLIO, gfp, 0);
    if (folio === 0) return 0;
    if (k.call(FILEMAP_ADD_FOLIO, mapping, folio, index, gfp) !== 0) return 0;
    if ((flags & FGP_ACCESSED) !== 0) k.pageCache.folios.get(folio)?.set(PG_REFERENCED);
    return folio;
  },
);
/** The same for callers that know pages only. */
export const PAGECACHE_GET_PAGE: FunctionRef = behaviour(
  "pagecache_get_page",
  [__FILEMAP_GET_FOLIO],
  (k, mapping = 0, index = 0, flags = 0, gfp = 0) => k.call(__FILEMAP_GET_FOLIO, mapping, index, flags, gfp),
);
/** The page that a write goes to, locked. */
export const GRAB_CACHE_PAGE_WRITE_BEGIN: FunctionRef = behaviour(
  "grab_cache_page_write_begin",
  [PAGECACHE_GET_PAGE],
  (k, mapping = 0, index = 0) =>
    k.call(PAGECACHE_GET_PAGE, mapping, index, FGP_LOCK | FGP_WRITE | FGP_CREAT | FGP_STABLE, 0x1100cca),
);

/** Takes a page out of its file for good. */
export function removeFolio(k: Kernel, folio: Folio): void {
  const { space } = folio;
  if (space === null) return;
  trace(k, REMOVED, space, folio);
  space.remove(folio);
  for (const buffer of folio.buffers ?? []) buffer.free();
  folio.buffers = null;
  k.pageCache.free(folio);
}

function trace(k: Kernel, ref: typeof ADDED, space: AddressSpace, folio: Folio): void {
  if (!k.tracepoints.enabled(ref)) return;
  const { inode } = space;
  const sb = INODE.sb.get(k, inode.address);
  k.tracepoints.fire(
    ref,
    pfnOf(k, frameOf(k, folio.address)),
    inode.ino,
    folio.index,
    sb === 0 ? 0 : SUPER.dev.get(k, sb),
    0,
  );
}
