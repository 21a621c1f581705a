/**
 * Setting the times of files: `fs/utimes.c`.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import { behaviour, fn, type FunctionRef } from "../calls/function.ts";
import type { Kernel } from "../kernel.ts";
import { EBADF, EINVAL } from "../syscalls/errno.ts";
import {
  ATTR_ATIME,
  ATTR_ATIME_SET,
  ATTR_CTIME,
  ATTR_MTIME,
  ATTR_MTIME_SET,
  ATTR_TIMES_SET,
  ATTR_TOUCH,
  changeAttributes,
  IATTR,
  NOTIFY_CHANGE,
} from "./attr.ts";
import { fileOf } from "./fdtable.ts";
import { FILE, PATH } from "./fields.ts";
import {
  AT_EMPTY_PATH,
  AT_FDCWD,
  AT_SYMLINK_NOFOLLOW,
  FMODE_PATH,
  LOOKUP_EMPTY,
  LOOKUP_FOLLOW,
} from "./modes.ts";
import { MNT_WANT_WRITE } from "./namei.ts";
import { PATH_PUT } from "./path_lookup.ts";
import { USER_PATH_AT_EMPTY, withPath } from "./place.ts";

/** `tv_nsec`: the time is now. */
export const UTIME_NOW = 0x3fffffff;
/** `tv_nsec`: the time stays. */
export const UTIME_OMIT = 0x3ffffffe;
const MNT_DROP_WRITE = fn("mnt_drop_write");
/** Bytes of a `struct timespec64`. */
export const TIMESPEC64 = 16;

/** Sets the times of what is at a path. `times`: two `timespec64` in kernel memory, or 0 for now. */
export const VFS_UTIMES: FunctionRef = behaviour(
  "vfs_utimes",
  [MNT_WANT_WRITE, NOTIFY_CHANGE, MNT_DROP_WRITE],
  (k, path = 0, times = 0) => {
    let at = times;
    if (at !== 0) {
      const nsecs = [nsecOf(k, at, 0), nsecOf(k, at, 1)];
      if (!nsecs.every(valid)) return -EINVAL;
      if (nsecs.every((nsec) => nsec === UTIME_NOW)) at = 0;
    }
    const mnt = PATH.mnt.get(k, path);
    const denied = k.call(MNT_WANT_WRITE, mnt);
    if (denied !== 0) return denied;
    let flags = ATTR_CTIME | ATTR_MTIME | ATTR_ATIME;
    if (at !== 0) {
      const [atime, mtime] = [nsecOf(k, at, 0), nsecOf(k, at, 1)];
      if (atime === UTIME_OMIT) flags &= ~ATTR_ATIME;
      else if (atime !== UTIME_NOW) flags |= ATTR_ATIME_SET;
      if (mtime === UTIME_OMIT) flags &= ~ATTR_MTIME;
      else if (mtime !== UTIME_NOW) flags |= ATTR_MTIME_SET;
      flags |= ATTR_TIMES_SET;
    } else flags |= ATTR_TOUCH;
    const error = changeAttributes(k, PATH.dentry.get(k, path), flags, (attr) => {
      if (at === 0) return;
      IATTR.atime.set(k, attr, k.memory.load(at, 8, true));
      IATTR.atimeNsec.set(k, attr, nsecOf(k, at, 0));
      IATTR.mtime.set(k, attr, k.memory.load(at + TIMESPEC64, 8, true));
      IATTR.mtimeNsec.set(k, attr, nsecOf(k, at, 1));
    });
    k.call(MNT_DROP_WRITE, mnt);
    return error;
  },
);

function nsecOf(k: Kernel, times: Addr, index: number): number {
  return k.memory.load(times + index * TIMESPEC64 + 8, 4, true);
}

function valid(nsec: number): boolean {
  return nsec === UTIME_NOW || nsec === UTIME_OMIT || nsec >= 0 && nsec < 1e9;
}

/** `utimensat` and its relatives: 0 or -errno. */
export const DO_UTIMES: FunctionRef = behaviour(
  "do_utimes",
  [USER_PATH_AT_EMPTY, VFS_UTIMES, PATH_PUT],
  (k, dfd = 0, filename = 0, times = 0, flags = 0) => {
    if (filename === 0 && dfd !== AT_FDCWD) {
      if (flags !== 0) return -EINVAL;
      const file = fileOf(k, dfd);
      if (file === undefined || (FILE.mode.get(k, file.address) & FMODE_PATH) !== 0) return -EBADF;
      return k.call(VFS_UTIMES, FILE.path.at(k, file.address), times);
    }
    if ((flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)) !== 0) return -EINVAL;
    const lookup = ((flags & AT_SYMLINK_NOFOLLOW) !== 0 ? 0 : LOOKUP_FOLLOW) |
      ((flags & AT_EMPTY_PATH) !== 0 ? LOOKUP_EMPTY : 0);
    return withPath(k, dfd, filename, lookup, (path) => k.call(VFS_UTIMES, path, times));
  },
);
