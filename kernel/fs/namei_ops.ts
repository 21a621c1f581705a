/**
 * Changing the tree: `mkdir`, `rmdir`, `unlink`, `link`, `symlink` as `fs/namei.c` does them.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import { behaviour, fn, type FunctionRef } from "../calls/function.ts";
import type { Kernel } from "../kernel.ts";
import { sizeOfStruct } from "../process/objects.ts";
import { popLocals, pushLocal } from "../process/stack.ts";
import { EBUSY, EEXIST, EINVAL, EISDIR, ENOENT, ENOTDIR, ENOTEMPTY, EPERM } from "../syscalls/errno.ts";
import { attach, umask } from "./create.ts";
import type { Dentry } from "./dentry.ts";
import type { Inode } from "./inode.ts";
import { nameRemoved, S_CTIME, setTimes } from "./inode_times.ts";
import { inodeCallees } from "./inode_operations.ts";
import { sticky } from "./permission.ts";
import { INODE, NAMEIDATA, PATH } from "./fields.ts";
import { failsAt } from "./failures.ts";
import { allocDentry, D_LOOKUP, forget, lookupIn, slashFollows } from "./lookup.ts";
import { DECISIVE, INODE_PERMISSION, MNT_WANT_WRITE } from "./namei.ts";
import { FILENAME_PARENTAT } from "./path_lookup.ts";
import { LAST_DOT, LAST_DOTDOT, LAST_NORM } from "./nameidata.ts";
import { isErr, PUTNAME } from "./names.ts";
import { FSNOTIFY, notifyName, notifyRemoved } from "./notify/events.ts";
import { IN_CREATE, IN_ISDIR } from "./notify/masks.ts";
import { recorded } from "./recorded.ts";
import { initUserNs } from "../process/user_namespace.ts";

const MAY_WRITE_EXEC = 3;
/** Gives up the right to write to a mount. */
export const MNT_DROP_WRITE: FunctionRef = fn("mnt_drop_write");
const DIRENT = 20;
/** Flag of a walk: what the path leads to must be a directory, or is to become one. */
const LOOKUP_DIRECTORY = 2;
/** The initial user namespace. */
export function userns(k: Kernel): Addr {
  return initUserNs(k);
}

/** A name in the dentry cache, checked if its kind needs that: its dentry, or 0. */
export const LOOKUP_DCACHE: FunctionRef = behaviour(
  "lookup_dcache",
  [D_LOOKUP],
  (k, qstr = 0, dir = 0) => k.call(D_LOOKUP, dir, qstr),
);

/** A dentry for a name in a directory. */
export const D_ALLOC: FunctionRef = behaviour(
  "d_alloc",
  [],
  (k, dir = 0, qstr = 0) => allocDentry(k, dir, qstr),
);

/** A name in a locked directory: its dentry, without an inode if there is none. */
export const LOOKUP_ONE_QSTR_EXCL: FunctionRef = behaviour(
  "lookup_one_qstr_excl",
  [LOOKUP_DCACHE, D_ALLOC, ...inodeCallees("lookup")],
  (k, qstr = 0, base = 0, flags = 0) => {
    const known = k.call(LOOKUP_DCACHE, qstr, base, flags);
    if (known !== 0) return known;
    if (isDead(k.vfs.dentries.get(base)?.inode)) return -ENOENT;
    return lookupIn(k, base, k.call(D_ALLOC, base, qstr), flags);
  },
);

/** A directory that was removed while somebody stood in it: nothing is found or made there. */
export function isDead(inode: Inode | null | undefined): boolean {
  return inode != null && inode.entries !== null && inode.nlink === 0;
}

/** Where the last component of a path belongs. */
export interface Parent {
  readonly path: Addr;
  readonly qstr: Addr;
  readonly type: number;
  readonly dir: Dentry;
}

