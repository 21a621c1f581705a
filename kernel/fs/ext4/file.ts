/**
 * ext4's regular files: opened, read, written, sought, closed: `fs/ext4/file.c`.
 *
 * @module
 */

import { behaviour, type Blocking, blocking, fn, type FunctionRef } from "../../calls/function.ts";
import type { Kernel } from "../../kernel.ts";
import { GENERIC_FILE_READ_ITER } from "../../mm/filemap_read.ts";
import { GENERIC_PERFORM_WRITE } from "../../mm/filemap_write.ts";
import { initReadahead } from "../../mm/readahead.ts";
import { EFBIG, EINVAL, ENXIO, EOPNOTSUPP } from "../../syscalls/errno.ts";
import { I_DIRTY_DATASYNC, I_DIRTY_SYNC } from "../backing_dev.ts";
import { DIRECT_READ, DIRECT_WRITE } from "./direct.ts";
import { FILE } from "../fields.ts";
import type { Inode } from "../inode.ts";
import { FILE_MODIFIED, fileAccessed, TOUCH_ATIME } from "../inode_times.ts";
import { O_APPEND, O_DIRECT, openFlags } from "../modes.ts";
import { moveTo, transferOf } from "../read_write.ts";
import { recorded } from "../recorded.ts";
import { readOutcome } from "../shmem.ts";
import { VFS_FSYNC_RANGE } from "../sync.ts";
import { ext4Of } from "./file_system.ts";
import { startHandle, stopHandle } from "./ext4_jbd2.ts";
import { EXT4_DA_AOPS } from "./operations.ts";
import { newBlocks } from "./mballoc.ts";

/** Largest file with blocks of 4 KiB. */
const MAX_BYTES = 2 ** 44;
const O_SYNC_BITS = 0o4010000;

/** A file is opened. */
behaviour(
  "ext4_file_open",
  [fn("ext4_inode_attach_jinode"), fn("dquot_file_open")],
  (k, inode = 0, file = 0) => {
    const found = k.vfs.inodes.get(inode);
    if (found === undefined) return -EINVAL;
    const mode = FILE.mode.get(k, file);
    k.pageCache.of(found, EXT4_DA_AOPS);
    initReadahead(k, file);
    if ((mode & 2) !== 0) k.call(fn("ext4_inode_attach_jinode"), inode);
    return 0;
  },
);
/** The last descriptor of a file is closed. */
behaviour("ext4_release_file", [fn("ext4_discard_preallocations")], (k, inode = 0, file = 0) => {
  if ((FILE.mode.get(k, file) & 2) !== 0) k.call(fn("ext4_discard_preallocations"), inode, 0);
  return 0;
});
behaviour("ext4_file_mmap", [TOUCH_ATIME], (k, file = 0) => {
  fileAccessed(k, file);
  return 0;
});

/** Reads a file. In a replay the recorded count and bytes are the file's contents; whether they are cached is the model's. */
blocking(
  "ext4_file_read_iter",
  [GENERIC_FILE_READ_ITER, DIRECT_READ],
  function* (k, kiocb = 0, iter = 0) {
    const transfer = transferOf(k, kiocb, iter);
    const inode = transfer?.file.inode;
    if (transfer === undefined || !inode) return -EINVAL;
    const outcome = readOutcome(k);
    if (outcome !== undefined) {
      if (outcome.ret < 0) return outcome.ret;
      if (outcome.data !== undefined) inode.write(transfer.pos, outcome.data.subarray(0, outcome.ret));
      const end = transfer.pos + outcome.ret;
      if (inode.size < end || outcome.ret < transfer.count && outcome.ret > 0) inode.size = Math.max(end, 0);
      ext4Of(k, inode)?.place(inode);
    }
    if (transfer.count === 0) return 0;
    const direct = (flagsOf(k, transfer.file.address) & O_DIRECT) !== 0;
    const done = yield* k.calls.callBlocking(direct ? DIRECT_READ : GENERIC_FILE_READ_ITER, kiocb, iter);
    return outcome?.ret ?? done;
  },
);

const GENERIC_WRITE_CHECKS = fn("generic_write_checks");
const EXT4_GENERIC_WRITE_CHECKS: FunctionRef = behaviour(
  "ext4_generic_write_checks",
  [GENERIC_WRITE_CHECKS],
  (k, kiocb = 0, iter = 0) => {
    const transfer = transferOf(k, kiocb, iter);
    const inode = transfer?.file.inode;
    k.call(GENERIC_WRITE_CHECKS, kiocb, iter);
    if (transfer === undefined || !inode) return -EINVAL;
    if ((flagsOf(k, transfer.file.address) & O_APPEND) !== 0) {
      moveTo(k, kiocb, inode.size);
    }
    const pos = transferOf(k, kiocb, iter)?.pos ?? 0;
    return pos >= MAX_BYTES ? -EFBIG : transfer.count;
  },
);

/** Writes to the page cache. */
const EXT4_BUFFERED_WRITE_ITER: FunctionRef = blocking(
  "ext4_buffered_write_iter",
  [
    fn("down_write"),
    EXT4_GENERIC_WRITE_CHECKS,
    FILE_MODIFIED,
    GENERIC_PERFORM_WRITE,
    fn("up_write"),
    VFS_FSYNC_RANGE,
  ],
  function* (k, kiocb = 0, iter = 0) {
    const before = transferOf(k, kiocb, iter);
    if (before === undefined) return -EINVAL;
    const { file } = before;
    k.call(fn("down_write"));
    let result = k.call(EXT4_GENERIC_WRITE_CHECKS, kiocb, iter);
    if (result > 0) {
      k.call(FILE_MODIFIED, file.address);
      result = yield* k.calls.callBlocking(GENERIC_PERFORM_WRITE, kiocb, iter);
    }
    k.call(fn("up_write"));
    if (result > 0) result = yield* syncIfAsked(k, file.address, result);
    return result;
  },
);

