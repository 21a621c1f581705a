/**
 * Blocks of disks in memory: `fs/buffer.c`. A file's pages have buffers where its file system works in blocks; blocks of
 * metadata are found by their number on the disk.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import { allocBio, BIO_ADD_PAGE, BIO_ALLOC_BIOSET, BIO_PUT } from "../block/bio.ts";
import { SUBMIT_BIO } from "../block/blk_core.ts";
import { IO_SCHEDULE, sleepForIo } from "../block/io_schedule.ts";
import type { Disk } from "../block/gendisk.ts";
import { REQ_OP_WRITE, REQ_SYNC } from "../block/operations.ts";
import { behaviour, blocking, fn, type FunctionRef } from "../calls/function.ts";
import type { Kernel } from "../kernel.ts";
import { MARK_PAGE_ACCESSED } from "../mm/lru.ts";
import { __FOLIO_MARK_DIRTY } from "../mm/page_writeback.ts";
import { PG_DIRTY, PG_PRIVATE, PG_UPTODATE } from "../mm/page_flags.ts";
import { recordedWake } from "../process/sleep.ts";
import type { Task } from "../process/task.ts";
import { tracepoint } from "../tracing/reference.ts";
import { I_DIRTY_PAGES } from "./backing_dev.ts";
import { BH_DIRTY, BH_LOCK, BH_MAPPED, BH_UPTODATE, BufferHead } from "./buffer_head.ts";

const TOUCH = tracepoint("block:block_touch_buffer", "dev", "sector", "size");
const DIRTY = tracepoint("block:block_dirty_buffer", "dev", "sector", "size");
const ALLOC_PAGE_BUFFERS = fn("alloc_page_buffers");
const MARK_INODE_DIRTY = fn("__mark_inode_dirty");

/** Gives a page the buffers of its blocks. */
export const CREATE_EMPTY_BUFFERS: FunctionRef = behaviour(
  "create_empty_buffers",
  [ALLOC_PAGE_BUFFERS],
  (k, page = 0, size = 4096, state = 0) => {
    const folio = k.pageCache.folios.get(page);
    const disk = folio?.space === undefined || folio.space === null
      ? undefined
      : diskOf(k, folio.space.inode.address);
    if (folio === undefined || disk === undefined) return Number.NaN;
    k.call(ALLOC_PAGE_BUFFERS, page, size, 1);
    const buffers: BufferHead[] = [];
    for (let at = 0; at < 4096; at += size) {
      const buffer = new BufferHead(k, disk, 0, size, folio);
      for (const bit of [BH_UPTODATE, BH_DIRTY]) if ((state & (1 << bit)) !== 0) buffer.set(bit);
      buffers.push(buffer);
    }
    buffers.forEach((buffer, i) => buffer.next = buffers[(i + 1) % buffers.length] as BufferHead);
    folio.buffers = buffers;
    folio.private = buffers[0]?.address ?? 0;
    folio.set(PG_PRIVATE);
    if (folio.test(PG_UPTODATE)) { for (const buffer of buffers) buffer.set(BH_UPTODATE); }
    return Number.NaN;
  },
);

/** A block is newer in memory than on the disk; so is its page. */
export const MARK_BUFFER_DIRTY: FunctionRef = behaviour(
  "mark_buffer_dirty",
  [__FOLIO_MARK_DIRTY, MARK_INODE_DIRTY],
  (k, address = 0) => {
    const buffer = k.pageCache.buffers.get(address);
    if (buffer === undefined) return Number.NaN;
    if (k.tracepoints.enabled(DIRTY)) {
      k.tracepoints.fire(DIRTY, buffer.disk.dev, BigInt.asUintN(64, BigInt(buffer.block)), buffer.size);
    }
    if (buffer.test(BH_DIRTY)) return Number.NaN;
    buffer.set(BH_DIRTY);
    const { folio } = buffer;
    if (folio === null) {
      k.pageCache.metadata(buffer.disk).dirty.add(buffer.block);
      return Number.NaN;
    }
    if (folio.test(PG_DIRTY) || folio.space === null) return Number.NaN;
    folio.set(PG_DIRTY);
    k.call(__FOLIO_MARK_DIRTY, folio.address, folio.space.address, 0);
    k.call(MARK_INODE_DIRTY, folio.space.inode.address, I_DIRTY_PAGES);
    return Number.NaN;
  },
);

