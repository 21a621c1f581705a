/**
 * Blocks of ext4's directories in memory, by their number in the directory.
 *
 * @module
 */

import type { Addr } from "../../../image/model.ts";
import { behaviour, fn, type FunctionRef } from "../../calls/function.ts";
import type { Kernel } from "../../kernel.ts";
import { INODE } from "../fields.ts";
import type { Inode } from "../inode.ts";
import { metadataBlock } from "./ext4_jbd2.ts";
import { ext4Of } from "./file_system.ts";
import { CREATE, EXT4_MAP_BLOCKS, mapBlocks } from "./map_blocks.ts";

const ENOSPC = 28;

/** A block of a directory, with `CREATE` made if it is not there: its buffer, 0, or -errno. */
const EXT4_GETBLK: FunctionRef = behaviour(
  "ext4_getblk",
  [EXT4_MAP_BLOCKS, fn("__getblk_gfp")],
  (k, handle = 0, inode = 0, block = 0, flags = 0) => {
    const dir = k.vfs.inodes.get(inode);
    const ext4 = dir === undefined ? undefined : ext4Of(k, dir);
    if (dir === undefined || ext4 === undefined) return 0;
    const { blocks, known } = ext4.of(dir);
    // What was read once is remembered as an extent.
    if (blocks.has(block)) known.add(block);
    const mapping = mapBlocks(k, handle, dir, block, 1, flags & CREATE);
    if (typeof mapping === "number") return mapping;
    return mapping.block === 0 ? 0 : metadataBlock(k, ext4.disk.bdev, mapping.block, ext4.layout.blockSize);
  },
);
/** The same, with its contents read: those of directories are in memory. */
const EXT4_BREAD: FunctionRef = behaviour(
  "ext4_bread",
  [EXT4_GETBLK],
  (k, handle = 0, inode = 0, block = 0, flags = 0) => k.call(EXT4_GETBLK, handle, inode, block, flags),
);
/** Several at once. */
export const EXT4_BREAD_BATCH: FunctionRef = behaviour(
  "ext4_bread_batch",
  [EXT4_GETBLK],
  (k, inode = 0, block = 0, count = 0) => {
    for (let i = 0; i < count; i++) k.call(EXT4_GETBLK, 0, inode, block + i, 0);
    return 0;
  },
);
/** A block of a directory whose entries are looked at. */
export const __EXT4_READ_DIRBLOCK: FunctionRef = behaviour(
  "__ext4_read_dirblock",
  [EXT4_BREAD],
  (k, inode = 0, block = 0) => k.call(EXT4_BREAD, 0, inode, block, 0),
);
/** Makes a directory a block longer: the block's buffer, or -errno. */
export const EXT4_APPEND: FunctionRef = behaviour("ext4_append", [EXT4_BREAD], (k, handle = 0, inode = 0) => {
  const dir = k.vfs.inodes.get(inode);
  const ext4 = dir === undefined ? undefined : ext4Of(k, dir);
  if (dir === undefined || ext4 === undefined) return -ENOSPC;
  if (!ext4.allocator.has(1)) return -ENOSPC;
  const count = directoryBlocks(k, dir);
  const bh = k.call(EXT4_BREAD, handle, inode, count, CREATE);
  if (bh > 0 || bh < -4096) INODE.size.set(k, inode, (count + 1) * ext4.layout.blockSize);
  return bh;
});

/** Blocks that a directory has. */
export function directoryBlocks(k: Kernel, dir: Inode): number {
  const ext4 = ext4Of(k, dir);
  return ext4 === undefined ? 0 : Math.ceil(dir.size / ext4.layout.blockSize);
}

/** Whether a directory's names, with one more, need more blocks than it has. */
export function isFull(k: Kernel, dir: Inode, name: string): boolean {
  const ext4 = ext4Of(k, dir);
  if (ext4 === undefined) return false;
  const size = (text: string): number => 8 + Math.ceil(new TextEncoder().encode(text).length / 4) * 4;
  let bytes = 24 + size(name);
  for (const entry of dir.entries?.keys() ?? []) bytes += size(entry);
  return bytes > directoryBlocks(k, dir) * ext4.layout.blockSize;
}

/** Buffers are addresses; what is no address is -errno or nothing. */
export function isBuffer(bh: Addr): boolean {
  return bh !== 0 && !(bh < 0 && bh >= -4095);
}