/** Walks to the parent directory; -errno or the place. Locals stay until the caller pops them. */
export function parentOf(k: Kernel, dfd: number, name: Addr, flags: number): Parent | number {
  const path = pushLocal(k, sizeOfStruct(k, "path"));
  const qstr = pushLocal(k, NAMEIDATA.last.size(k));
  const type = pushLocal(k, 4);
  const error = k.calls.callN(FILENAME_PARENTAT, [dfd, name, flags, path, qstr, type, 0]);
  if (error !== 0) return error;
  const dir = k.vfs.dentries.get(PATH.dentry.get(k, path));
  if (dir === undefined) return -ENOENT;
  return { path, qstr, type: k.memory.load(type, 4, true), dir };
}

/** Prepares the creation of a name: its dentry without an inode, or -errno. Stores the directory at `path`. */
export const FILENAME_CREATE: FunctionRef = behaviour(
  "filename_create",
  [FILENAME_PARENTAT, MNT_WANT_WRITE, LOOKUP_ONE_QSTR_EXCL, MNT_DROP_WRITE],
  (k, dfd = 0, name = 0, path = 0, flags = 0) => {
    const mark = k.current.locals;
    const parent = parentOf(k, dfd, name, flags & 0xf);
    let result: number;
    if (typeof parent === "number") result = parent;
    else if (parent.type !== LAST_NORM) result = -EEXIST;
    else {
      PATH.mnt.set(k, path, PATH.mnt.get(k, parent.path));
      PATH.dentry.set(k, path, parent.dir.address);
      const denied = k.call(MNT_WANT_WRITE, PATH.mnt.get(k, path));
      result = k.call(LOOKUP_ONE_QSTR_EXCL, parent.qstr, parent.dir.address, flags | 0x600);
      if (!isErr(result) && k.vfs.dentries.get(result)?.inode) result = -EEXIST;
      else if (!isErr(result) && (flags & LOOKUP_DIRECTORY) === 0 && slashFollows(k, parent.qstr)) {
        // Only a directory can be made under a name with a slash.
        forget(k, result);
        result = -ENOENT;
      } else if (!isErr(result) && denied !== 0) {
        forget(k, result);
        result = denied;
      }
      if (isErr(result) && denied === 0) k.call(MNT_DROP_WRITE, PATH.mnt.get(k, path));
    }
    popLocals(k, mark);
    return result;
  },
);

/** Whether a name may be made in a directory (`may_create`): 0 or -errno. */
export function mayCreate(k: Kernel, ns: Addr, dir: Addr): number {
  const inode = k.vfs.inodes.get(dir);
  if (inode === undefined || isDead(inode)) return -ENOENT;
  return k.call(INODE_PERMISSION, ns, dir, MAY_WRITE_EXEC, DECISIVE) || failsAt(k, "rights");
}

/** A name was made, unless `error` says otherwise: who watches its directory hears. */
function created(k: Kernel, dir: Addr, dentry: Addr, mask: number, error: number): number {
  if (error === 0 && !k.vfs.watches.none) {
    notifyName(k, k.vfs.inodes.get(dir), k.vfs.dentries.get(dentry)?.name ?? "", mask);
  }
  return error;
}

/** Makes a directory for a dentry: 0 or -errno. */
export const VFS_MKDIR: FunctionRef = behaviour(
  "vfs_mkdir",
  [INODE_PERMISSION, ...inodeCallees("mkdir"), FSNOTIFY],
  (k, ns = 0, dir = 0, dentry = 0, mode = 0) => {
    const error = mayCreate(k, ns, dir);
    const mkdir = k.vfs.inodes.get(dir)?.iops.mkdir;
    if (error !== 0 || mkdir === undefined) return error || -EPERM;
    return created(k, dir, dentry, IN_CREATE | IN_ISDIR, k.call(mkdir, ns, dir, dentry, mode & 0o1777));
  },
);

