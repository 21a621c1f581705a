/**
 * File attributes: `fs/stat.c`.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import { behaviour, fn, type FunctionRef } from "../calls/function.ts";
import type { Kernel } from "../kernel.ts";
import { MemoryFault } from "../memory/fault.ts";
import { type Field, field, sizeIfKnown, sizeOfStruct } from "../process/objects.ts";
import { popLocals, pushLocal } from "../process/stack.ts";
import { EBADF, EFAULT, EINVAL, EOVERFLOW } from "../syscalls/errno.ts";
import { failsAt } from "./failures.ts";
import { FILE, INODE, PATH, SUPER } from "./fields.ts";
import { fileOf } from "./fdtable.ts";
import { inodeCallees } from "./inode_operations.ts";
import {
  AT_EMPTY_PATH,
  AT_SYMLINK_NOFOLLOW,
  LOOKUP_AUTOMOUNT,
  LOOKUP_EMPTY,
  LOOKUP_FOLLOW,
} from "./modes.ts";
import { FILENAME_LOOKUP, PATH_PUT } from "./path_lookup.ts";
import { GETNAME_FLAGS, PUTNAME } from "./names.ts";
import { recorded } from "./recorded.ts";
import { initUserNs } from "../process/user_namespace.ts";

const KSTAT = {
  mode: field("kstat", "mode"),
  nlink: field("kstat", "nlink"),
  blksize: field("kstat", "blksize"),
  ino: field("kstat", "ino"),
  dev: field("kstat", "dev"),
  rdev: field("kstat", "rdev"),
  uid: field("kstat", "uid.val"),
  gid: field("kstat", "gid.val"),
  size: field("kstat", "size"),
  blocks: field("kstat", "blocks"),
  atime: field("kstat", "atime.tv_sec"),
  atimeNsec: field("kstat", "atime.tv_nsec"),
  mtime: field("kstat", "mtime.tv_sec"),
  mtimeNsec: field("kstat", "mtime.tv_nsec"),
  ctime: field("kstat", "ctime.tv_sec"),
  ctimeNsec: field("kstat", "ctime.tv_nsec"),
  resultMask: field("kstat", "result_mask"),
} as const;
const TIMES = ["atime", "atimeNsec", "mtime", "mtimeNsec", "ctime", "ctimeNsec"] as const;
const STATX_BASIC_STATS = 0x7ff;
const AT_NO_AUTOMOUNT = 0x800;
const AT_STATX_SYNC_TYPE = 0x6000;
/** Flags that `vfs_statx` takes. */
const STATX_FLAGS = AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_EMPTY_PATH | AT_STATX_SYNC_TYPE;
const STATX__RESERVED = 0x80000000;

/** A user structure that attributes are copied to. */
interface Target {
  readonly struct: string;
  readonly fields: readonly (readonly [Field, Field])[];
}

function target(struct: string, names: Readonly<Record<string, Field>>): Target {
  return {
    struct,
    fields: Object.entries(names).map(([name, from]) => [field(struct, name), from] as const),
  };
}

const STAT = target("stat", {
  st_dev: KSTAT.dev,
  st_ino: KSTAT.ino,
  st_mode: KSTAT.mode,
  st_nlink: KSTAT.nlink,
  st_uid: KSTAT.uid,
  st_gid: KSTAT.gid,
  st_rdev: KSTAT.rdev,
  st_size: KSTAT.size,
  st_blksize: KSTAT.blksize,
  st_blocks: KSTAT.blocks,
  st_atime: KSTAT.atime,
  st_atime_nsec: KSTAT.atimeNsec,
  st_mtime: KSTAT.mtime,
  st_mtime_nsec: KSTAT.mtimeNsec,
  st_ctime: KSTAT.ctime,
  st_ctime_nsec: KSTAT.ctimeNsec,
});
const STAT64 = target("stat64", {
  st_mode: KSTAT.mode,
  st_nlink: KSTAT.nlink,
  st_uid: KSTAT.uid,
  st_gid: KSTAT.gid,
  st_rdev: KSTAT.rdev,
  st_size: KSTAT.size,
  st_blocks: KSTAT.blocks,
  st_ino: KSTAT.ino,
  st_blksize: KSTAT.blksize,
  st_atime: KSTAT.atime,
  st_atime_nsec: KSTAT.atimeNsec,
  st_mtime: KSTAT.mtime,
  st_mtime_nsec: KSTAT.mtimeNsec,
  st_ctime: KSTAT.ctime,
  st_ctime_nsec: KSTAT.ctimeNsec,
});
const STATX = target("statx", {
  stx_blksize: KSTAT.blksize,
  stx_nlink: KSTAT.nlink,
  stx_uid: KSTAT.uid,
  stx_gid: KSTAT.gid,
  stx_mode: KSTAT.mode,
  stx_ino: KSTAT.ino,
  stx_size: KSTAT.size,
  stx_blocks: KSTAT.blocks,
  stx_mask: KSTAT.resultMask,
  "stx_atime.tv_sec": KSTAT.atime,
  "stx_atime.tv_nsec": KSTAT.atimeNsec,
  "stx_mtime.tv_sec": KSTAT.mtime,
  "stx_mtime.tv_nsec": KSTAT.mtimeNsec,
  "stx_ctime.tv_sec": KSTAT.ctime,
  "stx_ctime.tv_nsec": KSTAT.ctimeNsec,
});

