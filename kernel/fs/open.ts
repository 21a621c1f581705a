/**
 * Opening files: `fs/open.c` and the part of `fs/namei.c` that ends in a `struct file`.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import { behaviour, fn, type FunctionRef } from "../calls/function.ts";
import type { Kernel } from "../kernel.ts";
import { field, sizeOfStruct } from "../process/objects.ts";
import { popLocals, pushLocal } from "../process/stack.ts";
import {
  EACCES,
  EAGAIN,
  EEXIST,
  EINVAL,
  EISDIR,
  ELOOP,
  ENOENT,
  ENOTDIR,
  EOPNOTSUPP,
  EROFS,
} from "../syscalls/errno.ts";
import { CREATE_CALLS, createRegular, SHMEM_GET_INODE, umask } from "./create.ts";
import { failsAt, failsToOpen } from "./failures.ts";
import { FD_INSTALL, FPUT, GET_UNUSED_FD_FLAGS, PUT_UNUSED_FD } from "./fdtable.ts";
import { FILE, INODE, NAMEIDATA, PATH } from "./fields.ts";
import { newFile, openOn } from "./file.ts";
import { OPENERS } from "./fileops.ts";
import { inodeCallees } from "./inode_operations.ts";
import {
  archOpenFlags,
  FMODE_CREATED,
  LOOKUP_BENEATH,
  LOOKUP_CACHED,
  LOOKUP_CREATE,
  LOOKUP_DIRECTORY,
  LOOKUP_FOLLOW,
  LOOKUP_IN_ROOT,
  LOOKUP_NO_MAGICLINKS,
  LOOKUP_NO_SYMLINKS,
  LOOKUP_NO_XDEV,
  LOOKUP_OPEN,
  LOOKUP_RCU,
  O_ACCMODE,
  O_CLOEXEC,
  O_CREAT,
  O_DIRECTORY,
  O_EXCL,
  O_NOFOLLOW,
  O_PATH,
  O_TMPFILE_BIT,
  O_TRUNC,
  openFlags,
  S_IFDIR,
  S_IFREG,
} from "./modes.ts";
import { COMPLETE_WALK, PATH_INIT, PATH_LOOKUPAT, TERMINATE_WALK, trailingSlash } from "./path_lookup.ts";
import { D_ALLOC_PARALLEL, D_LOOKUP, forget, LOOKUP_FAST, lookupIn, TRY_TO_UNLAZY } from "./lookup.ts";
import {
  DECISIVE,
  DPUT,
  HANDLE_DOTS,
  INODE_PERMISSION,
  LINK_PATH_WALK,
  MNT_WANT_WRITE,
  STEP_INTO,
} from "./namei.ts";
import { isDead } from "./namei_ops.ts";
import { LAST_NORM, ndDentry, newNameidata, standAt, WALK_TRAILING } from "./nameidata.ts";
import { GETNAME, isErr, PUTNAME } from "./names.ts";
import { FSNOTIFY, notifyDentry, notifyName } from "./notify/events.ts";
import { IN_CREATE, IN_OPEN } from "./notify/masks.ts";
import { fsgid, fsuid } from "./permission.ts";
import { recorded } from "./recorded.ts";
import { DO_TRUNCATE } from "./truncate.ts";
import { initUserNs } from "../process/user_namespace.ts";

const HOW = {
  flags: field("open_how", "flags"),
  mode: field("open_how", "mode"),
  resolve: field("open_how", "resolve"),
} as const;

/** Flags that `openat2` takes, as x86 has them. */
const VALID_OPEN_FLAGS = 0o37777703;
const O_PATH_FLAGS = O_DIRECTORY | O_NOFOLLOW | O_PATH | 0o2000000;
const RESOLVE_NO_XDEV = 0x1;
const RESOLVE_NO_MAGICLINKS = 0x2;
const RESOLVE_NO_SYMLINKS = 0x4;
const RESOLVE_BENEATH = 0x8;
const RESOLVE_IN_ROOT = 0x10;
const RESOLVE_CACHED = 0x20;
const VALID_RESOLVE = 0x3f;

