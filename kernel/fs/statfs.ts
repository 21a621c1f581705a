/**
 * What a file system says of itself: `fs/statfs.c`.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import { behaviour, fn, type FunctionRef } from "../calls/function.ts";
import type { Kernel } from "../kernel.ts";
import { type Field, field, sizeOfStruct } from "../process/objects.ts";
import { popLocals, pushLocal } from "../process/stack.ts";
import { storeUserBytes } from "../process/user_store.ts";
import { EBADF, EFAULT, EINVAL, ENOSYS } from "../syscalls/errno.ts";
import { failsAt } from "./failures.ts";
import { fileOf } from "./fdtable.ts";
import { DENTRY, FILE, PATH, SUPER } from "./fields.ts";
import {
  MNT_NOATIME,
  MNT_NODEV,
  MNT_NODIRATIME,
  MNT_NOEXEC,
  MNT_NOSUID,
  MNT_NOSYMFOLLOW,
  MNT_RELATIME,
  type Mount,
} from "./mount.ts";
import { AT_FDCWD, LOOKUP_FOLLOW } from "./modes.ts";
import { PATH_PUT } from "./path_lookup.ts";
import { USER_PATH_AT_EMPTY, withPath } from "./place.ts";
import { recorded } from "./recorded.ts";

/** `struct kstatfs`. */
export const KSTATFS = {
  type: field("kstatfs", "f_type"),
  bsize: field("kstatfs", "f_bsize"),
  blocks: field("kstatfs", "f_blocks"),
  bfree: field("kstatfs", "f_bfree"),
  bavail: field("kstatfs", "f_bavail"),
  files: field("kstatfs", "f_files"),
  ffree: field("kstatfs", "f_ffree"),
  namelen: field("kstatfs", "f_namelen"),
  frsize: field("kstatfs", "f_frsize"),
  flags: field("kstatfs", "f_flags"),
} as const;

const ST_RDONLY = 1;
const ST_VALID = 0x20;
const NAME_MAX = 255;
/** Pages and inodes that a tmpfs has: half of 3 GiB of memory. Nothing says what a recorded machine had. */
const TMPFS_BLOCKS = 377952;

/** Room on a tmpfs. */
export const SHMEM_STATFS: FunctionRef = behaviour("shmem_statfs", [], (k, dentry = 0, buf = 0) => {
  const used = k.vfs.inodes.size;
  KSTATFS.type.set(k, buf, SUPER.magic.get(k, DENTRY.sb.get(k, dentry)));
  KSTATFS.bsize.set(k, buf, 4096);
  KSTATFS.namelen.set(k, buf, NAME_MAX);
  KSTATFS.blocks.set(k, buf, TMPFS_BLOCKS);
  KSTATFS.bfree.set(k, buf, TMPFS_BLOCKS);
  KSTATFS.bavail.set(k, buf, TMPFS_BLOCKS);
  KSTATFS.files.set(k, buf, TMPFS_BLOCKS);
  KSTATFS.ffree.set(k, buf, Math.max(0, TMPFS_BLOCKS - used));
  return 0;
});

/** A file system without blocks. */
export const SIMPLE_STATFS: FunctionRef = behaviour("simple_statfs", [], (k, dentry = 0, buf = 0) => {
  KSTATFS.type.set(k, buf, SUPER.magic.get(k, DENTRY.sb.get(k, dentry)));
  KSTATFS.bsize.set(k, buf, 4096);
  KSTATFS.namelen.set(k, buf, NAME_MAX);
  return 0;
});

/** Functions that tell of a file system; storage adds its own by `FileSystemType.statfs`. */
const STATFS_CALLS: readonly FunctionRef[] = [SHMEM_STATFS, SIMPLE_STATFS, fn("ext4_statfs")];

/** Asks the file system of a dentry: 0 or -errno. */
export const STATFS_BY_DENTRY: FunctionRef = behaviour(
  "statfs_by_dentry",
  STATFS_CALLS,
  (k, dentry = 0, buf = 0) => {
    const failure = failsAt(k, "operation");
    if (failure !== 0 && failure !== -EFAULT) return failure;
    const found = k.vfs.dentries.get(dentry);
    const statfs = found === undefined ? undefined : k.vfs.superOf(found).type.statfs;
    if (statfs === undefined) return -ENOSYS;
    const error = k.call(statfs, dentry, buf);
    if (error === 0 && KSTATFS.frsize.get(k, buf) === 0) {
      KSTATFS.frsize.set(k, buf, KSTATFS.bsize.get(k, buf));
    }
    return error;
  },
);