const STATX_DEV = {
  major: field("statx", "stx_dev_major"),
  minor: field("statx", "stx_dev_minor"),
  rmajor: field("statx", "stx_rdev_major"),
  rminor: field("statx", "stx_rdev_minor"),
} as const;

/** Copies an inode's attributes to a `struct kstat`. */
export const GENERIC_FILLATTR: FunctionRef = behaviour(
  "generic_fillattr",
  [],
  (k, _userns, inode = 0, stat = 0) => {
    KSTAT.mode.set(k, stat, INODE.mode.get(k, inode));
    KSTAT.nlink.set(k, stat, INODE.nlink.get(k, inode));
    KSTAT.blksize.set(k, stat, 4096);
    KSTAT.ino.set(k, stat, INODE.ino.get(k, inode));
    KSTAT.dev.set(k, stat, SUPER.dev.get(k, INODE.sb.get(k, inode)));
    KSTAT.rdev.set(k, stat, INODE.rdev.get(k, inode));
    KSTAT.uid.set(k, stat, INODE.uid.get(k, inode));
    KSTAT.gid.set(k, stat, INODE.gid.get(k, inode));
    KSTAT.size.set(k, stat, INODE.size.get(k, inode));
    KSTAT.blocks.set(k, stat, INODE.blocks.get(k, inode));
    KSTAT.resultMask.set(k, stat, STATX_BASIC_STATS);
    for (const time of TIMES) KSTAT[time].set(k, stat, INODE[time].get(k, inode));
    return Number.NaN;
  },
);

/** Attributes of a tmpfs file. */
export const SHMEM_GETATTR: FunctionRef = behaviour(
  "shmem_getattr",
  [GENERIC_FILLATTR],
  (k, userns = 0, path = 0, stat = 0) => {
    const failure = failsAt(k, "operation");
    if (failure !== 0 && !LATE.has(failure)) return failure;
    const inode = k.vfs.dentries.get(PATH.dentry.get(k, path))?.inode;
    k.call(GENERIC_FILLATTR, userns, inode?.address ?? 0, stat);
    return 0;
  },
);

/** Attributes of what a path leads to. */
export const VFS_GETATTR_NOSEC: FunctionRef = behaviour(
  "vfs_getattr_nosec",
  [...inodeCallees("getattr"), GENERIC_FILLATTR],
  (k, path = 0, stat = 0, mask = 0, flags = 0) => {
    const inode = k.vfs.dentries.get(PATH.dentry.get(k, path))?.inode;
    if (!inode) return -EBADF;
    const userns = initUserNs(k);
    const getattr = inode.iops.getattr;
    if (getattr !== undefined) {
      return k.call(getattr, userns, path, stat, mask, flags & ~AT_NO_AUTOMOUNT & ~AT_EMPTY_PATH);
    }
    // Pipes, sockets and other files without a name have no getattr of their own.
    k.call(GENERIC_FILLATTR, userns, inode.address, stat);
    return 0;
  },
);

/** `vfs_getattr_nosec`, after asking the security modules. */
export const VFS_GETATTR: FunctionRef = behaviour(
  "vfs_getattr",
  [VFS_GETATTR_NOSEC],
  (k, path = 0, stat = 0, mask = 0, flags = 0) => k.call(VFS_GETATTR_NOSEC, path, stat, mask, flags),
);

/** Attributes of a path: 0 or -errno. */
export const VFS_STATX: FunctionRef = behaviour(
  "vfs_statx",
  [FILENAME_LOOKUP, fn("security_inode_getattr"), VFS_GETATTR_NOSEC, PATH_PUT],
  (k, dfd = 0, name = 0, flags = 0, stat = 0, mask = 0) => {
    if ((flags & ~STATX_FLAGS) !== 0) return -EINVAL;
    const lookup = ((flags & AT_SYMLINK_NOFOLLOW) === 0 ? LOOKUP_FOLLOW : 0) |
      ((flags & AT_EMPTY_PATH) !== 0 ? LOOKUP_EMPTY : 0);
    const mark = k.current.locals;
    const path = pushLocal(k, sizeOfStruct(k, "path"));
    let error = k.call(FILENAME_LOOKUP, dfd, name, lookup, path, 0);
    if (error === 0) {
      k.call(fn("security_inode_getattr"), path);
      error = k.call(VFS_GETATTR_NOSEC, path, stat, mask, flags);
      k.call(PATH_PUT, path);
    }
    popLocals(k, mark);
    return error;
  },
);

