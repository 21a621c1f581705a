/**
 * Changing mode and owner: `chmod`, `chown` and their relatives, as `fs/open.c` does them.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import { behaviour, fn, type FunctionRef } from "../calls/function.ts";
import type { Kernel } from "../kernel.ts";
import { EBADF, EINVAL } from "../syscalls/errno.ts";
import {
  ATTR_CTIME,
  ATTR_GID,
  ATTR_MODE,
  ATTR_UID,
  changeAttributes,
  IATTR,
  NOTIFY_CHANGE,
  privilegesLost,
} from "./attr.ts";
import { fileOf } from "./fdtable.ts";
import { FILE, PATH } from "./fields.ts";
import { AT_EMPTY_PATH, AT_SYMLINK_NOFOLLOW, FMODE_PATH, LOOKUP_EMPTY, LOOKUP_FOLLOW } from "./modes.ts";
import { MNT_WANT_WRITE } from "./namei.ts";
import { PATH_PUT } from "./path_lookup.ts";
import { USER_PATH_AT_EMPTY, withPath } from "./place.ts";

const MNT_DROP_WRITE = fn("mnt_drop_write");
/** The same for an open file. */
const MNT_WANT_WRITE_FILE: FunctionRef = behaviour(
  "mnt_want_write_file",
  [],
  (k, file = 0) => k.call(MNT_WANT_WRITE, FILE.mnt.get(k, file)),
);
const MNT_DROP_WRITE_FILE = fn("mnt_drop_write_file");
const NOBODY = 0xffffffff;

/** Gives what is at a path a mode: 0 or -errno. */
export const CHMOD_COMMON: FunctionRef = behaviour(
  "chmod_common",
  [MNT_WANT_WRITE, NOTIFY_CHANGE, MNT_DROP_WRITE],
  (k, path = 0, mode = 0) => {
    const mnt = PATH.mnt.get(k, path);
    const denied = k.call(MNT_WANT_WRITE, mnt);
    if (denied !== 0) return denied;
    const dentry = PATH.dentry.get(k, path);
    const inode = k.vfs.dentries.get(dentry)?.inode;
    const error = changeAttributes(k, dentry, ATTR_MODE | ATTR_CTIME, (attr) => {
      IATTR.mode.set(k, attr, (inode?.mode ?? 0) & ~0o7777 | mode & 0o7777);
    });
    k.call(MNT_DROP_WRITE, mnt);
    return error;
  },
);

/** `chmod`, `fchmodat`: 0 or -errno. */
export const DO_FCHMODAT: FunctionRef = behaviour(
  "do_fchmodat",
  [USER_PATH_AT_EMPTY, CHMOD_COMMON, PATH_PUT],
  (k, dfd = 0, filename = 0, mode = 0) =>
    withPath(k, dfd, filename, LOOKUP_FOLLOW, (path) => k.call(CHMOD_COMMON, path, mode)),
);

/** `fchmod`: 0 or -errno. */
export function fchmod(k: Kernel, fd: number, mode: number): number {
  const file = fileOf(k, fd);
  if (file === undefined || (FILE.mode.get(k, file.address) & FMODE_PATH) !== 0) return -EBADF;
  return k.call(CHMOD_COMMON, FILE.path.at(k, file.address), mode);
}

/** Gives what is at a path owner and group, -1 for as they are: 0 or -errno. */
export const CHOWN_COMMON: FunctionRef = behaviour(
  "chown_common",
  [NOTIFY_CHANGE],
  (k, path = 0, user = 0, group = 0) => {
    const dentry = PATH.dentry.get(k, path);
    const inode = k.vfs.dentries.get(dentry)?.inode;
    let valid = ATTR_CTIME;
    if (user >>> 0 !== NOBODY) valid |= ATTR_UID;
    if (group >>> 0 !== NOBODY) valid |= ATTR_GID;
    if (inode) valid |= privilegesLost(inode);
    return changeAttributes(k, dentry, valid, (attr) => {
      IATTR.uid.set(k, attr, user >>> 0);
      IATTR.gid.set(k, attr, group >>> 0);
    });
  },
);

/** `chown`, `lchown`, `fchownat`: 0 or -errno. */
export const DO_FCHOWNAT: FunctionRef = behaviour(
  "do_fchownat",
  [USER_PATH_AT_EMPTY, MNT_WANT_WRITE, CHOWN_COMMON, MNT_DROP_WRITE, PATH_PUT],
  (k, dfd = 0, filename = 0, user = 0, group = 0, flag = 0) => {
    if ((flag & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)) !== 0) return -EINVAL;
    const lookup = ((flag & AT_SYMLINK_NOFOLLOW) !== 0 ? 0 : LOOKUP_FOLLOW) |
      ((flag & AT_EMPTY_PATH) !== 0 ? LOOKUP_EMPTY : 0);
    return withPath(k, dfd, filename, lookup, (path) => {
      const mnt = PATH.mnt.get(k, path);
      const denied = k.call(MNT_WANT_WRITE, mnt);
      if (denied !== 0) return denied;
      const error = k.call(CHOWN_COMMON, path, user, group);
      k.call(MNT_DROP_WRITE, mnt);
      return error;
    });
  },
);

const VFS_FCHOWN: FunctionRef = behaviour(
  "vfs_fchown",
  [MNT_WANT_WRITE_FILE, CHOWN_COMMON, MNT_DROP_WRITE_FILE],
  (k, file = 0, user = 0, group = 0) => {
    const denied = k.call(MNT_WANT_WRITE_FILE, file);
    if (denied !== 0) return denied;
    const error = k.call(CHOWN_COMMON, FILE.path.at(k, file), user, group);
    k.call(MNT_DROP_WRITE_FILE, file);
    return error;
  },
);

/** `fchown`: 0 or -errno. */
export const KSYS_FCHOWN: FunctionRef = behaviour(
  "ksys_fchown",
  [VFS_FCHOWN],
  (k, fd = 0, user = 0, group = 0) => {
    const file = fileOf(k, fd);
    if (file === undefined || (FILE.mode.get(k, file.address) & FMODE_PATH) !== 0) return -EBADF;
    return k.call(VFS_FCHOWN, file.address, user, group);
  },
);

/** A 16-bit user or group id as the kernel's own. */
export function lowToHigh(id: Addr): number {
  return (id & 0xffff) === 0xffff ? NOBODY : id & 0xffff;
}
