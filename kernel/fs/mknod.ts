/**
 * Making files of any kind: `mknod`.
 *
 * @module
 */

import { behaviour, fn, type FunctionRef } from "../calls/function.ts";
import { EINVAL, EPERM } from "../syscalls/errno.ts";
import { CREATE_CALLS, createRegular, umask } from "./create.ts";
import { inodeCallees } from "./inode_operations.ts";
import { S_IFBLK, S_IFCHR, S_IFDIR, S_IFIFO, S_IFMT, S_IFREG, S_IFSOCK } from "./modes.ts";
import { INODE_PERMISSION } from "./namei.ts";
import { create, FILENAME_CREATE, mayCreate, MNT_DROP_WRITE, userns } from "./namei_ops.ts";
import { PUTNAME } from "./names.ts";
import { notifyName } from "./notify/events.ts";
import { IN_CREATE } from "./notify/masks.ts";
import { CAP_MKNOD, CAPABLE } from "./permission.ts";
import { recorded } from "./recorded.ts";

/** Makes a device, pipe or socket for a dentry: 0 or -errno. (userns, dir, dentry, mode, dev) */
export const VFS_MKNOD: FunctionRef = behaviour(
  "vfs_mknod",
  [INODE_PERMISSION, CAPABLE, ...inodeCallees("mknod")],
  (k, ns = 0, dir = 0, dentry = 0, mode = 0, dev = 0) => {
    const error = mayCreate(k, ns, dir);
    if (error !== 0) return error;
    const type = mode & S_IFMT;
    const device = type === S_IFCHR || type === S_IFBLK;
    // Whiteouts, devices 0:0, may be made by anybody.
    if (
      device && !(type === S_IFCHR && dev === 0) && recorded(k) === undefined &&
      k.call(CAPABLE, CAP_MKNOD) !== 1
    ) {
      return -EPERM;
    }
    const parent = k.vfs.inodes.get(dir);
    const operation = parent?.iops.mknod;
    if (operation === undefined) return -EPERM;
    const result = k.call(operation, ns, dir, dentry, mode, dev);
    if (result === 0) notifyName(k, parent, k.vfs.dentries.get(dentry)?.name ?? "", IN_CREATE);
    return result;
  },
);

/** Makes a regular file for a dentry: 0 or -errno. (userns, dir, dentry, mode, excl) */
export const VFS_CREATE: FunctionRef = behaviour(
  "vfs_create",
  [INODE_PERMISSION, ...CREATE_CALLS],
  (k, ns = 0, dir = 0, dentry = 0, mode = 0) => {
    const error = mayCreate(k, ns, dir);
    if (error !== 0) return error;
    const result = createRegular(k, dir, dentry, mode, true);
    if (result === 0) notifyName(k, k.vfs.inodes.get(dir), k.vfs.dentries.get(dentry)?.name ?? "", IN_CREATE);
    return result;
  },
);

/** A device number of user space (`new_decode_dev`) as the kernel has it. */
export function decodeDev(dev: number): number {
  const word = dev >>> 0;
  const major = (word & 0xfff00) >>> 8;
  const minor = (word & 0xff) | (word >>> 12) & 0xfff00;
  return major * 2 ** 20 + minor;
}

/** `mknod`: 0 or -errno. (dfd, filename, mode, dev) */
export const DO_MKNODAT: FunctionRef = behaviour(
  "do_mknodat",
  [FILENAME_CREATE, VFS_MKNOD, VFS_CREATE, MNT_DROP_WRITE, fn("mntput"), PUTNAME],
  (k, dfd = 0, name = 0, mode = 0, dev = 0) => {
    const type = mode & S_IFMT;
    if (![0, S_IFREG, S_IFCHR, S_IFBLK, S_IFIFO, S_IFSOCK].includes(type)) {
      k.call(PUTNAME, name);
      return recorded(k)?.ret ?? (type === S_IFDIR ? -EPERM : -EINVAL);
    }
    return create(k, dfd, name, 0, (dir, dentry) => {
      const masked = mode & ~umask(k);
      if (type === 0 || type === S_IFREG) return k.call(VFS_CREATE, userns(k), dir, dentry, masked, 1);
      const number = type === S_IFCHR || type === S_IFBLK ? decodeDev(dev) : 0;
      return k.call(VFS_MKNOD, userns(k), dir, dentry, masked, number);
    });
  },
);