/** `getname_statx_lookup_flags`: how a path is looked up for such flags. */
export function statxLookup(flags: number): number {
  return ((flags & AT_SYMLINK_NOFOLLOW) === 0 ? LOOKUP_FOLLOW : 0) |
    ((flags & AT_NO_AUTOMOUNT) === 0 ? LOOKUP_AUTOMOUNT : 0) |
    ((flags & AT_EMPTY_PATH) !== 0 ? LOOKUP_EMPTY : 0);
}

/** `stat` and its relatives for a path in user memory. */
export const VFS_FSTATAT: FunctionRef = behaviour(
  "vfs_fstatat",
  [GETNAME_FLAGS, VFS_STATX, PUTNAME],
  (k, dfd = 0, filename = 0, stat = 0, flags = 0) => {
    const name = k.call(GETNAME_FLAGS, filename, statxLookup(flags | AT_NO_AUTOMOUNT), 0);
    const error = k.call(VFS_STATX, dfd, name, flags | AT_NO_AUTOMOUNT, stat, STATX_BASIC_STATS);
    k.call(PUTNAME, name);
    return error;
  },
);

/** Attributes of a descriptor. */
export const VFS_FSTAT: FunctionRef = behaviour("vfs_fstat", [VFS_GETATTR], (k, fd = 0, stat = 0) => {
  const file = fileOf(k, fd);
  if (file === undefined) return -EBADF;
  return k.call(VFS_GETATTR, FILE.path.at(k, file.address), stat, STATX_BASIC_STATS, 0);
});

/** Copies attributes to a user `struct stat`. */
export const CP_NEW_STAT: FunctionRef = behaviour(
  "cp_new_stat",
  [],
  (k, stat = 0, buf = 0) => copyOut(k, STAT, stat, buf),
);
/** Copies attributes to a user `struct stat64` (i386). */
export const CP_NEW_STAT64: FunctionRef = behaviour(
  "cp_new_stat64",
  [],
  (k, stat = 0, buf = 0) => copyOut(k, STAT64, stat, buf),
);
/** Copies attributes to a user `struct statx`. */
export const CP_STATX: FunctionRef = behaviour(
  "cp_statx",
  [],
  (k, stat = 0, buf = 0) => copyOut(k, STATX, stat, buf),
);

/** `statx` for a `struct filename`. */
export const DO_STATX: FunctionRef = behaviour(
  "do_statx",
  [VFS_STATX, CP_STATX],
  (k, dfd = 0, name = 0, flags = 0, mask = 0, buf = 0) =>
    withKstat(k, (stat) => {
      if ((mask & STATX__RESERVED) !== 0 || (flags & AT_STATX_SYNC_TYPE) === AT_STATX_SYNC_TYPE) {
        return -EINVAL;
      }
      const error = k.call(VFS_STATX, dfd, name, flags, stat, mask);
      return error === 0 ? k.call(CP_STATX, stat, buf) : error;
    }),
);

/** Runs `body` with a `struct kstat` in the stack. */
export function withKstat(k: Kernel, body: (stat: Addr) => number): number {
  const mark = k.current.locals;
  const result = body(pushLocal(k, sizeOfStruct(k, "kstat")));
  popLocals(k, mark);
  return result;
}

/** Errors of copying attributes to the program, not of getting them. */
const LATE = new Set([-EFAULT, -EOVERFLOW]);

/** A device number as user space has it. */
export function encodeDev(dev: number): number {
  const major = Math.floor(dev / 2 ** 20);
  const minor = dev % 2 ** 20;
  return (minor & 0xff) + major * 256 + (minor - (minor & 0xff)) * 4096;
}

function copyOut(k: Kernel, to: Target, stat: Addr, buf: Addr): number {
  const failure = failsAt(k, "operation");
  if (LATE.has(failure)) return failure;
  try {
    if (!k.memory.isUser(buf)) throw new MemoryFault(buf, "write", k.arch.wordSize);
    if (sizeIfKnown(k, to.struct) === 0) return 0;
    for (const [member, from] of to.fields) {
      const value = from.get(k, stat);
      // User space has device numbers in a form of its own (`new_encode_dev`).
      member.set(k, buf, from === KSTAT.dev || from === KSTAT.rdev ? encodeDev(value) : value);
    }
    if (to === STATX) {
      const dev = KSTAT.dev.get(k, stat);
      STATX_DEV.major.set(k, buf, Math.floor(dev / 2 ** 20));
      STATX_DEV.minor.set(k, buf, dev % 2 ** 20);
      const rdev = KSTAT.rdev.get(k, stat);
      STATX_DEV.rmajor.set(k, buf, Math.floor(rdev / 2 ** 20));
      STATX_DEV.rminor.set(k, buf, rdev % 2 ** 20);
    }
    return 0;
  } catch (error) {
    if (!(error instanceof MemoryFault)) throw error;
    // A replay has no buffer of the program's own; the recording knows that there was one.
    return recorded(k) === undefined ? -EFAULT : 0;
  }
}
