/**
 * Where a process stands, and what it may reach: `chdir`, `getcwd`, `access`, `readlink`.
 *
 * @module
 */

import { behaviour, fn, type FunctionRef } from "../calls/function.ts";
import type { Kernel } from "../kernel.ts";
import { MemoryFault } from "../memory/fault.ts";
import { sizeOfStruct } from "../process/objects.ts";
import { popLocals, pushLocal } from "../process/stack.ts";
import { EFAULT, EINVAL, ENOENT, ENOTDIR, ERANGE } from "../syscalls/errno.ts";
import { PATH } from "./fields.ts";
import { setPlace } from "./fs_struct.ts";
import type { Inode } from "./inode.ts";
import { TOUCH_ATIME } from "./inode_times.ts";
import { inodeCallees } from "./inode_operations.ts";
import {
  AT_EMPTY_PATH,
  AT_SYMLINK_NOFOLLOW,
  LOOKUP_DIRECTORY,
  LOOKUP_EMPTY,
  LOOKUP_FOLLOW,
} from "./modes.ts";
import { DECISIVE, INODE_PERMISSION } from "./namei.ts";
import { FILENAME_LOOKUP, PATH_PUT } from "./path_lookup.ts";
import { pwdOf, rootOf } from "./nameidata.ts";
import { GETNAME_FLAGS, PUTNAME } from "./names.ts";
import { recorded, recordedErrorOr } from "./recorded.ts";
import { initUserNs } from "../process/user_namespace.ts";

const AT_EACCESS = 0x200;

/** Looks a user path up; stores where it leads at `path`. */
export const USER_PATH_AT_EMPTY: FunctionRef = behaviour(
  "user_path_at_empty",
  [GETNAME_FLAGS, FILENAME_LOOKUP, PUTNAME],
  (k, dfd = 0, uptr = 0, flags = 0, path = 0, empty = 0) => {
    const name = k.call(GETNAME_FLAGS, uptr, flags, empty);
    const error = k.call(FILENAME_LOOKUP, dfd, name, flags, path, 0);
    k.call(PUTNAME, name);
    return error;
  },
);

/** Runs `body` with the path that a user pointer names, and lets go of it. -errno where it leads nowhere. */
export function withPath(
  k: Kernel,
  dfd: number,
  uptr: number,
  flags: number,
  body: (path: number) => number,
): number {
  const mark = k.current.locals;
  const path = pushLocal(k, sizeOfStruct(k, "path"));
  let result = k.call(USER_PATH_AT_EMPTY, dfd, uptr, flags, path, 0);
  if (result === 0) {
    result = body(path);
    k.call(PATH_PUT, path);
  }
  popLocals(k, mark);
  return result;
}

/** `access`, `faccessat`: 0 or -errno, by the real user id. */
export const DO_FACCESSAT: FunctionRef = behaviour(
  "do_faccessat",
  [
    fn("prepare_creds"),
    fn("override_creds"),
    USER_PATH_AT_EMPTY,
    INODE_PERMISSION,
    PATH_PUT,
    fn("revert_creds"),
  ],
  (k, dfd = 0, filename = 0, mode = 0, flags = 0) => {
    if ((mode & ~7) !== 0) return -EINVAL;
    if ((flags & ~(AT_EACCESS | AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)) !== 0) return -EINVAL;
    const own = (flags & AT_EACCESS) === 0;
    if (own) {
      k.call(fn("prepare_creds"));
      k.call(fn("override_creds"));
    }
    const lookup = ((flags & AT_SYMLINK_NOFOLLOW) !== 0 ? 0 : LOOKUP_FOLLOW) |
      ((flags & AT_EMPTY_PATH) !== 0 ? LOOKUP_EMPTY : 0);
    const result = withPath(k, dfd, filename, lookup, (path) => {
      const inode = k.vfs.dentries.get(PATH.dentry.get(k, path))?.inode;
      const allowed = k.call(
        INODE_PERMISSION,
        initUserNs(k),
        inode?.address ?? 0,
        mode | 0x10,
        DECISIVE,
      );
      return recordedErrorOr(k, allowed);
    });
    if (own) k.call(fn("revert_creds"));
    return result;
  },
);

/** Moves the current directory. */
export const SET_FS_PWD: FunctionRef = behaviour("set_fs_pwd", [], (k, fs = 0, path = 0) => {
  setPlace(k, fs, "pwd", PATH.mnt.get(k, path), PATH.dentry.get(k, path));
  return Number.NaN;
});

/** `chdir` to what a path names: 0 or -errno. */
export function chdirTo(k: Kernel, path: number): number {
  const inode = k.vfs.dentries.get(PATH.dentry.get(k, path))?.inode;
  if (!inode || inode.entries === null) return -ENOTDIR;
  const error = recordedErrorOr(
    k,
    k.call(INODE_PERMISSION, initUserNs(k), inode.address, 0x41, DECISIVE),
  );
  if (error === 0) k.call(SET_FS_PWD, k.current.fs, path);
  return error;
}