/** Finds a block in memory: its buffer, or 0. */
const __FIND_GET_BLOCK: FunctionRef = behaviour(
  "__find_get_block",
  [MARK_PAGE_ACCESSED],
  (k, bdev = 0, block = 0, size = 0) => {
    const disk = diskOfBdev(k, bdev);
    const buffer = disk === undefined ? undefined : k.pageCache.metadata(disk).blocks.get(block);
    if (buffer === undefined) return 0;
    k.call(MARK_PAGE_ACCESSED, buffer.folio?.address ?? 0);
    touch(k, buffer, size);
    return buffer.address;
  },
);
/** A block of a disk in memory. What mounting read is there with its contents; so is what was made since. */
export const __GETBLK_GFP: FunctionRef = behaviour(
  "__getblk_gfp",
  [__FIND_GET_BLOCK],
  (k, bdev = 0, block = 0, size = 0, gfp = 0) => {
    const found = k.call(__FIND_GET_BLOCK, bdev, block, size, gfp);
    const disk = diskOfBdev(k, bdev);
    if (found !== 0 || disk === undefined) return found;
    const buffer = new BufferHead(k, disk, block, size, null);
    buffer.set(BH_MAPPED);
    buffer.set(BH_UPTODATE);
    k.pageCache.metadata(disk).blocks.set(block, buffer);
    touch(k, buffer, size);
    return buffer.address;
  },
);
/** Drops a reference to a block. */
export const __BRELSE: FunctionRef = fn("__brelse");

function touch(k: Kernel, buffer: BufferHead, size: number): void {
  if (k.tracepoints.enabled(TOUCH)) k.tracepoints.fire(TOUCH, buffer.disk.dev, buffer.block, size);
}

/** A block that was submitted is done. */
export const END_BIO_BH_IO_SYNC: FunctionRef = behaviour(
  "end_bio_bh_io_sync",
  [fn("end_buffer_write_sync"), BIO_PUT],
  (k, address = 0) => {
    const bio = k.block.bios.get(address);
    const buffer = bio?.owner;
    if (bio === undefined || !(buffer instanceof BufferHead)) return Number.NaN;
    k.call(fn("end_buffer_write_sync"), buffer.address, bio.error === 0 ? 1 : 0);
    buffer.clear(BH_LOCK);
    if (bio.error === 0) buffer.set(BH_UPTODATE);
    else k.pageCache.metadata(buffer.disk).error = bio.error;
    k.call(BIO_PUT, address);
    for (const task of waitersOf(buffer).splice(0)) k.scheduler.wake(task);
    return Number.NaN;
  },
);
/** Reads or writes one block. */
export const SUBMIT_BH_WBC: FunctionRef = blocking(
  "submit_bh_wbc",
  [BIO_ALLOC_BIOSET, BIO_ADD_PAGE, fn("guard_bio_eod"), SUBMIT_BIO],
  function* (k, opf = 0, address = 0) {
    const buffer = k.pageCache.buffers.get(address);
    if (buffer === undefined) return Number.NaN;
    const bio = allocBio(k, buffer.disk, buffer.sector, opf, 1);
    const page = buffer.folio?.address ?? k.pageCache.metadata(buffer.disk).page;
    k.call(BIO_ADD_PAGE, bio.address, page, buffer.size, (buffer.block * buffer.size) % 4096);
    bio.onEnd(END_BIO_BH_IO_SYNC, buffer, buffer.address);
    k.call(fn("guard_bio_eod"), bio.address);
    yield* k.calls.callBlocking(SUBMIT_BIO, bio.address);
    return Number.NaN;
  },
);
/** The same for callers without a writeback control. */
export const SUBMIT_BH: FunctionRef = blocking("submit_bh", [SUBMIT_BH_WBC], function* (k, opf = 0, bh = 0) {
  yield* k.calls.callBlocking(SUBMIT_BH_WBC, opf, bh, 0);
  return Number.NaN;
});

