/**
 * ext4's way to the journal: handles, and blocks of metadata that are about to change or were changed. Without a journal
 * the blocks are just dirty.
 *
 * @module
 */

import type { Addr } from "../../../image/model.ts";
import { behaviour, fn, type FunctionRef } from "../../calls/function.ts";
import type { Kernel } from "../../kernel.ts";
import { MARK_BUFFER_DIRTY } from "../buffer.ts";
import type { Inode } from "../inode.ts";
import { ext4OfSuper } from "./file_system.ts";
import { inodeBlock } from "./layout.ts";
import {
  JBD2__JOURNAL_START,
  JBD2_JOURNAL_DIRTY_METADATA,
  JBD2_JOURNAL_GET_WRITE_ACCESS,
  JBD2_JOURNAL_STOP,
} from "./jbd2.ts";

/** What a handle is where there is no journal: the number of calls in it. */
const NO_JOURNAL = 1;
/** Blocks that ordinary changes need at most. */
export const CREDITS = 8;

/** Begins a change: a handle. */
export const __EXT4_JOURNAL_START_SB: FunctionRef = behaviour(
  "__ext4_journal_start_sb",
  [fn("ext4_journal_check_start"), JBD2__JOURNAL_START],
  (k, sb = 0, line = 0, type = 0, blocks = 0, reserved = 0, revoke = 0) => {
    k.call(fn("ext4_journal_check_start"), sb);
    const journal = ext4OfSuper(k, sb)?.journal;
    if (!journal) return NO_JOURNAL;
    k.calls.callN(JBD2__JOURNAL_START, [journal.address, blocks, reserved, revoke, 0xc40, type, line]);
    return journal.handle;
  },
);
/** Ends it. */
export const __EXT4_JOURNAL_STOP: FunctionRef = behaviour(
  "__ext4_journal_stop",
  [JBD2_JOURNAL_STOP],
  (k, _where = 0, _line = 0, handle = 0) => {
    if (handle !== NO_JOURNAL) k.call(JBD2_JOURNAL_STOP, handle);
    return 0;
  },
);
/** A block will be changed. */
export const __EXT4_JOURNAL_GET_WRITE_ACCESS: FunctionRef = behaviour(
  "__ext4_journal_get_write_access",
  [JBD2_JOURNAL_GET_WRITE_ACCESS],
  (k, _where = 0, _line = 0, handle = 0, _sb = 0, bh = 0) => {
    if (handle !== NO_JOURNAL) k.call(JBD2_JOURNAL_GET_WRITE_ACCESS, handle, bh);
    return 0;
  },
);
/** A block that an inode's `fsync` has to write was changed. */
const MARK_BUFFER_DIRTY_INODE: FunctionRef = behaviour(
  "mark_buffer_dirty_inode",
  [MARK_BUFFER_DIRTY],
  (k, bh = 0) => {
    k.call(MARK_BUFFER_DIRTY, bh);
    return Number.NaN;
  },
);
/** A block was changed. */
export const __EXT4_HANDLE_DIRTY_METADATA: FunctionRef = behaviour(
  "__ext4_handle_dirty_metadata",
  [JBD2_JOURNAL_DIRTY_METADATA, MARK_BUFFER_DIRTY_INODE, MARK_BUFFER_DIRTY],
  (k, _where = 0, _line = 0, handle = 0, inode = 0, bh = 0) => {
    if (handle !== NO_JOURNAL) k.call(JBD2_JOURNAL_DIRTY_METADATA, handle, bh);
    else if (inode !== 0) k.call(MARK_BUFFER_DIRTY_INODE, bh, inode);
    else k.call(MARK_BUFFER_DIRTY, bh);
    return 0;
  },
);