/** `generic_write_sync`: with `O_SYNC` a write is over when it is on the disk. */
export function* syncIfAsked(k: Kernel, file: number, written: number): Blocking<number> {
  const flags = flagsOf(k, file);
  if ((flags & O_SYNC_BITS) === 0) return written;
  const datasync = (flags & O_SYNC_BITS) === 0o10000 ? 1 : 0;
  const error = yield* k.calls.callBlocking(VFS_FSYNC_RANGE, file, 0, Number.MAX_SAFE_INTEGER, datasync);
  return error < 0 ? error : written;
}

/** Writes to a file. */
blocking(
  "ext4_file_write_iter",
  [EXT4_BUFFERED_WRITE_ITER, DIRECT_WRITE],
  function* (k, kiocb = 0, iter = 0) {
    const transfer = transferOf(k, kiocb, iter);
    if (transfer === undefined) return -EINVAL;
    const failed = recorded(k)?.ret ?? 0;
    if (failed < 0) return failed;
    const flags = flagsOf(k, transfer.file.address);
    const direct = (flags & O_DIRECT) !== 0;
    if (direct && (flags & O_APPEND) !== 0) moveTo(k, kiocb, transfer.file.inode?.size ?? 0);
    const done = yield* k.calls.callBlocking(direct ? DIRECT_WRITE : EXT4_BUFFERED_WRITE_ITER, kiocb, iter);
    const replayed = recorded(k);
    return replayed === undefined ? done : Math.min(replayed.ret, transfer.count);
  },
);

/** Moves a file's position: the new one, or -errno. */
behaviour(
  "ext4_llseek",
  [fn("generic_file_llseek_size")],
  (k, address = 0, offset = 0, whence = 0) => {
    const file = k.vfs.files.get(address);
    const inode = file?.inode;
    if (!inode) return -EINVAL;
    let pos = offset;
    if (whence === 1) pos += FILE.pos.get(k, address);
    else if (whence === 2) pos += inode.size;
    else if (whence === 3 || whence === 4) {
      if (offset < 0 || offset >= inode.size) return -ENXIO;
      pos = seekData(k, inode, offset, whence === 3);
      if (pos < 0) return -ENXIO;
    } else if (whence !== 0) return -EINVAL;
    k.call(fn("generic_file_llseek_size"), address, offset, whence, MAX_BYTES, inode.size);
    if (pos < 0 || pos > MAX_BYTES) return -EINVAL;
    FILE.pos.set(k, address, pos);
    return pos;
  },
);

/** The next byte from `offset` on that lies in data, or in a hole; -1: no data follows. */
function seekData(k: Kernel, inode: Inode, offset: number, data: boolean): number {
  const ext4 = ext4Of(k, inode);
  if (ext4 === undefined) return data ? offset : inode.size;
  const { blockSize } = ext4.layout;
  const known = ext4.of(inode);
  for (let block = Math.floor(offset / blockSize); block * blockSize < inode.size; block++) {
    const has = known.blocks.has(block) || known.delayed.has(block);
    if (has === data) return Math.max(offset, block * blockSize);
  }
  return data ? -1 : inode.size;
}

/** Room for a range of a file: only files with extents can have it. */
behaviour(
  "ext4_fallocate",
  [fn("ext4_alloc_file_blocks")],
  (k, address = 0, mode = 0, offset = 0, length = 0) => {
    const inode = k.vfs.files.get(address)?.inode;
    const ext4 = inode ? ext4Of(k, inode) : undefined;
    const outcome = recorded(k);
    if (outcome !== undefined && outcome.ret < 0) return outcome.ret;
    if (!inode || ext4 === undefined || !ext4.options.extents || (mode & ~1) !== 0) return -EOPNOTSUPP;
    k.call(fn("ext4_alloc_file_blocks"), address);
    const { blockSize } = ext4.layout;
    const known = ext4.of(inode);
    const handle = startHandle(k, inode, 16);
    let error = 0;
    const last = Math.ceil((offset + length) / blockSize);
    for (let logical = Math.floor(offset / blockSize); logical < last && error === 0;) {
      if (known.blocks.has(logical) || known.delayed.has(logical)) {
        logical++;
        continue;
      }
      const run = ext4.allocator.has(1) ? newBlocks(k, handle, inode, known.goal, last - logical) : null;
      if (run === null) error = -28;
      for (let i = 0; run !== null && i < run.count; i++) known.blocks.set(logical + i, run.block + i);
      if (run !== null) known.goal = run.block + run.count;
      logical += run?.count ?? 1;
    }
    if (error === 0 && (mode & 1) === 0 && offset + length > inode.size) {
      inode.size = offset + length;
      k.call(fn("__mark_inode_dirty"), inode.address, I_DIRTY_SYNC | I_DIRTY_DATASYNC);
    }
    stopHandle(k, handle);
    return error;
  },
);

function flagsOf(k: Kernel, file: number): number {
  return openFlags(k.image.arch, FILE.flags.get(k, file));
}