/** Flags of a mount as `statfs` tells them (`calculate_f_flags`). */
function mountStatus(mount: Mount): number {
  const { flags } = mount;
  return (mount.readOnly ? ST_RDONLY : 0) |
    (flags & (MNT_NOSUID | MNT_NODEV | MNT_NOEXEC)) << 1 |
    (flags & (MNT_NOATIME | MNT_NODIRATIME | MNT_RELATIME | MNT_NOSYMFOLLOW)) << 7;
}

/** `vfs_statfs`, which real kernels inline: the file system's word, and the mount's flags. */
function vfsStatfs(k: Kernel, path: Addr, buf: Addr): number {
  const error = k.call(STATFS_BY_DENTRY, PATH.dentry.get(k, path), buf);
  if (error !== 0) return error;
  const mount = k.vfs.mounts.get(PATH.mnt.get(k, path));
  KSTATFS.flags.set(k, buf, ST_VALID | (mount === undefined ? 0 : mountStatus(mount)));
  return 0;
}

/** By path: 0 or -errno. */
export const USER_STATFS: FunctionRef = behaviour(
  "user_statfs",
  [USER_PATH_AT_EMPTY, STATFS_BY_DENTRY, PATH_PUT],
  (k, pathname = 0, buf = 0) =>
    withPath(k, AT_FDCWD, pathname, LOOKUP_FOLLOW, (path) => vfsStatfs(k, path, buf)),
);

/** By descriptor: 0 or -errno. */
export const FD_STATFS: FunctionRef = behaviour("fd_statfs", [STATFS_BY_DENTRY], (k, fd = 0, buf = 0) => {
  const file = fileOf(k, fd);
  return file === undefined ? -EBADF : vfsStatfs(k, FILE.path.at(k, file.address), buf);
});

/** Members of `struct statfs` as user space has it, in order; `fsid` and the spare words are zeros. */
const ORDER: readonly (Field | "fsid")[] = [
  KSTATFS.type,
  KSTATFS.bsize,
  KSTATFS.blocks,
  KSTATFS.bfree,
  KSTATFS.bavail,
  KSTATFS.files,
  KSTATFS.ffree,
  "fsid",
  KSTATFS.namelen,
  KSTATFS.frsize,
  KSTATFS.flags,
];
const WIDE = new Set<Field | "fsid">([
  KSTATFS.blocks,
  KSTATFS.bfree,
  KSTATFS.bavail,
  KSTATFS.files,
  KSTATFS.ffree,
]);
/** Bytes of i386's `struct statfs64`, which has 64-bit counts between 32-bit words, packed. */
export const STATFS64_SIZE = 84;

function copyOut(k: Kernel, st: Addr, buf: Addr, wide: boolean): number {
  const word = k.image.pointerSize;
  const bytes = new Uint8Array(word === 8 ? 120 : wide ? STATFS64_SIZE : 64);
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const member of ORDER) {
    const size = member === "fsid" || wide && WIDE.has(member) ? 8 : word;
    const value = member === "fsid" ? 0 : member.get(k, st);
    view.setUint32(at, value >>> 0, true);
    if (size === 8) view.setUint32(at + 4, Math.floor(value / 2 ** 32), true);
    at += size;
  }
  return storeUserBytes(k, buf, bytes) || recorded(k) !== undefined ? 0 : -EFAULT;
}

/** Copies to a user `struct statfs`. */
export const DO_STATFS_NATIVE: FunctionRef = behaviour(
  "do_statfs_native",
  [],
  (k, st = 0, buf = 0) => copyOut(k, st, buf, false),
);
/** Copies to a user `struct statfs64`. */
export const DO_STATFS64: FunctionRef = behaviour(
  "do_statfs64",
  [],
  (k, st = 0, buf = 0) => copyOut(k, st, buf, true),
);

/** A whole call: asks with `ask` and copies out with `copy`. `size` is what the caller takes its structure for. */
export function statfs(
  k: Kernel,
  ask: FunctionRef,
  what: number,
  copy: FunctionRef,
  buf: Addr,
  size?: number,
): number {
  if (size !== undefined && size !== STATFS64_SIZE && size !== STATFS64_SIZE + 4 && size !== 88) {
    return -EINVAL;
  }
  const mark = k.current.locals;
  const st = pushLocal(k, sizeOfStruct(k, "kstatfs"));
  let error = k.call(ask, what, st);
  if (error === 0) error = k.call(copy, st, buf);
  popLocals(k, mark);
  return error;
}
