/**
 * Writing out what files and file systems have in memory: `fs/sync.c`. What that takes is the file system's own.
 *
 * @module
 */

import { behaviour, type Blocking, blocking, fn, type FunctionRef } from "../calls/function.ts";
import { functionAt, functionPointer } from "../calls/function_pointer.ts";
import type { Kernel } from "../kernel.ts";
import { EBADF, EINVAL } from "../syscalls/errno.ts";
import { fileOf } from "./fdtable.ts";
import { FILE } from "./fields.ts";
import { SYNCERS } from "./fileops.ts";
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

const SYNC_INODES_ONE_SB = fn("sync_inodes_one_sb");
const SYNC_FS_ONE_SB: FunctionRef = behaviour(
  "sync_fs_one_sb",
  [fn("ext4_sync_fs")],
  (k, sb = 0, wait = 0) => {
    const own = k.vfs.supers.get(sb)?.type.syncFs;
    if (own !== undefined) k.call(own, sb, wait === 0 ? 0 : 1);
    return Number.NaN;
  },
);

/** Does something with every super block: (function, argument). */
const ITERATE_SUPERS: FunctionRef = behaviour(
  "iterate_supers",
  [SYNC_INODES_ONE_SB, SYNC_FS_ONE_SB],
  (k, f = 0, arg = 0) => {
    const each = functionAt(k, f);
    if (each !== undefined) { for (const sb of k.vfs.supers.keys()) k.call(each, sb, arg); }
    return Number.NaN;
  },
);

/** Writes out everything there is. */
export const KSYS_SYNC: FunctionRef = behaviour(
  "ksys_sync",
  [fn("wakeup_flusher_threads"), ITERATE_SUPERS, fn("sync_bdevs")],
  (k) => {
    const WB_REASON_SYNC = 2;
    k.call(fn("wakeup_flusher_threads"), WB_REASON_SYNC);
    k.call(ITERATE_SUPERS, functionPointer(k, SYNC_INODES_ONE_SB), 0);
    k.call(ITERATE_SUPERS, functionPointer(k, SYNC_FS_ONE_SB), 0);
    k.call(ITERATE_SUPERS, functionPointer(k, SYNC_FS_ONE_SB), 1);
    k.call(fn("sync_bdevs"), 0);
    k.call(fn("sync_bdevs"), 1);
    return Number.NaN;
  },
);

/** Writes out one file system: 0 or -errno. */
export const SYNC_FILESYSTEM: FunctionRef = behaviour(
  "sync_filesystem",
  [fn("ext4_sync_fs")],
  (k, sb = 0) => {
    const own = k.vfs.supers.get(sb)?.type.syncFs;
    if (own !== undefined) { for (const wait of [0, 1]) k.call(own, sb, wait); }
    return recordedOr(k, 0);
  },
);
