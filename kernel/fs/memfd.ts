/**
 * Files in memory without a name: `memfd_create`.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import { behaviour, type FunctionRef } from "../calls/function.ts";
import type { Kernel } from "../kernel.ts";
import { EINVAL, EMFILE } from "../syscalls/errno.ts";
import { SHMEM_GET_INODE } from "./create.ts";
import { F_SEAL_SEAL } from "./seals.ts";
import { FD_INSTALL, GET_UNUSED_FD_FLAGS, PUT_UNUSED_FD } from "./fdtable.ts";
import { newFile, openOn } from "./file.ts";
import { O_CLOEXEC, O_RDWR, S_IFREG, withLargefile } from "./modes.ts";
import { userString } from "./names.ts";
import { failsAt } from "./failures.ts";
import { recorded } from "./recorded.ts";

const MFD_CLOEXEC = 1;
const MFD_ALLOW_SEALING = 2;
const MFD_HUGETLB = 4;
const MFD_ALL_FLAGS = MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_HUGETLB;
const HUGE_SHIFT = 26;
/** Longest name, without `memfd:`. */
const NAME_MAX = 249;

const names = new WeakMap<Kernel, string>();

const INNER_SHMEM_FILE_SETUP: FunctionRef = behaviour(
  "__shmem_file_setup",
  [SHMEM_GET_INODE],
  (k, mnt = 0, _name = 0, size = 0) => {
    const mount = k.vfs.shmMount();
    const sb = mount.sb.address;
    const inode = k.vfs.inodes.get(k.call(SHMEM_GET_INODE, sb, 0, S_IFREG | 0o777, 0, 0));
    if (inode === undefined) return -EMFILE;
    inode.nlink = 0;
    inode.size = size;
    const dentry = k.vfs.newDentry(names.get(k) ?? "", null, sb);
    dentry.inode = inode;
    const file = newFile(k, withLargefile(k.image.arch, O_RDWR));
    openOn(k, file, dentry, mnt === 0 ? mount.mnt : mnt);
    k.vfs.settle(dentry);
    return file.address;
  },
);

/** An open file of a tmpfs that is mounted nowhere: (name, size, flags). */
export const SHMEM_FILE_SETUP: FunctionRef = behaviour(
  "shmem_file_setup",
  [INNER_SHMEM_FILE_SETUP],
  (k, name = 0, size = 0, flags = 0) =>
    k.call(INNER_SHMEM_FILE_SETUP, k.vfs.shmMount().mnt, name, size, flags, 0),
);

/** `memfd_create`: a descriptor, or -errno. */
export function memfdCreate(k: Kernel, uname: Addr, flags: number): number {
  const huge = (flags & MFD_HUGETLB) !== 0;
  const known = huge ? MFD_ALL_FLAGS | 0x3f << HUGE_SHIFT : MFD_ALL_FLAGS;
  const failure = failsAt(k, "operation");
  if ((flags & ~known) !== 0) return recorded(k)?.ret ?? -EINVAL;
  const text = userString(k, uname);
  if (typeof text === "number" && recorded(k) === undefined) return text;
  const name = typeof text === "number" ? "" : text;
  if (new TextEncoder().encode(name).length > NAME_MAX) return recorded(k)?.ret ?? -EINVAL;
  const fd = k.call(GET_UNUSED_FD_FLAGS, (flags & MFD_CLOEXEC) !== 0 ? O_CLOEXEC : 0);
  if (fd < 0) return fd;
  if (failure !== 0) {
    k.call(PUT_UNUSED_FD, fd);
    return failure;
  }
  names.set(k, `memfd:${name}`);
  const address = k.call(SHMEM_FILE_SETUP, NaN, 0, 0x200000);
  const file = k.vfs.files.get(address);
  if (file === undefined) {
    k.call(PUT_UNUSED_FD, fd);
    return address;
  }
  if (file.inode !== null) file.inode.seals = (flags & MFD_ALLOW_SEALING) !== 0 ? 0 : F_SEAL_SEAL;
  k.call(FD_INSTALL, fd, address);
  return fd;
}
/** What `memfd_create` calls. */
export const MEMFD_CALLS: readonly FunctionRef[] = [
  GET_UNUSED_FD_FLAGS,
  SHMEM_FILE_SETUP,
  FD_INSTALL,
  PUT_UNUSED_FD,
];
