/**
 * Writing out what files and file systems have in memory: `fs/sync.c`. What that takes is the file system's own.
 *
 * @module
 */

import { behaviour, type Blocking, blocking, fn, type FunctionRef } from "../calls/function.ts";
import { functionAt, functionPointer } from "../calls/function_pointer.ts";
import type { Kernel } from "../kernel.ts";
import { __FILEMAP_FDATAWAIT_RANGE, __FILEMAP_FDATAWRITE_RANGE, WB_SYNC_NONE } from "../mm/page_writeback.ts";
import { EBADF, EINVAL } from "../syscalls/errno.ts";
import { WB_REASON } from "./backing_dev.ts";
import { SYNC_BLOCKDEV } from "./buffer.ts";
import { fileOf } from "./fdtable.ts";
import { FILE } from "./fields.ts";
import { SYNCERS } from "./fileops.ts";
import { SYNC_INODES_CALLS, WAKEUP_FLUSHER_THREADS, writeSuper } from "./fs_writeback.ts";
import { FMODE_PATH } from "./modes.ts";
import { recordedOr } from "./recorded.ts";

/** Memory file systems have nothing to write to. */
export const NOOP_FSYNC: FunctionRef = behaviour("noop_fsync", [], (k) => recordedOr(k, 0));

/** Writes a range of a file out: 0 or -errno. (file, start, end, datasync) */
export const VFS_FSYNC_RANGE: FunctionRef = blocking(
  "vfs_fsync_range",
  SYNCERS,
  function* (k, file = 0, start = 0, end = 0, datasync = 0) {
    const fsync = k.vfs.files.get(file)?.ops?.fsync;
    return fsync === undefined ? -EINVAL : yield* k.calls.callBlocking(fsync, file, start, end, datasync);
  },
);

/** `fsync`, `fdatasync` where that is a function of its own: 0 or -errno. */
export const DO_FSYNC: FunctionRef = blocking(
  "do_fsync",
  [VFS_FSYNC_RANGE],
  function* (k, fd = 0, datasync = 0) {
    return yield* syncFile(k, fd, datasync);
  },
);

/** What `fsync` and `fdatasync` call. */
export const FSYNC_CALLS: readonly FunctionRef[] = [DO_FSYNC, VFS_FSYNC_RANGE, ...SYNCERS];

/** `fsync`, or with `datasync` 1 `fdatasync`. */
export function* fsync(k: Kernel, fd: number, datasync: number): Blocking<number> {
  if (k.archName !== "x86_64") return yield* k.calls.callBlocking(DO_FSYNC, fd, datasync);
  return yield* syncFile(k, fd, datasync);
}

function* syncFile(k: Kernel, fd: number, datasync: number): Blocking<number> {
  const file = fileOf(k, fd);
  if (file === undefined || (FILE.mode.get(k, file.address) & FMODE_PATH) !== 0) return -EBADF;
  const own = file.ops?.fsync;
  if (own === undefined) return recordedOr(k, -EINVAL);
  // x86_64's compiler has put vfs_fsync_range into fdatasync, not into fsync.
  const inlined = k.archName === "x86_64" && datasync === 1;
  return yield* k.calls.callBlocking(inlined ? own : VFS_FSYNC_RANGE, file.address, 0, LLONG_MAX, datasync);
}
/** The end of every file, as a number that is exact. */
const LLONG_MAX = Number.MAX_SAFE_INTEGER;

/** Has all dirty inodes of a file system written, and waits for it. */
const SYNC_INODES_SB: FunctionRef = blocking("sync_inodes_sb", SYNC_INODES_CALLS, function* (k, sb = 0) {
  const device = k.pageCache.backing.find(({ supers }) => supers.has(sb));
  if (device !== undefined) yield* writeSuper(k, device, sb, true);
  return Number.NaN;
});
const SYNC_INODES_ONE_SB: FunctionRef = blocking(
  "sync_inodes_one_sb",
  [SYNC_INODES_SB],
  function* (k, sb = 0) {
    yield* k.calls.callBlocking(SYNC_INODES_SB, sb);
    return Number.NaN;
  },
);
const SYNC_FS_ONE_SB: FunctionRef = blocking(
  "sync_fs_one_sb",
  [fn("ext4_sync_fs")],
  function* (k, sb = 0, wait = 0) {
    const own = k.vfs.supers.get(sb)?.type.syncFs;
    if (own !== undefined) yield* k.calls.callBlocking(own, sb, wait === 0 ? 0 : 1);
    return Number.NaN;
  },
);

