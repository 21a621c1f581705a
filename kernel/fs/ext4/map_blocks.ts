/**
 * Where the blocks of a file are on the disk: `ext4_map_blocks`.
 *
 * @module
 */

import type { Addr } from "../../../image/model.ts";
import { behaviour, fn, type FunctionRef } from "../../calls/function.ts";
import type { Kernel } from "../../kernel.ts";
import { field, sizeIfKnown } from "../../process/objects.ts";
import { popLocals, pushLocal } from "../../process/stack.ts";
import type { Inode } from "../inode.ts";
import { __EXT4_MARK_INODE_DIRTY } from "./ext4_jbd2.ts";
import { ext4Of } from "./file_system.ts";
import { groupOf, groupStart } from "./layout.ts";
import { EXT4_MB_NEW_BLOCKS, newBlocks } from "./mballoc.ts";

const ENOSPC = 28;
/** `EXT4_GET_BLOCKS_CREATE`: what has no place gets one. */
export const CREATE = 1;
const MAP = {
  pblk: field("ext4_map_blocks", "m_pblk"),
  lblk: field("ext4_map_blocks", "m_lblk"),
  len: field("ext4_map_blocks", "m_len"),
  flags: field("ext4_map_blocks", "m_flags"),
} as const;
const EXT4_MAP_MAPPED = 0x20;
const EXT4_MAP_NEW = 0x40;
/** Blocks that a list of blocks in the inode itself leads to. */
const DIRECT_BLOCKS = 12;

/** What a mapping came to. */
export interface Mapping {
  /** First block on the disk; 0 for a hole. */
  readonly block: number;
  /** Blocks of the file that it is about. */
  readonly count: number;
  readonly isNew: boolean;
}

interface Query {
  readonly inode: Inode;
  readonly logical: number;
  readonly most: number;
  result: Mapping | null;
}
const queries = new WeakMap<Kernel, Query>();

const EXT4_ES_LOOKUP_EXTENT: FunctionRef = behaviour(
  "ext4_es_lookup_extent",
  [],
  (k, inode = 0, logical = 0) => {
    const found = k.vfs.inodes.get(inode);
    const known = found === undefined ? undefined : ext4Of(k, found)?.of(found);
    return known !== undefined && (known.known.has(logical) || known.delayed.has(logical)) ? 1 : 0;
  },
);
const EXT4_ES_INSERT_EXTENT: FunctionRef = behaviour(
  "ext4_es_insert_extent",
  [fn("__es_remove_extent"), fn("__es_insert_extent")],
  (k, inode = 0, logical = 0, count = 0) => {
    const found = k.vfs.inodes.get(inode);
    const known = found === undefined ? undefined : ext4Of(k, found)?.of(found);
    k.call(fn("__es_remove_extent"), inode, logical, logical + count - 1, 0);
    k.call(fn("__es_insert_extent"), inode, 0, 0);
    for (let i = 0; i < count; i++) known?.known.add(logical + i);
    return Number.NaN;
  },
);

/** Asks the file's own lists of blocks. */
const EXT4_IND_MAP_BLOCKS: FunctionRef = behaviour(
  "ext4_ind_map_blocks",
  [
    fn("ext4_new_meta_blocks"),
    fn("ext4_block_to_path"),
    fn("ext4_get_branch"),
    fn("ext4_inode_to_goal_block"),
    EXT4_MB_NEW_BLOCKS,
    __EXT4_MARK_INODE_DIRTY,
  ],
  (k, handle = 0, inode = 0, map = 0, flags = 0) => {
    k.call(fn("ext4_block_to_path"), inode, queries.get(k)?.logical ?? 0);
    k.call(fn("ext4_get_branch"), inode);
    return ask(k, handle, inode, map, flags, true);
  },
);
/** Asks the file's tree of extents. */
const EXT4_EXT_MAP_BLOCKS: FunctionRef = behaviour(
  "ext4_ext_map_blocks",
  [fn("ext4_find_extent"), fn("ext4_ext_insert_extent"), EXT4_MB_NEW_BLOCKS, __EXT4_MARK_INODE_DIRTY],
  (k, handle = 0, inode = 0, map = 0, flags = 0) => {
    k.call(fn("ext4_find_extent"), inode, queries.get(k)?.logical ?? 0, 0, 0);
    const count = ask(k, handle, inode, map, flags, false);
    if (count > 0 && (flags & CREATE) !== 0) k.call(fn("ext4_ext_insert_extent"), handle, inode, 0, 0, flags);
    return count;
  },
);

