/**
 * Mounting and unmounting, and changing the root: `fs/namespace.c`.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import { behaviour, type FunctionRef } from "../calls/function.ts";
import type { Kernel } from "../kernel.ts";
import { EBUSY, EINVAL, ENODEV, ENOTDIR, EPERM } from "../syscalls/errno.ts";
import type { Dentry } from "./dentry.ts";
import type { FileSystemType, SuperBlock } from "./file_system.ts";
import { fileSystemNamed } from "./file_systems.ts";
import { PATH } from "./fields.ts";
import { FS, setPlace } from "./fs_struct.ts";
import {
  MNT_NOATIME,
  MNT_NODIRATIME,
  MNT_NOSYMFOLLOW,
  MNT_READONLY,
  MNT_RELATIME,
  type Mount,
} from "./mount.ts";
import { AT_FDCWD, LOOKUP_DIRECTORY, LOOKUP_FOLLOW } from "./modes.ts";
import { DECISIVE, INODE_PERMISSION } from "./namei.ts";
import { PATH_PUT } from "./path_lookup.ts";
import { pwdOf, rootOf } from "./nameidata.ts";
import { CAP_SYS_ADMIN, CAP_SYS_CHROOT, CAPABLE } from "./permission.ts";
import { USER_PATH_AT_EMPTY, withPath } from "./place.ts";
import { recorded } from "./recorded.ts";
import { initUserNs } from "../process/user_namespace.ts";

const MS_RDONLY = 1;
const MS_REMOUNT = 32;
const MS_NOSYMFOLLOW = 256;
const MS_NOATIME = 1024;
const MS_NODIRATIME = 2048;
const MS_RELATIME = 1 << 21;
const MS_STRICTATIME = 1 << 24;
/** Flags that say when reads are noted: a remount without any of them leaves that as it is. */
const MS_ATIME = MS_NOATIME | MS_NODIRATIME | MS_RELATIME | MS_STRICTATIME;
const MNT_ATIME = MNT_NOATIME | MNT_NODIRATIME | MNT_RELATIME;
const MS_BIND = 0x1000;
const MS_MOVE = 0x2000;
const MS_PROPAGATION = 0x1e0000;
const MS_MGC_VAL = 0xc0ed0000;
/** Flags of mounts that are set as they come: nosuid, nodev, noexec (`MNT_` is half of `MS_`). */
const MNT_SIMPLE = 0x7;

const MNT_FORCE = 1;
const MNT_DETACH = 2;
const MNT_EXPIRE = 4;
const UMOUNT_NOFOLLOW = 8;

/** What `mount` was told, as flags of the mount. */
function mountFlags(flags: number): number {
  let own = (flags >> 1 & MNT_SIMPLE) | ((flags & MS_RDONLY) !== 0 ? MNT_READONLY : 0);
  if ((flags & MS_STRICTATIME) === 0) own |= (flags & MS_NOATIME) !== 0 ? MNT_NOATIME : MNT_RELATIME;
  if ((flags & MS_NODIRATIME) !== 0) own |= MNT_NODIRATIME;
  if ((flags & MS_NOSYMFOLLOW) !== 0) own |= MNT_NOSYMFOLLOW;
  return own;
}

/** The super block that a mount of `type` shows: a new one, or -errno. */
export function getTree(k: Kernel, type: FileSystemType, source: string): SuperBlock | number {
  if (type.getTree !== undefined) return type.getTree(k, source);
  if (!type.nodev) return -ENODEV;
  return k.vfs.newSuper(type);
}

