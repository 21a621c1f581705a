/**
 * Writing to files through the page cache: `ext4_da_write_begin` and what belongs to it. Blocks get their places later, when
 * pages are written back.
 *
 * @module
 */

import { behaviour, type Blocking, blocking, fn, type FunctionRef } from "../../calls/function.ts";
import type { Kernel } from "../../kernel.ts";
import { PAGE_SIZE } from "../../memory/page.ts";
import type { Folio } from "../../mm/folio.ts";
import { GRAB_CACHE_PAGE_WRITE_BEGIN } from "../../mm/filemap.ts";
import { __FOLIO_LOCK, FOLIO_WAIT_BIT, FOLIO_WAIT_WRITEBACK, UNLOCK_PAGE } from "../../mm/folio_wait.ts";
import { PG_LOCKED, PG_UPTODATE } from "../../mm/page_flags.ts";
import { I_DIRTY_DATASYNC, I_DIRTY_SYNC } from "../backing_dev.ts";
import { CREATE_EMPTY_BUFFERS, MARK_BUFFER_DIRTY } from "../buffer.ts";
import { BH_DELAY, BH_MAPPED, BH_NEW, BH_UPTODATE, DELAYED_BLOCK } from "../buffer_head.ts";
import type { Inode } from "../inode.ts";
import { type Ext4, ext4Of } from "./file_system.ts";
import { EXT4_ES_LOOKUP_EXTENT, EXT4_EXT_MAP_BLOCKS, EXT4_IND_MAP_BLOCKS } from "./map_blocks.ts";

const ENOSPC = 28;
const ENOMEM = 12;
const MARK_INODE_DIRTY = fn("__mark_inode_dirty");
const DOWN_READ = fn("down_read");
const UP_READ = fn("up_read");
const DOWN_WRITE = fn("down_write");
const UP_WRITE = fn("up_write");

const EXT4_HAS_FREE_CLUSTERS: FunctionRef = behaviour("ext4_has_free_clusters", [], (k, _sbi, count = 0) => {
  const ext4 = asking.get(k);
  return ext4 === undefined || ext4.allocator.has(count) ? 1 : 0;
});
/** The file system that is asked. */
const asking = new WeakMap<Kernel, Ext4>();
const EXT4_CLAIM_FREE_CLUSTERS: FunctionRef = behaviour(
  "ext4_claim_free_clusters",
  [EXT4_HAS_FREE_CLUSTERS],
  (k, sbi = 0, count = 0, flags = 0) => {
    if (k.call(EXT4_HAS_FREE_CLUSTERS, sbi, count, flags) === 0) return -ENOSPC;
    const ext4 = asking.get(k);
    if (ext4 !== undefined) ext4.allocator.reserved += count;
    return 0;
  },
);
/** Promises a block to a page that has no place yet: 0, or -ENOSPC. */
const EXT4_DA_RESERVE_SPACE: FunctionRef = behaviour(
  "ext4_da_reserve_space",
  [fn("__dquot_alloc_space"), EXT4_CLAIM_FREE_CLUSTERS],
  (k, inode = 0) => {
    const found = k.vfs.inodes.get(inode);
    const ext4 = found === undefined ? undefined : ext4Of(k, found);
    if (ext4 === undefined) return 0;
    k.call(fn("__dquot_alloc_space"), inode, ext4.layout.blockSize, 5);
    asking.set(k, ext4);
    return k.call(EXT4_CLAIM_FREE_CLUSTERS, 0, 1, 0);
  },
);
const EXT4_ES_INSERT_DELAYED_BLOCK: FunctionRef = behaviour(
  "ext4_es_insert_delayed_block",
  [fn("__es_remove_extent"), fn("__es_insert_extent")],
  (k, inode = 0, logical = 0) => {
    const found = k.vfs.inodes.get(inode);
    k.call(fn("__es_remove_extent"), inode, logical, logical, 0);
    k.call(fn("__es_insert_extent"), inode, 0, 0);
    if (found !== undefined) ext4Of(k, found)?.of(found).delayed.add(logical);
    return 0;
  },
);
const EXT4_MAP_QUERY_BLOCKS: FunctionRef = behaviour(
  "ext4_map_query_blocks",
  [EXT4_IND_MAP_BLOCKS, EXT4_EXT_MAP_BLOCKS],
  (k, handle = 0, inode = 0, map = 0) => {
    const found = k.vfs.inodes.get(inode);
    const extents = found === undefined ? false : ext4Of(k, found)?.options.extents;
    return k.call(extents ? EXT4_EXT_MAP_BLOCKS : EXT4_IND_MAP_BLOCKS, handle, inode, map, 0);
  },
);