/** `mkdir`: 0 or -errno. */
export const DO_MKDIRAT: FunctionRef = behaviour(
  "do_mkdirat",
  [FILENAME_CREATE, VFS_MKDIR, MNT_DROP_WRITE, fn("mntput"), PUTNAME],
  (k, dfd = 0, name = 0, mode = 0) =>
    create(
      k,
      dfd,
      name,
      LOOKUP_DIRECTORY,
      (dir, dentry) => k.call(VFS_MKDIR, userns(k), dir, dentry, mode & ~umask(k)),
    ),
);

/** Makes a symbolic link for a dentry. */
export const VFS_SYMLINK: FunctionRef = behaviour(
  "vfs_symlink",
  [INODE_PERMISSION, ...inodeCallees("symlink"), FSNOTIFY],
  (k, ns = 0, dir = 0, dentry = 0, target = 0) => {
    const error = mayCreate(k, ns, dir);
    const symlink = k.vfs.inodes.get(dir)?.iops.symlink;
    if (error !== 0 || symlink === undefined) return error || -EPERM;
    return created(k, dir, dentry, IN_CREATE, k.call(symlink, ns, dir, dentry, target));
  },
);

/** `symlink`: 0 or -errno. */
export const DO_SYMLINKAT: FunctionRef = behaviour(
  "do_symlinkat",
  [FILENAME_CREATE, VFS_SYMLINK, MNT_DROP_WRITE, fn("mntput"), PUTNAME],
  (k, from = 0, dfd = 0, to = 0) => {
    if (isErr(from)) return from;
    const error = create(
      k,
      dfd,
      to,
      0,
      (dir, dentry) => k.call(VFS_SYMLINK, userns(k), dir, dentry, k.memory.readPointer(from)),
    );
    k.call(PUTNAME, from);
    return error;
  },
);

/** Checks whether a name may be removed: 0 or -errno. */
export const MAY_DELETE: FunctionRef = behaviour(
  "may_delete",
  [INODE_PERMISSION],
  (k, ns = 0, dir = 0, victim = 0, isdir = 0) => {
    const parent = k.vfs.inodes.get(dir);
    const dentry = k.vfs.dentries.get(victim);
    if (parent === undefined || !dentry?.inode) return -ENOENT;
    const denied = k.call(INODE_PERMISSION, ns, dir, MAY_WRITE_EXEC, DECISIVE) || failsAt(k, "rights");
    if (denied !== 0) return denied;
    if (recorded(k) === undefined && sticky(k, ns, parent, dentry.inode)) return -EPERM;
    if (isdir !== 0) {
      if (dentry.inode.entries === null) return -ENOTDIR;
      return dentry.isRoot ? -EBUSY : 0;
    }
    return dentry.inode.entries !== null ? -EISDIR : 0;
  },
);

/** tmpfs forgets a name. */
export const SHMEM_UNLINK: FunctionRef = behaviour("shmem_unlink", [], (k, dir = 0, dentry = 0) => {
  const failure = failsAt(k, "operation");
  if (failure !== 0) return failure;
  const name = k.vfs.dentries.get(dentry);
  if (name !== undefined) k.vfs.remove(name, true);
  nameRemoved(k, dir, name?.inode?.address);
  INODE.size.add(k, dir, -DIRENT);
  return 0;
});

/** tmpfs forgets a directory. */
export const SHMEM_RMDIR: FunctionRef = behaviour("shmem_rmdir", [SHMEM_UNLINK], (k, dir = 0, dentry = 0) => {
  const inode = k.vfs.dentries.get(dentry)?.inode;
  if (inode?.entries && inode.entries.size > 0) return -ENOTEMPTY;
  return k.call(SHMEM_UNLINK, dir, dentry);
});

/** A dentry whose name is gone loses its inode. */
export const D_DELETE: FunctionRef = fn("d_delete");
const IHOLD = fn("ihold");
/** Takes an inode that nobody uses any more apart. */
const EVICT = fn("evict");
/** Drops a reference to an inode; `last`, which is no argument of the real function, says that nothing is left of it. */
const IPUT: FunctionRef = behaviour("iput", [EVICT], (k, inode = 0, last = 0) => {
  if (last === LAST) k.call(EVICT, inode);
  return Number.NaN;
});
const LAST = 1;