/** Whether flags, mode and resolve flags go together (`build_open_flags`): 0 or -errno. */
function howProblem(arch: string, archFlags: number, mode: number, resolve: number): number {
  const flags = openFlags(arch, archFlags);
  if ((flags & ~VALID_OPEN_FLAGS) !== 0 || (resolve & ~VALID_RESOLVE) !== 0) return -EINVAL;
  if ((resolve & RESOLVE_BENEATH) !== 0 && (resolve & RESOLVE_IN_ROOT) !== 0) return -EINVAL;
  const creates = (flags & (O_CREAT | O_TMPFILE_BIT)) !== 0;
  if ((mode & ~(creates ? 0o7777 : 0)) !== 0) return -EINVAL;
  if ((flags & O_TMPFILE_BIT) !== 0) {
    if ((flags & O_DIRECTORY) === 0 || (flags & O_CREAT) !== 0) return -EINVAL;
    if ((flags & O_ACCMODE) === 0) return -EINVAL;
  }
  if ((flags & O_PATH) !== 0 && (flags & ~O_PATH_FLAGS) !== 0) return -EINVAL;
  if ((resolve & RESOLVE_CACHED) !== 0 && (flags & (O_TRUNC | O_CREAT | O_TMPFILE_BIT)) !== 0) return -EAGAIN;
  return 0;
}

/** What resolve flags mean for the walk. */
function resolveLookup(resolve: number): number {
  return ((resolve & RESOLVE_NO_XDEV) !== 0 ? LOOKUP_NO_XDEV : 0) |
    ((resolve & RESOLVE_NO_MAGICLINKS) !== 0 ? LOOKUP_NO_MAGICLINKS : 0) |
    ((resolve & RESOLVE_NO_SYMLINKS) !== 0 ? LOOKUP_NO_SYMLINKS | LOOKUP_NO_MAGICLINKS : 0) |
    ((resolve & RESOLVE_BENEATH) !== 0 ? LOOKUP_BENEATH | LOOKUP_NO_MAGICLINKS : 0) |
    ((resolve & RESOLVE_IN_ROOT) !== 0 ? LOOKUP_IN_ROOT | LOOKUP_NO_MAGICLINKS : 0) |
    ((resolve & RESOLVE_CACHED) !== 0 ? LOOKUP_CACHED : 0);
}
const OP = {
  openFlag: field("open_flags", "open_flag"),
  mode: field("open_flags", "mode"),
  accMode: field("open_flags", "acc_mode"),
  intent: field("open_flags", "intent"),
  lookupFlags: field("open_flags", "lookup_flags"),
} as const;
const INODE_RWSEM = field("inode", "i_rwsem");
/** `MAY_OPEN`. */
const MAY_OPEN_MASK = 0x20;
const ACC_MODES = [4, 2, 6, 6] as const;
const MAY_WRITE_EXEC = 3;
const MNT_DROP_WRITE = fn("mnt_drop_write");
const MODE_STRIP_SGID = fn("mode_strip_sgid");
const SECURITY_PATH_MKNOD = fn("security_path_mknod");
const SECURITY_INODE_CREATE = fn("security_inode_create");
const FROM_KUID = fn("from_kuid");
const FROM_KGID = fn("from_kgid");
const MAY_O_CREATE_CALLS = [
  SECURITY_PATH_MKNOD,
  FROM_KUID,
  FROM_KGID,
  INODE_PERMISSION,
  SECURITY_INODE_CREATE,
] as const;
const LOCKS = {
  shared: [fn("down_read"), fn("up_read")],
  exclusive: [fn("down_write"), fn("up_write")],
} as const;

/** A `struct file` that nothing is open on yet. */
export const ALLOC_EMPTY_FILE: FunctionRef = behaviour(
  "alloc_empty_file",
  [],
  (k, flags = 0) => failsAt(k, "file") || newFile(k, flags).address,
);