/** Flags with which `chdir` looks its path up. */
export const CHDIR_LOOKUP = LOOKUP_FOLLOW | LOOKUP_DIRECTORY;

/** `getcwd`: bytes of the path with its NUL, or -errno. */
export function getcwd(k: Kernel, buf: number, size: number): number {
  const pwd = pwdOf(k).dentry;
  const outcome = recorded(k);
  // A recording tells where the process stands.
  const told = outcome?.text;
  if (told !== undefined && outcome !== undefined && outcome.ret > 0 && told.startsWith("/")) {
    const there = k.vfs.makePath(told, { mode: 0o040755 });
    if (there.inode?.entries && there !== pwd) {
      setPlace(k, k.current.fs, "pwd", k.vfs.mountOf(there)?.mnt ?? k.vfs.mnt, there.address);
    }
  }
  k.call(fn("prepend_path"));
  const text = told ?? relativeTo(k);
  const bytes = new TextEncoder().encode(text);
  if (outcome !== undefined && outcome.ret < 0) return outcome.ret;
  if (outcome === undefined && pwd.inode?.nlink === 0) return -ENOENT;
  if (bytes.length + 1 > size && outcome === undefined) return -ERANGE;
  return store(k, buf, bytes, true) ? outcome?.ret ?? bytes.length + 1 : -EFAULT;
}

/** The text of a link, wherever it leads; null for what is none. */
function textOfLink(inode: Inode | null | undefined): string | null {
  return inode?.dynamicTarget?.() ?? inode?.target ?? null;
}

/** Copies the text of a link of procfs that leads to an object: (dentry, buffer, buflen). */
const PROC_PID_READLINK: FunctionRef = behaviour(
  "proc_pid_readlink",
  [],
  (k, dentry = 0, buf = 0, size = 0) => copyLink(k, k.vfs.dentries.get(dentry)?.inode, buf, size),
);

function copyLink(k: Kernel, inode: Inode | null | undefined, buf: number, size: number): number {
  const outcome = recorded(k);
  const target = outcome?.text ?? textOfLink(inode);
  if (target === null) return outcome?.ret ?? (inode?.iops.getLink === undefined ? -EINVAL : -ENOENT);
  const bytes = new TextEncoder().encode(target).subarray(0, size);
  return store(k, buf, bytes, false) ? outcome?.ret ?? bytes.length : -EFAULT;
}

/** Copies a symbolic link's text to user memory: bytes, or -errno. */
export const VFS_READLINK: FunctionRef = behaviour(
  "vfs_readlink",
  [fn("readlink_copy"), PROC_PID_READLINK, ...inodeCallees("getLink")],
  (k, dentry = 0, buf = 0, size = 0) => {
    const inode = k.vfs.dentries.get(dentry)?.inode;
    if (inode?.jumps === true) return k.call(PROC_PID_READLINK, dentry, buf, size);
    if (inode?.iops.getLink !== undefined) k.call(inode.iops.getLink, dentry, inode.address, 0);
    return copyLink(k, inode, buf, size);
  },
);

/** `readlink`: bytes stored, or -errno. */
export const DO_READLINKAT: FunctionRef = behaviour(
  "do_readlinkat",
  [USER_PATH_AT_EMPTY, VFS_READLINK, TOUCH_ATIME, PATH_PUT],
  (k, dfd = 0, filename = 0, buf = 0, size = 0) => {
    if (size <= 0) return -EINVAL;
    return withPath(k, dfd, filename, LOOKUP_EMPTY, (path) => {
      const dentry = PATH.dentry.get(k, path);
      const inode = k.vfs.dentries.get(dentry)?.inode;
      if (inode?.target === null && inode.iops.getLink === undefined) return recorded(k)?.ret ?? -EINVAL;
      k.call(TOUCH_ATIME, path);
      return recordedErrorOr(k, k.call(VFS_READLINK, dentry, buf, size));
    });
  },
);

/** The current directory as the task sees it; what it cannot reach from its root is shown so. */
function relativeTo(k: Kernel): string {
  const root = rootOf(k);
  const pwd = pwdOf(k);
  const path = k.vfs.pathOf(pwd.mnt, pwd.dentry, root.mnt, root.dentry);
  return path ?? `(unreachable)${k.vfs.pathOf(pwd.mnt, pwd.dentry) ?? pwd.dentry.path}`;
}

function store(k: Kernel, buf: number, bytes: Uint8Array, terminated: boolean): boolean {
  try {
    if (!k.memory.isUser(buf)) return recorded(k) !== undefined;
    k.memory.writeBytes(buf, bytes);
    if (terminated) k.memory.store(buf + bytes.length, 1, 0);
    return true;
  } catch (error) {
    if (!(error instanceof MemoryFault)) throw error;
    return recorded(k) !== undefined;
  }
}