/** Removes a name: 0 or -errno. */
export const VFS_UNLINK: FunctionRef = behaviour(
  "vfs_unlink",
  [MAY_DELETE, ...inodeCallees("unlink"), FSNOTIFY, IHOLD, D_DELETE, IPUT],
  (k, ns = 0, dir = 0, dentry = 0) => removeWith(k, ns, dir, dentry, "unlink", 0),
);

/** Removes an empty directory: 0 or -errno. */
export const VFS_RMDIR: FunctionRef = behaviour(
  "vfs_rmdir",
  [MAY_DELETE, ...inodeCallees("rmdir"), FSNOTIFY, IHOLD, D_DELETE, IPUT],
  (k, ns = 0, dir = 0, dentry = 0) => removeWith(k, ns, dir, dentry, "rmdir", 1),
);

/** `unlink`: 0 or -errno. */
export const DO_UNLINKAT: FunctionRef = behaviour(
  "do_unlinkat",
  [
    FILENAME_PARENTAT,
    MNT_WANT_WRITE,
    LOOKUP_ONE_QSTR_EXCL,
    IHOLD,
    VFS_UNLINK,
    fn("dput"),
    IPUT,
    MNT_DROP_WRITE,
    fn("mntput"),
    PUTNAME,
  ],
  (k, dfd = 0, name = 0) => removeName(k, dfd, name, VFS_UNLINK, (type) => type === LAST_NORM ? 0 : -EISDIR),
);

/** `rmdir`: 0 or -errno. */
export const DO_RMDIR: FunctionRef = behaviour(
  "do_rmdir",
  [
    FILENAME_PARENTAT,
    MNT_WANT_WRITE,
    LOOKUP_ONE_QSTR_EXCL,
    VFS_RMDIR,
    fn("dput"),
    MNT_DROP_WRITE,
    fn("mntput"),
    PUTNAME,
  ],
  (k, dfd = 0, name = 0) =>
    removeName(k, dfd, name, VFS_RMDIR, (type) => {
      if (type === LAST_NORM) return 0;
      return type === LAST_DOTDOT ? -ENOTEMPTY : type === LAST_DOT ? -EINVAL : -EBUSY;
    }),
);

/** Makes a name: walks to its directory, has `make` make it there, and lets go of everything. 0 or -errno. */
export function create(
  k: Kernel,
  dfd: number,
  name: Addr,
  flags: number,
  make: (dir: Addr, dentry: Addr) => number,
): number {
  if (isErr(name)) return name;
  const mark = k.current.locals;
  const path = pushLocal(k, sizeOfStruct(k, "path"));
  const dentry = k.call(FILENAME_CREATE, dfd, name, path, flags);
  let error = isErr(dentry) ? dentry : 0;
  if (error === 0) {
    const dir = k.vfs.dentries.get(PATH.dentry.get(k, path))?.inode?.address ?? 0;
    error = make(dir, dentry);
    if (error !== 0) forget(k, dentry);
    k.call(MNT_DROP_WRITE, PATH.mnt.get(k, path));
    k.call(fn("mntput"), PATH.mnt.get(k, path));
  }
  popLocals(k, mark);
  k.call(PUTNAME, name);
  return error;
}

function removeWith(
  k: Kernel,
  ns: Addr,
  dir: Addr,
  dentry: Addr,
  which: "unlink" | "rmdir",
  isdir: number,
): number {
  let error = k.call(MAY_DELETE, ns, dir, dentry, isdir);
  if (error !== 0) return error;
  const operation = k.vfs.inodes.get(dir)?.iops[which];
  if (operation === undefined) return -EPERM;
  // What something is mounted on stays.
  if (k.vfs.dentries.get(dentry)?.mounted) return -EBUSY;
  const inode = k.vfs.dentries.get(dentry)?.inode?.address ?? 0;
  error = k.call(operation, dir, dentry);
  if (error !== 0) return error;
  const name = k.vfs.dentries.get(dentry);
  if (!k.vfs.watches.none) notifyRemoved(k, k.vfs.inodes.get(dir), name?.name ?? "", name?.inode ?? null);
  k.call(IHOLD, inode);
  k.call(D_DELETE, dentry);
  k.call(IPUT, inode);
  return 0;
}