/** Binds a file to its inode and calls the kind's own `open`. */
export const DO_DENTRY_OPEN: FunctionRef = behaviour(
  "do_dentry_open",
  [fn("path_get"), ...OPENERS],
  (k, address = 0, inode = 0) => {
    const file = k.vfs.files.get(address);
    const dentry = k.vfs.dentries.get(FILE.dentry.get(k, address));
    if (file === undefined || dentry === undefined) return -EACCES;
    k.call(fn("path_get"), FILE.path.at(k, address));
    openOn(k, file, dentry, FILE.mnt.get(k, address));
    const open = file.ops?.open;
    const own = open === undefined || (FILE.flags.get(k, address) & O_PATH) !== 0
      ? 0
      : k.call(open, inode, address) || 0;
    // An open that was recorded to fail, and got here, gets no further.
    return failsToOpen(k) || (own < 0 && recorded(k) !== undefined ? 0 : own);
  },
);

/** Opens a path on a file made for it. */
export const VFS_OPEN: FunctionRef = behaviour("vfs_open", [DO_DENTRY_OPEN], (k, path = 0, file = 0) => {
  FILE.mnt.set(k, file, PATH.mnt.get(k, path));
  FILE.dentry.set(k, file, PATH.dentry.get(k, path));
  const inode = k.vfs.dentries.get(PATH.dentry.get(k, path))?.inode ?? null;
  return k.call(DO_DENTRY_OPEN, file, inode?.address ?? 0, 0);
});

/** Checks whether an inode may be opened so: 0 or -errno. */
export const MAY_OPEN: FunctionRef = behaviour(
  "may_open",
  [INODE_PERMISSION],
  (k, userns = 0, path = 0, accMode = 0) => {
    const inode = k.vfs.dentries.get(PATH.dentry.get(k, path))?.inode ?? null;
    if (inode === null) return -EACCES;
    if (inode.target !== null) return -ELOOP;
    if (inode.type === S_IFDIR && (accMode & 2) !== 0) return -EISDIR;
    return k.call(INODE_PERMISSION, userns, inode.address, MAY_OPEN_MASK | accMode, DECISIVE) ||
      failsAt(k, "rights");
  },
);

/** Whether a file may be made in a directory (`may_o_create`): 0 or -errno. */
function mayCreate(k: Kernel, path: Addr, dentry: Addr, dir: Addr, mode: number): number {
  k.call(SECURITY_PATH_MKNOD, path, dentry, mode, 0);
  k.call(FROM_KUID, Number.NaN, fsuid(k));
  k.call(FROM_KGID, Number.NaN, fsgid(k));
  const denied = k.call(INODE_PERMISSION, initUserNs(k), dir, MAY_WRITE_EXEC, DECISIVE);
  if (denied === 0) k.call(SECURITY_INODE_CREATE, dir, dentry, mode);
  return denied;
}

/** The last component, with the directory locked: finds it, or creates it. Returns its dentry or -errno. */
export const LOOKUP_OPEN_LAST: FunctionRef = behaviour(
  "lookup_open",
  [
    D_LOOKUP,
    D_ALLOC_PARALLEL,
    MODE_STRIP_SGID,
    ...MAY_O_CREATE_CALLS,
    ...inodeCallees("lookup"),
    ...CREATE_CALLS,
  ],
  (k, nd = 0, file = 0, op = 0, gotWrite = 0) => {
    const dir = ndDentry(k, nd);
    const last = NAMEIDATA.last.at(k, nd);
    if (isDead(dir.inode)) return -ENOENT;
    const flag = flagsOf(k, op);
    const known = k.call(D_LOOKUP, dir.address, last);
    if (known !== 0 && (k.vfs.dentries.get(known)?.inode != null || (flag & O_CREAT) === 0)) return known;
    const inode = dir.inode?.address ?? 0;
    let dentry = known;
    if (known === 0) {
      const mark = k.current.locals;
      dentry = k.call(D_ALLOC_PARALLEL, dir.address, last, pushLocal(k, 3 * k.image.pointerSize));
      popLocals(k, mark);
    }
    const creates = (flag & O_CREAT) !== 0;
    const mode = OP.mode.get(k, op);
    // What is not there can only be denied as a creation.
    let error = 0;
    if (creates) {
      k.call(MODE_STRIP_SGID, initUserNs(k), inode, mode);
      error = gotWrite === 0 ? -EROFS : mayCreate(k, nd, dentry, inode, mode);
    }
    if (known === 0) {
      dentry = lookupIn(k, dir.address, dentry, NAMEIDATA.flags.get(k, nd) & ~LOOKUP_RCU);
      if (isErr(dentry)) return dentry;
    }
    if (!creates || k.vfs.dentries.get(dentry)?.inode != null) return dentry;
    if (error === 0) error = createRegular(k, inode, dentry, mode, (flag & O_EXCL) !== 0);
    if (error !== 0) {
      forget(k, dentry);
      return error;
    }
    FILE.mode.set(k, file, FILE.mode.get(k, file) | FMODE_CREATED);
    return dentry;
  },
);