/** Where a block of a page that is about to be written is: on the disk already, or nowhere yet. */
export const EXT4_DA_GET_BLOCK_PREP: FunctionRef = behaviour(
  "ext4_da_get_block_prep",
  [
    EXT4_ES_LOOKUP_EXTENT,
    DOWN_READ,
    EXT4_MAP_QUERY_BLOCKS,
    UP_READ,
    DOWN_WRITE,
    EXT4_DA_RESERVE_SPACE,
    EXT4_ES_INSERT_DELAYED_BLOCK,
    UP_WRITE,
  ],
  (k, inode = 0, logical = 0, bh = 0) => {
    const found = k.vfs.inodes.get(inode);
    const ext4 = found === undefined ? undefined : ext4Of(k, found);
    const buffer = k.pageCache.buffers.get(bh);
    if (found === undefined || ext4 === undefined || buffer === undefined) return 0;
    const known = ext4.of(found);
    const place = known.blocks.get(logical);
    if (k.call(EXT4_ES_LOOKUP_EXTENT, inode, logical, 0, 0) === 0) {
      k.call(DOWN_READ);
      k.call(EXT4_MAP_QUERY_BLOCKS, 0, inode, 0);
      k.call(UP_READ);
      if (place === undefined) {
        k.call(DOWN_WRITE);
        k.call(EXT4_ES_LOOKUP_EXTENT, inode, logical, 0, 0);
        k.call(EXT4_MAP_QUERY_BLOCKS, 0, inode, 0);
        const error = k.call(EXT4_DA_RESERVE_SPACE, inode);
        if (error !== 0) {
          k.call(UP_WRITE);
          return error;
        }
        k.call(EXT4_ES_INSERT_DELAYED_BLOCK, inode, logical, 0);
        k.call(UP_WRITE);
      } else known.known.add(logical);
    }
    buffer.set(BH_MAPPED);
    if (place !== undefined) buffer.block = place;
    else {
      buffer.block = DELAYED_BLOCK;
      buffer.set(BH_DELAY);
      buffer.set(BH_NEW);
    }
    return 0;
  },
);

/** Prepares the blocks of a page for a write: what is only written in part is read first. */
const EXT4_BLOCK_WRITE_BEGIN: FunctionRef = blocking(
  "ext4_block_write_begin",
  [CREATE_EMPTY_BUFFERS, EXT4_DA_GET_BLOCK_PREP, fn("ext4_read_folio"), FOLIO_WAIT_BIT],
  function* (k, page = 0, pos = 0, length = 0) {
    const folio = k.pageCache.folios.get(page);
    const inode = folio?.space?.inode;
    const ext4 = inode === undefined ? undefined : ext4Of(k, inode);
    if (folio === undefined || inode === undefined || ext4 === undefined) return 0;
    const { blockSize } = ext4.layout;
    if (folio.buffers === null) k.call(CREATE_EMPTY_BUFFERS, page, blockSize, 0);
    const from = pos % PAGE_SIZE;
    for (const [i, buffer] of (folio.buffers ?? []).entries()) {
      const start = i * blockSize;
      if (start + blockSize <= from || start >= from + length) continue;
      buffer.clear(BH_NEW);
      if (!buffer.test(BH_MAPPED)) {
        const logical = folio.index * (PAGE_SIZE / blockSize) + i;
        const error = k.call(EXT4_DA_GET_BLOCK_PREP, inode.address, logical, buffer.address, 1);
        if (error !== 0) return error;
        if (buffer.test(BH_NEW)) {
          // Nothing is on the disk yet: the rest of the block is zeros.
          buffer.set(BH_UPTODATE);
          continue;
        }
      }
      if (folio.test(PG_UPTODATE)) buffer.set(BH_UPTODATE);
      const whole = from <= start && from + length >= start + blockSize;
      const beyond = folio.pos + start >= inode.size;
      if (!buffer.test(BH_UPTODATE) && !whole && !beyond && !buffer.test(BH_DELAY)) {
        const error = yield* readForPart(k, folio);
        if (error !== 0) return error;
        for (const one of folio.buffers ?? []) one.set(BH_UPTODATE);
      }
    }
    return 0;
  },
);

function* readForPart(k: Kernel, folio: Folio): Blocking<number> {
  yield* k.calls.callBlocking(fn("ext4_read_folio"), 0, folio.address);
  yield* k.calls.callBlocking(FOLIO_WAIT_BIT, folio.address, PG_LOCKED);
  folio.set(PG_LOCKED);
  return folio.test(PG_UPTODATE) ? 0 : -5;
}