function removeName(
  k: Kernel,
  dfd: number,
  name: Addr,
  operation: FunctionRef,
  check: (type: number) => number,
): number {
  if (isErr(name)) return name;
  const mark = k.current.locals;
  const parent = parentOf(k, dfd, name, 0);
  let error = typeof parent === "number" ? parent : check(parent.type);
  if (typeof parent !== "number" && error === 0) {
    error = k.call(MNT_WANT_WRITE, PATH.mnt.get(k, parent.path));
  }
  if (typeof parent !== "number" && error === 0) {
    const mnt = PATH.mnt.get(k, parent.path);
    const dentry = k.call(LOOKUP_ONE_QSTR_EXCL, parent.qstr, parent.dir.address, 0);
    const found = k.vfs.dentries.get(dentry);
    const inode = found?.inode?.address ?? 0;
    let held = false;
    if (isErr(dentry)) error = dentry;
    else if (!found?.inode) error = -ENOENT;
    else if (operation === VFS_UNLINK && slashFollows(k, parent.qstr)) {
      error = found.inode.entries === null ? -ENOTDIR : -EISDIR;
    } else {
      held = operation === VFS_UNLINK;
      if (held) k.call(IHOLD, inode);
      error = k.call(operation, userns(k), parent.dir.inode?.address ?? 0, dentry, 0);
    }
    if (!isErr(dentry)) k.call(fn("dput"), dentry);
    const gone = error === 0 && found !== undefined && found.count <= 0 && found.inode?.nlink === 0;
    if (held) k.call(IPUT, inode, gone ? LAST : 0);
    forget(k, dentry);
    k.call(MNT_DROP_WRITE, mnt);
    k.call(fn("mntput"), mnt);
  }
  popLocals(k, mark);
  k.call(PUTNAME, name);
  return error;
}

/** Gives a file another name: 0 or -errno. */
export const VFS_LINK: FunctionRef = behaviour(
  "vfs_link",
  [INODE_PERMISSION, ...inodeCallees("link"), FSNOTIFY],
  (k, old = 0, ns = 0, dir = 0, dentry = 0) => {
    const source = k.vfs.dentries.get(old)?.inode;
    const name = k.vfs.dentries.get(dentry);
    if (!source || name === undefined) return -ENOENT;
    const denied = mayCreate(k, ns, dir);
    if (denied !== 0) return denied;
    const operation = k.vfs.inodes.get(dir)?.iops.link;
    if (source.entries !== null || operation === undefined) return -EPERM;
    // What has no name any more gets no new one; what never had one may.
    if (source.nlink === 0 && !source.linkable && recorded(k) === undefined) return -ENOENT;
    return created(k, dir, dentry, IN_CREATE, k.call(operation, old, dir, dentry));
  },
);

/** tmpfs gives a file another name. */
export const SHMEM_LINK: FunctionRef = behaviour("shmem_link", [], (k, old = 0, dir = 0, dentry = 0) => {
  const failure = failsAt(k, "operation") || failsAt(k, "create");
  if (failure !== 0) return failure;
  const source = k.vfs.dentries.get(old)?.inode;
  const name = k.vfs.dentries.get(dentry);
  if (!source || name === undefined) return -ENOENT;
  source.nlink++;
  source.linkable = false;
  setTimes(k, source.address, S_CTIME);
  INODE.count.add(k, source.address, 1);
  INODE.size.add(k, dir, DIRENT);
  attach(k, dentry, source.address);
  return 0;
});