/** Resolves the last component for open: 0, the text of a link to follow, or -errno. */
export const OPEN_LAST_LOOKUPS: FunctionRef = behaviour(
  "open_last_lookups",
  [
    HANDLE_DOTS,
    LOOKUP_FAST,
    TRY_TO_UNLAZY,
    ...LOCKS.shared,
    ...LOCKS.exclusive,
    LOOKUP_OPEN_LAST,
    STEP_INTO,
    MNT_WANT_WRITE,
    MNT_DROP_WRITE,
    FSNOTIFY,
    DPUT,
  ],
  (k, nd = 0, file = 0, op = 0) => {
    const flag = flagsOf(k, op);
    NAMEIDATA.flags.set(k, nd, NAMEIDATA.flags.get(k, nd) | OP.intent.get(k, op));
    const type = NAMEIDATA.lastType.get(k, nd);
    if (type !== LAST_NORM) {
      if ((flag & O_CREAT) !== 0) return -EISDIR;
      return k.call(HANDLE_DOTS, nd, type);
    }
    let dentry = 0;
    if ((flag & O_CREAT) === 0) {
      if (trailingSlash(k, nd)) {
        NAMEIDATA.flags.set(k, nd, NAMEIDATA.flags.get(k, nd) | LOOKUP_FOLLOW | LOOKUP_DIRECTORY);
      }
      dentry = k.call(LOOKUP_FAST, nd);
    } else {
      if ((NAMEIDATA.flags.get(k, nd) & LOOKUP_RCU) !== 0) k.call(TRY_TO_UNLAZY, nd);
      if (trailingSlash(k, nd)) return -EISDIR;
    }
    let created = false;
    if (dentry === 0) {
      const writes = (flag & (O_CREAT | O_TRUNC | O_ACCMODE)) !== 0;
      const mnt = NAMEIDATA.mnt.get(k, nd);
      const gotWrite = writes && k.call(MNT_WANT_WRITE, mnt) === 0;
      const [lock, unlock] = (flag & O_CREAT) !== 0 ? LOCKS.exclusive : LOCKS.shared;
      const semaphore = INODE_RWSEM.at(k, ndDentry(k, nd).inode?.address ?? 0);
      k.call(lock, semaphore);
      dentry = k.call(LOOKUP_OPEN_LAST, nd, file, op, gotWrite ? 1 : 0);
      created = (FILE.mode.get(k, file) & FMODE_CREATED) !== 0;
      if (!k.vfs.watches.none && created) {
        notifyName(k, ndDentry(k, nd).inode, k.vfs.dentries.get(dentry)?.name ?? "", IN_CREATE);
      }
      k.call(unlock, semaphore);
      if (gotWrite) k.call(MNT_DROP_WRITE, mnt);
    }
    if (isErr(dentry)) return dentry;
    if (!created) return k.call(STEP_INTO, nd, WALK_TRAILING, dentry);
    k.call(DPUT, NAMEIDATA.dentry.get(k, nd));
    const made = k.vfs.dentries.get(dentry);
    if (made !== undefined) standAt(k, nd, made);
    return 0;
  },
);