/** Does something with every super block: (function, argument). */
const ITERATE_SUPERS: FunctionRef = blocking(
  "iterate_supers",
  [SYNC_INODES_ONE_SB, SYNC_FS_ONE_SB],
  function* (k, f = 0, arg = 0) {
    const each = functionAt(k, f);
    if (each === undefined) return Number.NaN;
    for (const sb of [...k.vfs.supers.keys()]) yield* k.calls.callBlocking(each, sb, arg);
    return Number.NaN;
  },
);
/** The blocks of metadata of all disks: written, or with `wait` waited for too. */
const SYNC_BDEVS: FunctionRef = blocking("sync_bdevs", [SYNC_BLOCKDEV], function* (k, wait = 0) {
  if (wait === 0) return Number.NaN;
  for (const { bdev } of k.block.disks) yield* k.calls.callBlocking(SYNC_BLOCKDEV, bdev);
  return Number.NaN;
});

/** Writes out everything there is. */
export const KSYS_SYNC: FunctionRef = blocking(
  "ksys_sync",
  [WAKEUP_FLUSHER_THREADS, ITERATE_SUPERS, SYNC_BDEVS],
  function* (k) {
    k.call(WAKEUP_FLUSHER_THREADS, WB_REASON.SYNC);
    yield* k.calls.callBlocking(ITERATE_SUPERS, functionPointer(k, SYNC_INODES_ONE_SB), 0);
    yield* k.calls.callBlocking(ITERATE_SUPERS, functionPointer(k, SYNC_FS_ONE_SB), 0);
    yield* k.calls.callBlocking(ITERATE_SUPERS, functionPointer(k, SYNC_FS_ONE_SB), 1);
    yield* k.calls.callBlocking(SYNC_BDEVS, 0);
    yield* k.calls.callBlocking(SYNC_BDEVS, 1);
    return Number.NaN;
  },
);

/** Writes out one file system: 0 or -errno. */
export const SYNC_FILESYSTEM: FunctionRef = blocking(
  "sync_filesystem",
  [SYNC_INODES_SB, fn("ext4_sync_fs"), SYNC_BLOCKDEV],
  function* (k, sb = 0) {
    const own = k.vfs.supers.get(sb)?.type.syncFs;
    if (own !== undefined) yield* k.calls.callBlocking(own, sb, 0);
    yield* k.calls.callBlocking(SYNC_INODES_SB, sb);
    let error = own === undefined ? 0 : yield* k.calls.callBlocking(own, sb, 1);
    const disk = k.block.byDev(k.vfs.supers.get(sb)?.dev ?? 0);
    if (disk !== undefined) {
      const written = yield* k.calls.callBlocking(SYNC_BLOCKDEV, disk.bdev);
      if (error === 0) error = written;
    }
    return recordedOr(k, error);
  },
);

/** Writes the pages of a range out, as far as `flags` ask for it. */
const SYNC_FILE_RANGE: FunctionRef = blocking(
  "sync_file_range",
  [__FILEMAP_FDATAWRITE_RANGE, __FILEMAP_FDATAWAIT_RANGE],
  function* (k, address = 0, offset = 0, bytes = 0, flags = 0) {
    if (offset < 0 || bytes < 0 || (flags & ~7) !== 0) return -EINVAL;
    const inode = k.vfs.files.get(address)?.inode;
    const space = inode ? k.pageCache.known(inode) : undefined;
    if (space === undefined) return recordedOr(k, 0);
    const end = bytes === 0 ? LLONG_MAX : offset + bytes - 1;
    if ((flags & WAIT_BEFORE) !== 0) {
      yield* k.calls.callBlocking(__FILEMAP_FDATAWAIT_RANGE, space.address, offset, end);
    }
    if ((flags & WRITE) !== 0) {
      const error = yield* k.calls.callBlocking(
        __FILEMAP_FDATAWRITE_RANGE,
        space.address,
        offset,
        end,
        WB_SYNC_NONE,
      );
      if (error < 0) return error;
    }
    if ((flags & WAIT_AFTER) !== 0) {
      yield* k.calls.callBlocking(__FILEMAP_FDATAWAIT_RANGE, space.address, offset, end);
    }
    return recordedOr(k, 0);
  },
);
const WAIT_BEFORE = 1;
const WRITE = 2;
const WAIT_AFTER = 4;

/** `sync_file_range`. */
export const KSYS_SYNC_FILE_RANGE: FunctionRef = blocking(
  "ksys_sync_file_range",
  [SYNC_FILE_RANGE],
  function* (k, fd = 0, offset = 0, bytes = 0, flags = 0) {
    const file = fileOf(k, fd);
    if (file === undefined) return -EBADF;
    return yield* k.calls.callBlocking(SYNC_FILE_RANGE, file.address, offset, bytes, flags);
  },
);
