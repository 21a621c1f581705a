/**
 * Files by handles instead of paths: `name_to_handle_at`, `open_by_handle_at`; `fs/fhandle.c`.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import { behaviour, type FunctionRef } from "../calls/function.ts";
import type { Kernel } from "../kernel.ts";
import { sizeOfStruct } from "../process/objects.ts";
import { popLocals, pushLocal } from "../process/stack.ts";
import { loadUser } from "../process/user_load.ts";
import { storeUser } from "../process/user_store.ts";
import { EBADF, EFAULT, EINVAL, EOPNOTSUPP, EOVERFLOW, EPERM, ESTALE } from "../syscalls/errno.ts";
import type { Dentry } from "./dentry.ts";
import { FD_INSTALL, fileOf, GET_UNUSED_FD_FLAGS, PUT_UNUSED_FD } from "./fdtable.ts";
import { FILE, PATH } from "./fields.ts";
import { newFile } from "./file.ts";
import {
  AT_EMPTY_PATH,
  AT_FDCWD,
  AT_SYMLINK_FOLLOW,
  LOOKUP_EMPTY,
  LOOKUP_FOLLOW,
  withLargefile,
} from "./modes.ts";
import { PATH_PUT } from "./path_lookup.ts";
import { VFS_OPEN } from "./open.ts";
import { CAP_DAC_READ_SEARCH, CAPABLE } from "./permission.ts";
import { USER_PATH_AT_EMPTY, withPath } from "./place.ts";
import { pwdOf } from "./nameidata.ts";
import { recorded } from "./recorded.ts";
import { initUserNs } from "../process/user_namespace.ts";

const MAX_HANDLE_SZ = 128;
/** Bytes of the handles given here: generation, inode number. */
const SIZE = 12;
const FILEID_INO32_GEN = 1;
/** Bytes of `struct file_handle` before the handle itself. */
const HEADER = 8;

const given = new WeakMap<Kernel, Map<number, Dentry>>();

function handlesOf(k: Kernel): Map<number, Dentry> {
  let table = given.get(k);
  if (table === undefined) given.set(k, table = new Map());
  return table;
}

const DO_SYS_NAME_TO_HANDLE: FunctionRef = behaviour(
  "do_sys_name_to_handle",
  [],
  (k, path = 0, ufh = 0, mntId = 0) => {
    const replayed = recorded(k);
    if (replayed !== undefined) return replayed.ret;
    const dentry = k.vfs.dentries.get(PATH.dentry.get(k, path));
    const mount = k.vfs.mounts.get(PATH.mnt.get(k, path));
    if (dentry?.inode == null || mount === undefined) return -EOPNOTSUPP;
    const room = loadUser(k, ufh, 4, false);
    if (Number.isNaN(room)) return -EFAULT;
    if (room > MAX_HANDLE_SZ) return -EINVAL;
    if (!storeUser(k, mntId, 4, mount.id) || !storeUser(k, ufh, 4, SIZE)) return -EFAULT;
    if (room < SIZE) return -EOVERFLOW;
    const { ino } = dentry.inode;
    handlesOf(k).set(ino, dentry);
    const words = [FILEID_INO32_GEN, 1, ino >>> 0, Math.floor(ino / 2 ** 32)];
    return words.every((word, i) => storeUser(k, ufh + 4 + i * 4, 4, word)) ? 0 : -EFAULT;
  },
);

/** `name_to_handle_at`: 0 or -errno. */
export function nameToHandleAt(
  k: Kernel,
  dfd: number,
  name: Addr,
  handle: Addr,
  mntId: Addr,
  flag: number,
): number {
  if ((flag & ~(AT_SYMLINK_FOLLOW | AT_EMPTY_PATH)) !== 0) return -EINVAL;
  const lookup = ((flag & AT_SYMLINK_FOLLOW) !== 0 ? LOOKUP_FOLLOW : 0) |
    ((flag & AT_EMPTY_PATH) !== 0 ? LOOKUP_EMPTY : 0);
  return withPath(k, dfd, name, lookup, (path) => k.call(DO_SYS_NAME_TO_HANDLE, path, handle, mntId));
}
/** What it calls. */
export const NAME_TO_HANDLE_CALLS: readonly FunctionRef[] = [
  USER_PATH_AT_EMPTY,
  DO_SYS_NAME_TO_HANDLE,
  PATH_PUT,
];

/** `open_by_handle_at`: a descriptor, or -errno. */
export function openByHandleAt(k: Kernel, mountFd: number, handle: Addr, flags: number): number {
  const replayed = recorded(k);
  if (k.call(CAPABLE, CAP_DAC_READ_SEARCH) !== 1 && replayed === undefined) return -EPERM;
  const file = mountFd === AT_FDCWD ? undefined : fileOf(k, mountFd);
  if (mountFd !== AT_FDCWD && file === undefined) return replayed?.ret ?? -EBADF;
  if (replayed !== undefined && replayed.ret < 0) return replayed.ret;
  const size = loadUser(k, handle, 4, false);
  const ino = loadUser(k, handle + HEADER + 4, 4, false);
  if (Number.isNaN(size) && replayed === undefined) return -EFAULT;
  if ((size > MAX_HANDLE_SZ || size === 0) && replayed === undefined) return -EINVAL;
  const dentry = handlesOf(k).get(ino);
  const alive = dentry !== undefined && k.vfs.dentries.get(dentry.address) === dentry &&
    dentry.inode !== null;
  if (!alive && replayed === undefined) return -ESTALE;
  const fd = k.call(GET_UNUSED_FD_FLAGS, flags);
  if (fd < 0) return fd;
  const mark = k.current.locals;
  const path = pushLocal(k, sizeOfStruct(k, "path"));
  const target = alive ? dentry : pwdOf(k).dentry;
  PATH.mnt.set(k, path, file === undefined ? pwdOf(k).mnt : FILE.mnt.get(k, file.address));
  PATH.dentry.set(k, path, target.address);
  const opened = newFile(k, withLargefile(k.image.arch, flags));
  const error = k.call(VFS_OPEN, path, opened.address, initUserNs(k));
  popLocals(k, mark);
  if (error !== 0) {
    k.call(PUT_UNUSED_FD, fd);
    k.vfs.putFile(opened.address);
    return error;
  }
  k.call(FD_INSTALL, fd, opened.address);
  return fd;
}
/** What it calls. */
export const OPEN_BY_HANDLE_CALLS: readonly FunctionRef[] = [
  CAPABLE,
  GET_UNUSED_FD_FLAGS,
  VFS_OPEN,
  PUT_UNUSED_FD,
  FD_INSTALL,
];