/** Opens what the walk found. */
export const DO_OPEN: FunctionRef = behaviour(
  "do_open",
  [COMPLETE_WALK, MAY_OPEN, VFS_OPEN, fn("ima_file_check"), DO_TRUNCATE, MNT_WANT_WRITE, MNT_DROP_WRITE],
  (k, nd = 0, file = 0, op = 0) => {
    const flag = flagsOf(k, op);
    const created = (FILE.mode.get(k, file) & FMODE_CREATED) !== 0;
    if (!created) {
      const error = k.call(COMPLETE_WALK, nd);
      if (error !== 0) return error;
    }
    const { inode } = ndDentry(k, nd);
    if ((flag & O_CREAT) !== 0) {
      if ((flag & O_EXCL) !== 0 && !created) return -EEXIST;
      if (inode?.type === S_IFDIR) return -EISDIR;
    }
    if ((NAMEIDATA.flags.get(k, nd) & LOOKUP_DIRECTORY) !== 0 && inode?.entries === null) return -ENOTDIR;
    const cut = (flag & O_TRUNC) !== 0 && !created && inode?.entries === null && inode.ops.seekable;
    if (cut) {
      const denied = k.call(MNT_WANT_WRITE, NAMEIDATA.mnt.get(k, nd));
      if (denied !== 0) return denied;
    }
    let error = k.call(
      MAY_OPEN,
      initUserNs(k),
      nd,
      created ? 0 : OP.accMode.get(k, op),
      created ? flag & ~O_TRUNC : flag,
    );
    if (error === 0) error = k.call(VFS_OPEN, nd, file);
    if (error === 0) k.call(fn("ima_file_check"), file, OP.accMode.get(k, op));
    if (error === 0 && cut) {
      error = k.call(
        DO_TRUNCATE,
        initUserNs(k),
        NAMEIDATA.dentry.get(k, nd),
        0,
        0x2000,
        file,
      );
    }
    if (cut) k.call(MNT_DROP_WRITE, NAMEIDATA.mnt.get(k, nd));
    return error;
  },
);

/** Opens what a file system has found or made itself. */
const FINISH_OPEN: FunctionRef = behaviour("finish_open", [DO_DENTRY_OPEN], (k, file = 0, dentry = 0) => {
  FILE.dentry.set(k, file, dentry);
  return k.call(DO_DENTRY_OPEN, file, k.vfs.dentries.get(dentry)?.inode?.address ?? 0, 0);
});

/** Makes a file without a name in a tmpfs and opens it. */
export const SHMEM_TMPFILE: FunctionRef = behaviour(
  "shmem_tmpfile",
  [SHMEM_GET_INODE, FINISH_OPEN],
  (k, _ns, dir = 0, file = 0, mode = 0) => {
    const dentry = k.vfs.dentries.get(FILE.dentry.get(k, file));
    const inode = k.call(SHMEM_GET_INODE, INODE.sb.get(k, dir), dir, mode, 0, 0);
    if (dentry === undefined) return -EACCES;
    dentry.inode = k.vfs.inodes.get(inode) ?? null;
    INODE.nlink.set(k, inode, 0);
    const error = k.call(FINISH_OPEN, file, dentry.address, 0);
    k.vfs.settle(dentry);
    return error;
  },
);