function ask(k: Kernel, handle: number, inode: Addr, _map: Addr, flags: number, lists: boolean): number {
  const query = queries.get(k);
  const found = k.vfs.inodes.get(inode);
  const ext4 = found === undefined ? undefined : ext4Of(k, found);
  if (query === undefined || found === undefined || ext4 === undefined) return 0;
  const known = ext4.of(found);
  const most = lists ? Math.min(query.most, leafRoom(query.logical, ext4.layout.blockSize)) : query.most;
  const run = mappedRun(known.blocks, query.logical, most);
  if (run > 0) {
    query.result = { block: known.blocks.get(query.logical) ?? 0, count: run, isNew: false };
    return run;
  }
  if ((flags & CREATE) === 0) return 0;
  if (lists) k.call(fn("ext4_inode_to_goal_block"), inode);
  let count = 1;
  while (count < most && !known.blocks.has(query.logical + count)) count++;
  // Behind the direct ones a list block is needed first; it lies apart, so that the data stays in one piece.
  const leaf = lists ? leafOf(query.logical, ext4.layout.blockSize) : 0;
  if (leaf > 0 && !known.blocks.has(LIST_BLOCKS + leaf)) {
    const { layout } = ext4;
    const goal = groupStart(layout, groupOf(layout, known.goal)) + Math.floor(layout.blocksPerGroup * 7 / 8);
    const list = newMetaBlock(k, handle, found, Math.min(goal, layout.blocks - 1));
    if (list === 0) return -ENOSPC;
    known.blocks.set(LIST_BLOCKS + leaf, list);
  }
  const got = newBlocks(k, handle, found, known.goal, count);
  if (got === null) return -ENOSPC;
  for (let i = 0; i < got.count; i++) {
    known.blocks.set(query.logical + i, got.block + i);
    if (known.delayed.delete(query.logical + i)) ext4.allocator.reserved--;
  }
  known.goal = got.block + got.count;
  k.call(__EXT4_MARK_INODE_DIRTY, handle, inode);
  query.result = { block: got.block, count: got.count, isNew: true };
  return got.count;
}
const EXT4_NEW_META_BLOCKS: FunctionRef = behaviour(
  "ext4_new_meta_blocks",
  [EXT4_MB_NEW_BLOCKS],
  (k, handle = 0, inode = 0, goal = 0) => {
    const found = k.vfs.inodes.get(inode);
    return found === undefined ? 0 : newBlocks(k, handle, found, goal, 1)?.block ?? 0;
  },
);
function newMetaBlock(k: Kernel, handle: number, inode: Inode, goal: number): number {
  return k.call(EXT4_NEW_META_BLOCKS, handle, inode.address, goal, 0, 0, 0);
}

/** Keys of list blocks among a file's blocks: no numbers of its own. */
const LIST_BLOCKS = 2 ** 32;

/** Which list a block is in: 0 for those in the inode itself, then one for every `blockSize / 4`. */
function leafOf(logical: number, blockSize: number): number {
  return logical < DIRECT_BLOCKS ? 0 : 1 + Math.floor((logical - DIRECT_BLOCKS) / (blockSize / 4));
}

/** Blocks from one up to the end of its list: a mapping goes no further. */
function leafRoom(logical: number, blockSize: number): number {
  if (logical < DIRECT_BLOCKS) return DIRECT_BLOCKS - logical;
  return blockSize / 4 - (logical - DIRECT_BLOCKS) % (blockSize / 4);
}

function mappedRun(blocks: ReadonlyMap<number, number>, logical: number, most: number): number {
  const first = blocks.get(logical);
  if (first === undefined) return 0;
  let count = 1;
  while (count < most && blocks.get(logical + count) === first + count) count++;
  return count;
}

/** Maps blocks of a file: how many could be mapped in one run, 0 for a hole, or -errno. */
export const EXT4_MAP_BLOCKS: FunctionRef = behaviour(
  "ext4_map_blocks",
  [
    EXT4_ES_LOOKUP_EXTENT,
    EXT4_IND_MAP_BLOCKS,
    EXT4_EXT_MAP_BLOCKS,
    EXT4_ES_INSERT_EXTENT,
    fn("__check_block_validity"),
  ],
  (k, handle = 0, inode = 0, map = 0, flags = 0) => {
    const query = queries.get(k);
    const found = k.vfs.inodes.get(inode);
    const ext4 = found === undefined ? undefined : ext4Of(k, found);
    if (query === undefined || found === undefined || ext4 === undefined) return 0;
    const cached = k.call(EXT4_ES_LOOKUP_EXTENT, inode, query.logical, 0, 0);
    const { blocks } = ext4.of(found);
    let count = cached === 0 ? 0 : mappedRun(blocks, query.logical, query.most);
    if (count > 0) query.result = { block: blocks.get(query.logical) ?? 0, count, isNew: false };
    else {
      const search = ext4.options.extents ? EXT4_EXT_MAP_BLOCKS : EXT4_IND_MAP_BLOCKS;
      count = k.call(search, handle, inode, map, flags);
      if (count > 0) k.call(EXT4_ES_INSERT_EXTENT, inode, query.logical, count, query.result?.block ?? 0, 1);
    }
    if (count > 0) k.call(fn("__check_block_validity"), inode, 0, 0, map);
    return count;
  },
);

/** Asks where up to `most` blocks of a file are, from `logical` on. With `CREATE` they get places. -errno: no room. */
export function mapBlocks(
  k: Kernel,
  handle: number,
  inode: Inode,
  logical: number,
  most: number,
  flags: number,
): Mapping | number {
  const mark = k.current.locals;
  const known = sizeIfKnown(k, "ext4_map_blocks") > 0;
  const map = pushLocal(k, 32);
  if (known) {
    MAP.lblk.set(k, map, logical);
    MAP.len.set(k, map, most);
  }
  const query: Query = { inode, logical, most, result: null };
  const outer = queries.get(k);
  queries.set(k, query);
  const count = k.call(EXT4_MAP_BLOCKS, handle, inode.address, map, flags);
  if (outer === undefined) queries.delete(k);
  else queries.set(k, outer);
  const result = query.result ?? { block: 0, count: 1, isNew: false };
  if (known && query.result !== null) {
    MAP.pblk.set(k, map, result.block);
    MAP.len.set(k, map, result.count);
    MAP.flags.set(k, map, EXT4_MAP_MAPPED | (result.isNew ? EXT4_MAP_NEW : 0));
  }
  popLocals(k, mark);
  return count < 0 ? count : result;
}

/** What `ext4_map_blocks` and its callers call to find a block that is cached or not. */
export const MAP_CALLS: readonly FunctionRef[] = [EXT4_MAP_BLOCKS];
/** For delayed allocation. */
export { EXT4_ES_INSERT_EXTENT, EXT4_ES_LOOKUP_EXTENT, EXT4_EXT_MAP_BLOCKS, EXT4_IND_MAP_BLOCKS };