/** Mounts, remounts, binds or moves at a path: 0 or -errno. `words` are what the strings say. */
const PATH_MOUNT: FunctionRef = behaviour(
  "path_mount",
  [CAPABLE],
  (k, _dev = 0, path = 0, _type = 0, flagWord = 0) => {
    const replayed = recorded(k);
    if (replayed !== undefined && replayed.ret < 0) return replayed.ret;
    const flags = (flagWord >>> 0 & 0xffff0000) >>> 0 === MS_MGC_VAL ? flagWord & 0xffff : flagWord;
    if (k.call(CAPABLE, CAP_SYS_ADMIN) !== 1 && replayed === undefined) return -EPERM;
    const told = mounting.get(k) ?? { source: "", type: null };
    const dentry = k.vfs.dentries.get(PATH.dentry.get(k, path));
    const parent = k.vfs.mounts.get(PATH.mnt.get(k, path));
    if (dentry === undefined || parent === undefined) return -EINVAL;
    if ((flags & MS_REMOUNT) !== 0) {
      if (dentry !== parent.root) return -EINVAL;
      const atime = (flags & MS_ATIME) === 0 ? parent.flags & MNT_ATIME : mountFlags(flags) & MNT_ATIME;
      parent.flags = mountFlags(flags) & ~MNT_ATIME | atime;
      if ((flags & MS_BIND) === 0) parent.sb.readOnly = (flags & MS_RDONLY) !== 0;
      return 0;
    }
    if ((flags & (MS_BIND | MS_MOVE)) !== 0) return fromPlace(k, told.source, flags, parent, dentry);
    if ((flags & MS_PROPAGATION) !== 0) return dentry === parent.root ? 0 : -EINVAL;
    if (told.type === null) return -EINVAL;
    const type = fileSystemNamed(told.type);
    if (type === undefined) return -ENODEV;
    const sb = getTree(k, type, told.source);
    if (typeof sb === "number") return sb;
    if (dentry.inode?.entries === null) return -ENOTDIR;
    if ((flags & MS_RDONLY) !== 0) sb.readOnly = true;
    k.vfs.mount(sb, dentry, { parent, source: told.source, flags: mountFlags(flags) });
    return 0;
  },
);
const mounting = new WeakMap<Kernel, { source: string; type: string | null }>();

/** Shows a place a second time (`MS_BIND`), or moves a mount (`MS_MOVE`). */
function fromPlace(k: Kernel, source: string, flags: number, parent: Mount, at: Dentry): number {
  const found = k.vfs.lookup(source, pwdOf(k).dentry);
  if (source === "" || found === null) return -EINVAL;
  const old = k.vfs.mountOf(found);
  if (old === null) return -EINVAL;
  if ((flags & MS_MOVE) !== 0) {
    if (found !== old.root || old.parent === old) return -EINVAL;
    for (let up: Mount = parent; up.parent !== up; up = up.parent) if (up === old) return -EINVAL;
    old.detach();
    old.attach(parent, at);
    return 0;
  }
  if ((found.inode?.entries === null) !== (at.inode?.entries === null)) return -ENOTDIR;
  k.vfs.mount(old.sb, at, { parent, source: old.source, flags: old.flags, root: found });
  return 0;
}

/** `mount`: 0 or -errno. Strings are copied in before the path is looked at. */
export function mount(
  k: Kernel,
  source: string,
  dirName: Addr,
  type: string | null,
  flags: number,
): number {
  return withPath(k, AT_FDCWD, dirName, LOOKUP_FOLLOW, (path) => {
    mounting.set(k, { source, type });
    return k.call(PATH_MOUNT, NaN, path, NaN, flags, NaN);
  });
}
/** What `mount` calls. */
export const MOUNT_CALLS: readonly FunctionRef[] = [USER_PATH_AT_EMPTY, PATH_MOUNT, PATH_PUT];

/** Unmounts what is at a path: 0 or -errno. */
const PATH_UMOUNT: FunctionRef = behaviour("path_umount", [CAPABLE], (k, path = 0, flags = 0) => {
  const replayed = recorded(k);
  if (replayed !== undefined && replayed.ret < 0) return replayed.ret;
  const mount = k.vfs.mounts.get(PATH.mnt.get(k, path));
  const dentry = k.vfs.dentries.get(PATH.dentry.get(k, path));
  if (k.call(CAPABLE, CAP_SYS_ADMIN) !== 1 && replayed === undefined) return -EPERM;
  if (mount === undefined || dentry !== mount.root || mount.parent === mount) return replayed?.ret ?? -EINVAL;
  const children = [...k.vfs.mounts.values()].filter(({ parent }) => parent === mount);
  if ((flags & MNT_DETACH) === 0 && replayed === undefined) {
    if (mount.users > 0 || children.length > 0) return -EBUSY;
  }
  for (const child of children) if (child !== mount) k.vfs.unmount(child);
  k.vfs.unmount(mount);
  return 0;
});

