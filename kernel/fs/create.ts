/**
 * How tmpfs makes files, directories and links: `shmem_mknod` and its callers.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import { behaviour, type FunctionRef } from "../calls/function.ts";
import type { Kernel } from "../kernel.ts";
import { EACCES, ENOENT } from "../syscalls/errno.ts";
import { failsAt } from "./failures.ts";
import { INODE } from "./fields.ts";
import { FS } from "./fs_struct.ts";
import { directoryChanged, madeNow } from "./inode_times.ts";
import { inodeCallees } from "./inode_operations.ts";
import { S_IFDIR, S_IFLNK, S_IFMT, S_IFREG } from "./modes.ts";
import { fsgid, fsuid } from "./permission.ts";
import { initUserNs } from "../process/user_namespace.ts";

/** Target of the symbolic link that is being made, by the address of its name in kernel memory. */
const CREATED_SIZE = 20;

/** A new inode of a tmpfs; 0 if there is none left. */
export const SHMEM_GET_INODE: FunctionRef = behaviour(
  "shmem_get_inode",
  [],
  (k, sb = 0, dir = 0, mode = 0, dev = 0) =>
    madeNow(k, k.vfs.newInodeOn(sb, { ...ownerOf(k, dir, mode), rdev: dev }).address),
);

/** Gives a dentry its inode: the name exists from now on. */
export const D_INSTANTIATE: FunctionRef = behaviour("d_instantiate", [], (k, dentry = 0, inode = 0) => {
  attach(k, dentry, inode);
  return Number.NaN;
});

/** Makes a file of any kind in a directory. */
export const SHMEM_MKNOD: FunctionRef = behaviour(
  "shmem_mknod",
  [SHMEM_GET_INODE, D_INSTANTIATE],
  (k, _userns, dir = 0, dentry = 0, mode = 0, dev = 0) => {
    const parent = k.vfs.inodes.get(dir);
    if (parent === undefined) return -ENOENT;
    const failure = failsToCreate(k);
    if (failure !== 0) return failure;
    const inode = k.call(SHMEM_GET_INODE, INODE.sb.get(k, dir), dir, mode, dev, 0);
    INODE.size.add(k, dir, CREATED_SIZE);
    k.call(D_INSTANTIATE, dentry, inode);
    return 0;
  },
);

/** Makes a regular file. */
export const SHMEM_CREATE: FunctionRef = behaviour(
  "shmem_create",
  [SHMEM_MKNOD],
  (k, userns = 0, dir = 0, dentry = 0, mode = 0) =>
    k.call(SHMEM_MKNOD, userns, dir, dentry, mode | S_IFREG, 0),
);

/** Makes a directory. */
export const SHMEM_MKDIR: FunctionRef = behaviour(
  "shmem_mkdir",
  [SHMEM_MKNOD],
  (k, userns = 0, dir = 0, dentry = 0, mode = 0) => {
    const error = k.call(SHMEM_MKNOD, userns, dir, dentry, mode | S_IFDIR, 0);
    if (error === 0) INODE.nlink.add(k, dir, 1);
    return error;
  },
);

/** Makes a symbolic link to the text at `target`. */
export const SHMEM_SYMLINK: FunctionRef = behaviour(
  "shmem_symlink",
  [SHMEM_GET_INODE, D_INSTANTIATE],
  (k, _userns, dir = 0, dentry = 0, target = 0) => {
    const failure = failsToCreate(k);
    if (failure !== 0) return failure;
    const text = k.memory.readString(target, 4096);
    const owner = ownerOf(k, dir, S_IFLNK | 0o777);
    const inode = k.vfs.newInodeOn(INODE.sb.get(k, dir), { ...owner, target: text });
    madeNow(k, inode.address);
    INODE.size.add(k, dir, CREATED_SIZE);
    k.call(D_INSTANTIATE, dentry, inode.address);
    return 0;
  },
);

/** Mode and owner of a new inode (`inode_init_owner`): a directory with the set-group-id bit hands its group on. */
export function ownerOf(k: Kernel, dir: Addr, mode: number): { mode: number; uid: number; gid: number } {
  const inherits = dir !== 0 && (INODE.mode.get(k, dir) & S_ISGID) !== 0;
  return {
    mode: inherits && (mode & S_IFMT) === S_IFDIR ? mode | S_ISGID : mode,
    uid: fsuid(k),
    gid: inherits ? INODE.gid.get(k, dir) : fsgid(k),
  };
}
const S_ISGID = 0o2000;

function failsToCreate(k: Kernel): number {
  return failsAt(k, "create") || failsAt(k, "operation");
}

/** What creating through `open` calls. */
export const CREATE_CALLS: readonly FunctionRef[] = inodeCallees("create");

/** Puts a dentry with its inode into the directory that is its parent. */
export function attach(k: Kernel, dentry: Addr, inode: Addr): void {
  const name = k.vfs.dentries.get(dentry);
  const found = k.vfs.inodes.get(inode);
  if (name === undefined || found === undefined) return;
  name.parent.negative?.delete(name.name);
  name.inode = found;
  name.hashed = true;
  // tmpfs keeps the reference of the call that made the name: it pins it.
  if (name.transient && !k.vfs.superOf(name).type.pinned) name.put();
  name.transient = false;
  name.parent.inode?.entries?.set(name.name, name);
  if (name.parent.inode !== null) directoryChanged(k, name.parent.inode.address);
}

/** Creates a regular file for a dentry that has no inode yet, as `open` with `O_CREAT` does: 0 or -errno. */
export function createRegular(k: Kernel, dir: Addr, dentry: Addr, mode: number, exclusive: boolean): number {
  if (dir === 0) return -EACCES;
  const masked = mode & ~umask(k) & 0o7777;
  const operation = k.vfs.inodes.get(dir)?.iops.create;
  if (operation === undefined) return -EACCES;
  return k.call(
    operation,
    initUserNs(k),
    dir,
    dentry,
    masked | S_IFREG,
    exclusive ? 1 : 0,
  );
}

/** The current task's umask. */
export function umask(k: Kernel): number {
  return FS.umask.get(k, k.current.fs);
}
