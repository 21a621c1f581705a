/**
 * How ext4 finds blocks for a file: `fs/ext4/mballoc.c`.
 *
 * @module
 */

import { behaviour, fn, type FunctionRef } from "../../calls/function.ts";
import type { Kernel } from "../../kernel.ts";
import type { Inode } from "../inode.ts";
import type { Run } from "./allocator.ts";
import { changeBlock, metadataBlock } from "./ext4_jbd2.ts";
import { ext4Of } from "./file_system.ts";
import { bitmapBlock, descriptorBlock, groupOf } from "./layout.ts";

const ENOSPC = 28;

/** What the allocation being made is for, and what it came to: the real ones are in `struct ext4_allocation_request`. */
interface Request {
  readonly inode: Inode;
  readonly goal: number;
  readonly count: number;
  readonly handle: number;
  run: Run | null;
}
const requests = new WeakMap<Kernel, Request>();

const EXT4_MB_REGULAR_ALLOCATOR: FunctionRef = behaviour(
  "ext4_mb_regular_allocator",
  [
    fn("ext4_mb_find_by_goal"),
    fn("ext4_mb_good_group"),
    fn("ext4_mb_load_buddy_gfp"),
    fn("ext4_mb_simple_scan_group"),
  ],
  (k, ac = 0) => {
    const request = requests.get(k);
    const ext4 = request === undefined ? undefined : ext4Of(k, request.inode);
    k.call(fn("ext4_mb_find_by_goal"), ac);
    if (request === undefined || ext4 === undefined) return -ENOSPC;
    request.run = ext4.allocator.take(request.goal, request.count);
    // Not at its goal: the groups were scanned.
    if (request.run !== null && request.run.block !== request.goal) {
      k.call(fn("ext4_mb_good_group"), ac, groupOf(ext4.layout, request.run.block), 0);
      k.call(fn("ext4_mb_simple_scan_group"), ac);
    }
    return request.run === null ? -ENOSPC : 0;
  },
);
const EXT4_MB_MARK_DISKSPACE_USED: FunctionRef = behaviour(
  "ext4_mb_mark_diskspace_used",
  [
    fn("ext4_read_block_bitmap"),
    fn("__getblk_gfp"),
    fn("__ext4_journal_get_write_access"),
    fn("mb_set_bits"),
    fn("__ext4_handle_dirty_metadata"),
  ],
  (k, _ac = 0, handle = 0) => {
    const request = requests.get(k);
    const ext4 = request === undefined ? undefined : ext4Of(k, request.inode);
    if (ext4 === undefined || request === undefined || request.run === null) return 0;
    const { layout, disk } = ext4;
    const group = groupOf(layout, request.run.block);
    k.call(fn("ext4_read_block_bitmap"), ext4.sb.address, group);
    const bitmap = metadataBlock(k, disk.bdev, bitmapBlock(layout, group), layout.blockSize);
    const descriptor = metadataBlock(k, disk.bdev, descriptorBlock(layout, group), layout.blockSize);
    changeBlock(k, handle, bitmap);
    changeBlock(k, handle, descriptor);
    return 0;
  },
);

/** New blocks for a file: the first one's number, or 0 if the disk is full. */
export const EXT4_MB_NEW_BLOCKS: FunctionRef = behaviour(
  "ext4_mb_new_blocks",
  [
    fn("ext4_mb_initialize_context"),
    fn("ext4_mb_use_preallocated"),
    fn("ext4_mb_normalize_request"),
    EXT4_MB_REGULAR_ALLOCATOR,
    EXT4_MB_MARK_DISKSPACE_USED,
  ],
  (k, handle = 0, ar = 0) => {
    k.call(fn("ext4_mb_initialize_context"), 0, ar);
    k.call(fn("ext4_mb_use_preallocated"), 0);
    k.call(fn("ext4_mb_normalize_request"), 0, ar);
    if (k.call(EXT4_MB_REGULAR_ALLOCATOR, 0) !== 0) return 0;
    k.call(EXT4_MB_MARK_DISKSPACE_USED, 0, handle, 0);
    return requests.get(k)?.run?.block ?? 0;
  },
);

/** Up to `count` new blocks that follow one another, near a file's others; null if the disk is full. */
export function newBlocks(k: Kernel, handle: number, inode: Inode, goal: number, count: number): Run | null {
  const request: Request = { inode, goal, count, handle, run: null };
  requests.set(k, request);
  k.call(EXT4_MB_NEW_BLOCKS, handle, 0, 0);
  requests.delete(k);
  return request.run;
}

/** Gives a file's blocks back. */
export const EXT4_FREE_BLOCKS: FunctionRef = behaviour(
  "ext4_free_blocks",
  [
    fn("ext4_read_block_bitmap"),
    fn("__getblk_gfp"),
    fn("__ext4_journal_get_write_access"),
    fn("__ext4_handle_dirty_metadata"),
  ],
  (k, handle = 0, inode = 0, _bh = 0, block = 0) => {
    const found = k.vfs.inodes.get(inode);
    const ext4 = found === undefined ? undefined : ext4Of(k, found);
    if (ext4 === undefined) return Number.NaN;
    const { layout, disk } = ext4;
    const group = groupOf(layout, block);
    k.call(fn("ext4_read_block_bitmap"), ext4.sb.address, group);
    changeBlock(k, handle, metadataBlock(k, disk.bdev, bitmapBlock(layout, group), layout.blockSize));
    changeBlock(k, handle, metadataBlock(k, disk.bdev, descriptorBlock(layout, group), layout.blockSize));
    return Number.NaN;
  },
);