/** `umount`: 0 or -errno. */
export function umount(k: Kernel, name: Addr, flags: number): number {
  if ((flags & ~(MNT_FORCE | MNT_DETACH | MNT_EXPIRE | UMOUNT_NOFOLLOW)) !== 0) return -EINVAL;
  if ((flags & MNT_EXPIRE) !== 0 && (flags & (MNT_FORCE | MNT_DETACH)) !== 0) return -EINVAL;
  const lookup = (flags & UMOUNT_NOFOLLOW) !== 0 ? 0 : LOOKUP_FOLLOW;
  return withPath(k, AT_FDCWD, name, lookup, (path) => k.call(PATH_UMOUNT, path, flags));
}
/** What `umount` calls. */
export const UMOUNT_CALLS: readonly FunctionRef[] = [USER_PATH_AT_EMPTY, PATH_UMOUNT, PATH_PUT];

const SET_FS_ROOT: FunctionRef = behaviour("set_fs_root", [], (k, fs = 0, path = 0) => {
  setPlace(k, fs, "root", PATH.mnt.get(k, path), PATH.dentry.get(k, path));
  return Number.NaN;
});

/** `chroot`: 0 or -errno. */
export function chroot(k: Kernel, filename: Addr): number {
  return withPath(k, AT_FDCWD, filename, LOOKUP_FOLLOW | LOOKUP_DIRECTORY, (path) => {
    const inode = k.vfs.dentries.get(PATH.dentry.get(k, path))?.inode?.address ?? 0;
    const denied = k.call(INODE_PERMISSION, initUserNs(k), inode, 0x41, DECISIVE);
    if (denied !== 0) return denied;
    const replayed = recorded(k);
    if (k.call(CAPABLE, CAP_SYS_CHROOT) !== 1 && replayed === undefined) return -EPERM;
    if (replayed !== undefined && replayed.ret < 0) return replayed.ret;
    k.call(SET_FS_ROOT, k.current.fs, path);
    return 0;
  });
}
/** What `chroot` calls. */
export const CHROOT_CALLS: readonly FunctionRef[] = [
  USER_PATH_AT_EMPTY,
  INODE_PERMISSION,
  CAPABLE,
  SET_FS_ROOT,
  PATH_PUT,
];

/** `pivot_root`: the mount at `newRoot` becomes the root, the old one moves to `putOld` below it. 0 or -errno. */
export function pivotRoot(k: Kernel, newRoot: Addr, putOld: Addr): number {
  const replayed = recorded(k);
  if (replayed !== undefined && replayed.ret < 0) return replayed.ret;
  if (k.call(CAPABLE, CAP_SYS_ADMIN) !== 1 && replayed === undefined) return -EPERM;
  const lookup = LOOKUP_FOLLOW | LOOKUP_DIRECTORY;
  return withPath(k, AT_FDCWD, newRoot, lookup, (next) =>
    withPath(k, AT_FDCWD, putOld, lookup, (old) => {
      const mount = k.vfs.mounts.get(PATH.mnt.get(k, next));
      const oldMount = k.vfs.mounts.get(PATH.mnt.get(k, old));
      const at = k.vfs.dentries.get(PATH.dentry.get(k, old));
      const root = rootOf(k);
      const rootMount = k.vfs.mounts.get(root.mnt);
      if (
        mount === undefined || oldMount === undefined || rootMount === undefined || at === undefined
      ) return -EINVAL;
      if (mount === rootMount || oldMount === rootMount) return -EBUSY;
      if (PATH.dentry.get(k, next) !== mount.root.address || mount.parent === mount) return -EINVAL;
      if (root.dentry !== rootMount.root) return -EINVAL;
      // The old root must come to lie below the new one.
      let up: Mount = oldMount;
      while (up !== mount && up.parent !== up) up = up.parent;
      if (up !== mount) return -EINVAL;
      mount.detach();
      rootMount.attach(oldMount, at);
      for (const task of k.tasks.all()) {
        if (task.fs === 0) continue;
        if (FS.rootDentry.get(k, task.fs) === root.dentry.address) {
          setPlace(k, task.fs, "root", mount.mnt, mount.root.address);
        }
        if (FS.pwdDentry.get(k, task.fs) === root.dentry.address) {
          setPlace(k, task.fs, "pwd", mount.mnt, mount.root.address);
        }
      }
      return 0;
    }));
}
/** What `pivot_root` calls. */
export const PIVOT_CALLS: readonly FunctionRef[] = [CAPABLE, USER_PATH_AT_EMPTY, PATH_PUT];