/** Waits until a block is not locked. In a replay the disk takes no longer than the recording leaves. */
export const __WAIT_ON_BUFFER: FunctionRef = blocking(
  "__wait_on_buffer",
  [IO_SCHEDULE],
  function* (k, address = 0) {
    const buffer = k.pageCache.buffers.get(address);
    const recorded = recordedWake(k);
    if (recorded === recorded) k.block.hasten(Math.max(recorded, k.clock.now));
    while (buffer?.test(BH_LOCK)) {
      waitersOf(buffer).push(k.current);
      yield* sleepForIo(k);
    }
    return Number.NaN;
  },
);

/** Writes a block and waits for it: 0, or -EIO. */
export const __SYNC_DIRTY_BUFFER: FunctionRef = blocking(
  "__sync_dirty_buffer",
  [SUBMIT_BH_WBC, __WAIT_ON_BUFFER],
  function* (k, address = 0, opf = 0) {
    const buffer = k.pageCache.buffers.get(address);
    if (buffer === undefined || !buffer.test(BH_DIRTY)) return 0;
    buffer.set(BH_LOCK);
    buffer.clear(BH_DIRTY);
    const metadata = k.pageCache.metadata(buffer.disk);
    metadata.dirty.delete(buffer.block);
    yield* k.calls.callBlocking(SUBMIT_BH_WBC, REQ_OP_WRITE | opf, address, 0);
    yield* k.calls.callBlocking(__WAIT_ON_BUFFER, address);
    const { error } = metadata;
    metadata.error = 0;
    return error;
  },
);
/** The same, synchronously. */
export const SYNC_DIRTY_BUFFER: FunctionRef = blocking(
  "sync_dirty_buffer",
  [__SYNC_DIRTY_BUFFER],
  function* (k, address = 0) {
    return yield* k.calls.callBlocking(__SYNC_DIRTY_BUFFER, address, REQ_SYNC);
  },
);

/** Writes all dirty blocks of a disk's metadata and waits for them: what `sync_blockdev` comes to. */
export const SYNC_BLOCKDEV: FunctionRef = blocking(
  "sync_blockdev",
  [fn("filemap_write_and_wait_range"), SUBMIT_BH_WBC, __WAIT_ON_BUFFER],
  function* (k, bdev = 0) {
    const disk = diskOfBdev(k, bdev);
    if (disk === undefined) return 0;
    const metadata = k.pageCache.metadata(disk);
    const written: BufferHead[] = [];
    for (const block of [...metadata.dirty].sort((a, b) => a - b)) {
      const buffer = metadata.blocks.get(block);
      metadata.dirty.delete(block);
      if (buffer === undefined || !buffer.test(BH_DIRTY) || buffer.test(BH_LOCK)) continue;
      buffer.set(BH_LOCK);
      buffer.clear(BH_DIRTY);
      written.push(buffer);
      yield* k.calls.callBlocking(SUBMIT_BH_WBC, REQ_OP_WRITE, buffer.address, 0);
    }
    for (const buffer of written) {
      if (buffer.test(BH_LOCK)) yield* k.calls.callBlocking(__WAIT_ON_BUFFER, buffer.address);
    }
    const { error } = metadata;
    metadata.error = 0;
    return error;
  },
);

const waiting = new WeakMap<BufferHead, Task[]>();
function waitersOf(buffer: BufferHead): Task[] {
  let tasks = waiting.get(buffer);
  if (tasks === undefined) waiting.set(buffer, tasks = []);
  return tasks;
}

function diskOfBdev(k: Kernel, bdev: Addr): Disk | undefined {
  return k.block.disks.find((disk) => disk.bdev === bdev);
}

/** The disk that an inode's file system is on. */
export function diskOf(k: Kernel, inode: Addr): Disk | undefined {
  const sb = k.vfs.supers.get(k.vfs.inodes.get(inode)?.sb ?? 0);
  return sb === undefined ? undefined : k.block.byDev(sb.dev);
}