/** `open` with `O_TMPFILE` in the directory at `path`: 0 or -errno. */
export const VFS_TMPFILE: FunctionRef = behaviour(
  "vfs_tmpfile",
  [INODE_PERMISSION, ...inodeCallees("tmpfile")],
  (k, ns = 0, path = 0, file = 0, mode = 0) => {
    const parent = k.vfs.dentries.get(PATH.dentry.get(k, path));
    if (!parent?.inode?.entries) return -ENOTDIR;
    const denied = k.call(INODE_PERMISSION, ns, parent.inode.address, MAY_WRITE_EXEC, DECISIVE);
    if (denied !== 0) return denied;
    const operation = parent.inode.iops.tmpfile;
    if (operation === undefined) return -EOPNOTSUPP;
    FILE.mnt.set(k, file, PATH.mnt.get(k, path));
    FILE.dentry.set(k, file, k.vfs.newDentry("", parent).address);
    const error = k.call(operation, ns, parent.inode.address, file, mode | S_IFREG);
    const made = k.vfs.files.get(file)?.inode;
    const flags = openFlags(k.image.arch, FILE.flags.get(k, file));
    if (error === 0 && made) made.linkable = (flags & O_EXCL) === 0;
    return error;
  },
);

function tmpfile(k: Kernel, path: Addr, file: Addr, op: Addr): number {
  k.call(MNT_WANT_WRITE, PATH.mnt.get(k, path));
  const mode = OP.mode.get(k, op) & ~umask(k);
  const error = k.call(VFS_TMPFILE, initUserNs(k), path, file, mode);
  k.call(MNT_DROP_WRITE, PATH.mnt.get(k, path));
  return error;
}

/** Walks a path and opens it: a `struct file`, or -errno. */
export const PATH_OPENAT: FunctionRef = behaviour(
  "path_openat",
  [
    ALLOC_EMPTY_FILE,
    PATH_INIT,
    LINK_PATH_WALK,
    OPEN_LAST_LOOKUPS,
    DO_OPEN,
    TERMINATE_WALK,
    FPUT,
    PATH_LOOKUPAT,
    VFS_OPEN,
    VFS_TMPFILE,
    MNT_WANT_WRITE,
    MNT_DROP_WRITE,
  ],
  (k, nd = 0, op = 0, flags = 0) => {
    const flag = flagsOf(k, op);
    const file = k.call(ALLOC_EMPTY_FILE, OP.openFlag.get(k, op), k.current.cred);
    if (isErr(file)) return file;
    let error = 0;
    if ((flag & (O_PATH | O_TMPFILE_BIT)) !== 0) {
      const mark = k.current.locals;
      const path = pushLocal(k, sizeOfStruct(k, "path"));
      error = k.call(PATH_LOOKUPAT, nd, flags, path);
      if (error === 0) {
        error = (flag & O_PATH) !== 0 ? k.call(VFS_OPEN, path, file) : tmpfile(k, path, file, op);
      }
      popLocals(k, mark);
    } else {
      let text = k.call(PATH_INIT, nd, flags);
      for (;;) {
        error = k.call(LINK_PATH_WALK, text, nd);
        if (error !== 0) break;
        text = k.call(OPEN_LAST_LOOKUPS, nd, file, op);
        if (text === 0) break;
        if (isErr(text)) {
          error = text;
          break;
        }
      }
      if (error === 0) error = k.call(DO_OPEN, nd, file, op);
      k.call(TERMINATE_WALK, nd);
    }
    if (error === 0) return file;
    k.call(FPUT, file);
    return error;
  },
);

/** Opens a path: a `struct file`, or -errno. */
export const DO_FILP_OPEN: FunctionRef = behaviour(
  "do_filp_open",
  [PATH_OPENAT],
  (k, dfd = 0, name = 0, op = 0) => {
    const mark = k.current.locals;
    const nd = newNameidata(k, dfd, name);
    const file = k.call(PATH_OPENAT, nd, op, OP.lookupFlags.get(k, op) | LOOKUP_RCU);
    popLocals(k, mark);
    return file;
  },
);