/** `write_begin`: the page at `pos`, locked, its blocks prepared; its address goes to `*pagep`. 0 or -errno. */
const EXT4_DA_WRITE_BEGIN: FunctionRef = blocking(
  "ext4_da_write_begin",
  [
    fn("ext4_nonda_switch"),
    GRAB_CACHE_PAGE_WRITE_BEGIN,
    __FOLIO_LOCK,
    fn("wait_for_stable_page"),
    FOLIO_WAIT_WRITEBACK,
    EXT4_BLOCK_WRITE_BEGIN,
    UNLOCK_PAGE,
    fn("ext4_truncate_failed_write"),
  ],
  function* (k, _file = 0, mapping = 0, pos = 0, length = 0, pagep = 0) {
    const space = k.pageCache.spaces.get(mapping);
    if (space === undefined) return -ENOMEM;
    const index = Math.floor(pos / PAGE_SIZE);
    k.call(fn("ext4_nonda_switch"), space.inode.sb);
    const there = space.pages.get(index);
    if (there?.test(PG_LOCKED)) yield* k.calls.callBlocking(__FOLIO_LOCK, there.address);
    const page = k.call(GRAB_CACHE_PAGE_WRITE_BEGIN, mapping, index);
    if (page === 0) return -ENOMEM;
    k.call(fn("wait_for_stable_page"), page);
    const error = yield* k.calls.callBlocking(EXT4_BLOCK_WRITE_BEGIN, page, pos, length, 0);
    if (error !== 0) {
      k.call(UNLOCK_PAGE, page);
      return error;
    }
    k.memory.writeWord(pagep, page);
    return 0;
  },
);

/** Blocks of a page were written: they are dirty, and so is the page. (inode, page, from, to) */
export const BLOCK_COMMIT_WRITE: FunctionRef = behaviour(
  "__block_commit_write",
  [MARK_BUFFER_DIRTY],
  (k, _inode, page = 0, from = 0, to = 0) => {
    const folio = k.pageCache.folios.get(page);
    const blockSize = folio?.buffers?.[0]?.size ?? PAGE_SIZE;
    let partial = false;
    for (const [i, buffer] of (folio?.buffers ?? []).entries()) {
      const start = i * blockSize;
      if (start + blockSize <= from || start >= to) {
        if (!buffer.test(BH_UPTODATE)) partial = true;
      } else {
        buffer.set(BH_UPTODATE);
        k.call(MARK_BUFFER_DIRTY, buffer.address);
      }
      buffer.clear(BH_NEW);
    }
    if (!partial) folio?.set(PG_UPTODATE);
    return 0;
  },
);
/** `write_end` of most file systems: the page is dirty, the file as long as it has become. */
const GENERIC_WRITE_END: FunctionRef = behaviour(
  "generic_write_end",
  [BLOCK_COMMIT_WRITE, UNLOCK_PAGE, MARK_INODE_DIRTY],
  (k, _file = 0, mapping = 0, pos = 0, _length = 0, copied = 0, ...more) => {
    const space = k.pageCache.spaces.get(mapping);
    const page = more[0] ?? 0;
    const from = pos % PAGE_SIZE;
    k.call(BLOCK_COMMIT_WRITE, space?.inode.address ?? 0, page, from, from + copied);
    const grown = space !== undefined && pos + copied > space.inode.size;
    if (grown) grow(space.inode, pos + copied);
    k.call(UNLOCK_PAGE, page);
    if (grown) k.call(MARK_INODE_DIRTY, space.inode.address, I_DIRTY_SYNC | I_DIRTY_DATASYNC);
    return copied;
  },
);
/** `write_end`: bytes that count as written. */
const EXT4_DA_WRITE_END: FunctionRef = behaviour(
  "ext4_da_write_end",
  [GENERIC_WRITE_END],
  (k, file = 0, mapping = 0, pos = 0, length = 0, copied = 0, ...more) =>
    k.calls.callN(GENERIC_WRITE_END, [file, mapping, pos, length, copied, more[0] ?? 0, more[1] ?? 0]),
);

function grow(inode: Inode, size: number): void {
  if (inode.size < size) inode.size = size;
}

/** What writes ext4's pages. */
export const WRITE_CALLS: readonly FunctionRef[] = [EXT4_DA_WRITE_BEGIN, EXT4_DA_WRITE_END];