const __EXT4_GET_INODE_LOC: FunctionRef = behaviour(
  "__ext4_get_inode_loc",
  [fn("ext4_get_group_desc"), fn("ext4_inode_table"), fn("__getblk_gfp")],
  (k, sb = 0, ino = 0) => {
    const ext4 = ext4OfSuper(k, sb);
    if (ext4 === undefined) return 0;
    k.call(fn("ext4_get_group_desc"), sb, Math.floor((ino - 1) / ext4.layout.inodesPerGroup), 0);
    k.call(fn("ext4_inode_table"), sb);
    return metadataBlock(k, ext4.disk.bdev, inodeBlock(ext4.layout, ino), ext4.layout.blockSize);
  },
);
/** The block of the inode table that an inode is in. */
const EXT4_GET_INODE_LOC: FunctionRef = behaviour(
  "ext4_get_inode_loc",
  [__EXT4_GET_INODE_LOC],
  (k, inode = 0) => {
    const found = k.vfs.inodes.get(inode);
    // The real one fills a structure; the model hands the block back.
    return found === undefined ? 0 : k.call(__EXT4_GET_INODE_LOC, found.sb, found.ino, inode);
  },
);
const EXT4_RESERVE_INODE_WRITE: FunctionRef = behaviour(
  "ext4_reserve_inode_write",
  [EXT4_GET_INODE_LOC, __EXT4_JOURNAL_GET_WRITE_ACCESS],
  (k, handle = 0, inode = 0) => {
    inodeBuffers.set(k, k.call(EXT4_GET_INODE_LOC, inode));
    k.call(__EXT4_JOURNAL_GET_WRITE_ACCESS, 0, 0, handle, 0, inodeBuffers.get(k));
    return 0;
  },
);
const EXT4_MARK_ILOC_DIRTY: FunctionRef = behaviour(
  "ext4_mark_iloc_dirty",
  [
    fn("ext4_fc_track_inode"),
    fn("ext4_fill_raw_inode"),
    fn("ext4_inode_csum_set"),
    __EXT4_HANDLE_DIRTY_METADATA,
    fn("__brelse"),
  ],
  (k, handle = 0, inode = 0) => {
    const bh = inodeBuffers.get(k) ?? 0;
    k.call(fn("ext4_fc_track_inode"), handle, inode);
    k.call(fn("ext4_fill_raw_inode"), inode);
    k.call(__EXT4_HANDLE_DIRTY_METADATA, 0, 0, handle, 0, bh);
    k.call(fn("__brelse"), bh);
    return 0;
  },
);
/** The block that the inode being changed is in. */
const inodeBuffers = new WeakMap<Kernel, Addr>();

/** An inode was changed: its block is. */
export const __EXT4_MARK_INODE_DIRTY: FunctionRef = behaviour(
  "__ext4_mark_inode_dirty",
  [EXT4_RESERVE_INODE_WRITE, EXT4_MARK_ILOC_DIRTY],
  (k, handle = 0, inode = 0) => {
    const found = k.vfs.inodes.get(inode);
    k.call(EXT4_RESERVE_INODE_WRITE, handle, inode);
    k.call(EXT4_MARK_ILOC_DIRTY, handle, inode);
    if (found !== undefined) noteChange(k, found);
    return 0;
  },
);
/** The VFS changed an inode (`s_op->dirty_inode`). */
export const EXT4_DIRTY_INODE: FunctionRef = behaviour(
  "ext4_dirty_inode",
  [__EXT4_JOURNAL_START_SB, __EXT4_MARK_INODE_DIRTY, __EXT4_JOURNAL_STOP],
  (k, inode = 0) => {
    const found = k.vfs.inodes.get(inode);
    if (found === undefined) return Number.NaN;
    const handle = startHandle(k, found, 2);
    k.call(__EXT4_MARK_INODE_DIRTY, handle, inode);
    stopHandle(k, handle);
    return Number.NaN;
  },
);

/** Begins a change of an inode's file system. */
export function startHandle(k: Kernel, inode: Inode, credits: number = CREDITS): number {
  return k.call(__EXT4_JOURNAL_START_SB, inode.sb, 0, 1, credits, 0, 0);
}

/** Ends it. */
export function stopHandle(k: Kernel, handle: number): void {
  k.call(__EXT4_JOURNAL_STOP, 0, 0, handle);
}

/** A block of metadata in memory. */
export function metadataBlock(k: Kernel, bdev: Addr, block: number, size: number): Addr {
  return k.call(fn("__getblk_gfp"), bdev, block, size, 0x8);
}

/** Changes a block of metadata: asks for access and marks it. */
export function changeBlock(k: Kernel, handle: number, bh: Addr): void {
  k.call(__EXT4_JOURNAL_GET_WRITE_ACCESS, 0, 0, handle, 0, bh);
  k.call(__EXT4_HANDLE_DIRTY_METADATA, 0, 0, handle, 0, bh);
}

/** `fsync` of the inode has to wait for the running transaction. */
export function noteChange(k: Kernel, inode: Inode): void {
  const ext4 = ext4OfSuper(k, inode.sb);
  const tid = ext4?.journal?.running?.tid;
  if (ext4 === undefined || tid === undefined) return;
  const known = ext4.of(inode);
  known.syncTid = tid;
  known.datasyncTid = tid;
}