/** `open`, `openat`, `openat2`: a descriptor, or -errno. `how` points to a `struct open_how`. */
export const DO_SYS_OPENAT2: FunctionRef = behaviour(
  "do_sys_openat2",
  [GETNAME, GET_UNUSED_FD_FLAGS, DO_FILP_OPEN, PUT_UNUSED_FD, FSNOTIFY, FD_INSTALL, PUTNAME],
  (k, dfd = 0, filename = 0, how = 0) => {
    const flags = HOW.flags.get(k, how);
    const failure = failsAt(k, "flags");
    if (failure !== 0) return failure;
    const mode = HOW.mode.get(k, how);
    const resolve = HOW.resolve.get(k, how);
    if (recorded(k) === undefined) {
      const problem = howProblem(k.image.arch, flags, mode, resolve);
      if (problem !== 0) return problem;
    }
    const mark = k.current.locals;
    const op = buildOpenFlags(k, flags, mode);
    if (resolve !== 0) OP.lookupFlags.set(k, op, OP.lookupFlags.get(k, op) | resolveLookup(resolve));
    const name = k.call(GETNAME, filename);
    if (isErr(name)) {
      popLocals(k, mark);
      return name;
    }
    let fd = k.call(GET_UNUSED_FD_FLAGS, flags);
    if (fd >= 0) {
      const file = k.call(DO_FILP_OPEN, dfd, name, op);
      if (isErr(file)) {
        k.call(PUT_UNUSED_FD, fd);
        fd = file;
      } else {
        if (!k.vfs.watches.none) notifyDentry(k, FILE.dentry.get(k, file), IN_OPEN);
        k.call(FD_INSTALL, fd, file);
      }
    }
    popLocals(k, mark);
    k.call(PUTNAME, name);
    return fd;
  },
);

/** The open flags of a `struct open_flags`, in x86's values. */
function flagsOf(k: Kernel, op: Addr): number {
  return openFlags(k.image.arch, OP.openFlag.get(k, op));
}

/** A `struct open_how` for the flags and mode of `open`, in the current kernel stack. */
export function openHow(k: Kernel, archFlags: number, mode: number): Addr {
  const how = pushLocal(k, sizeOfStruct(k, "open_how"));
  const flags = openFlags(k.image.arch, archFlags);
  // What `open` is told beyond what it knows, it never minded.
  const taken = (flags & O_PATH) !== 0 ? flags & O_PATH_FLAGS : flags & VALID_OPEN_FLAGS;
  HOW.flags.set(k, how, flags === taken ? archFlags : archOpenFlags(k.image.arch, taken));
  HOW.mode.set(k, how, (flags & (O_CREAT | O_TMPFILE_BIT)) !== 0 ? mode & 0o7777 : 0);
  return how;
}

/** The `struct open_how` that `openat2` was given, in the current kernel stack. */
export function exactHow(k: Kernel, flags: number, mode: number, resolve: number): Addr {
  const how = pushLocal(k, sizeOfStruct(k, "open_how"));
  HOW.flags.set(k, how, flags);
  HOW.mode.set(k, how, mode);
  HOW.resolve.set(k, how, resolve);
  return how;
}

/** A `struct open_flags` (`build_open_flags`), in the current kernel stack. */
export function buildOpenFlags(k: Kernel, archFlags: number, mode: number): Addr {
  const flags = openFlags(k.image.arch, archFlags);
  const op = pushLocal(k, sizeOfStruct(k, "open_flags"));
  // What concerns the descriptor is no part of it.
  OP.openFlag.set(k, op, archFlags & ~O_CLOEXEC);
  OP.mode.set(k, op, mode);
  OP.accMode.set(k, op, (flags & O_PATH) !== 0 ? 0 : ACC_MODES[flags & O_ACCMODE] ?? 4);
  OP.intent.set(
    k,
    op,
    (flags & O_PATH) !== 0 ? 0 : LOOKUP_OPEN | ((flags & O_CREAT) !== 0 ? LOOKUP_CREATE : 0),
  );
  const follow = (flags & O_NOFOLLOW) === 0 && (flags & (O_CREAT | O_EXCL)) !== (O_CREAT | O_EXCL);
  OP.lookupFlags.set(
    k,
    op,
    (follow ? LOOKUP_FOLLOW : 0) | ((flags & O_DIRECTORY) !== 0 ? LOOKUP_DIRECTORY : 0),
  );
  return op;
}
