/**
 * Files without a place in the tree that share one inode: `eventfd`, `epoll`, `timerfd`, `signalfd`, pidfds. `fs/anon_inodes.c`.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import { behaviour, type FunctionRef } from "../calls/function.ts";
import type { Kernel } from "../kernel.ts";
import { EINVAL } from "../syscalls/errno.ts";
import { FD_INSTALL, GET_UNUSED_FD_FLAGS, PUT_UNUSED_FD } from "./fdtable.ts";
import { FILE, INODE } from "./fields.ts";
import { newFile, type OpenFile, openOn } from "./file.ts";
import { EVENTFD, type FileOperations } from "./fileops.ts";
import { type Inode, PLAIN_INODE } from "./inode.ts";
import { isErr } from "./names.ts";

const inodes = new WeakMap<Kernel, Inode>();
/** Operations and name of the file that is being made: what the two pointers among the arguments stand for. */
const making = new WeakMap<Kernel, { readonly name: string; readonly ops: FileOperations }>();

/** The file itself: its address. (name, fops, priv, flags, inode, secure) */
const ANON_INODE_GETFILE_INNER: FunctionRef = behaviour(
  "__anon_inode_getfile",
  [],
  (k, _name, _fops, priv = 0, flags = 0) => {
    const wanted = making.get(k);
    return wanted === undefined ? -EINVAL : makeFile(k, wanted.name, wanted.ops, priv, flags).address;
  },
);

const ANON_INODE_GETFILE: FunctionRef = behaviour(
  "anon_inode_getfile",
  [ANON_INODE_GETFILE_INNER],
  (k, name = 0, fops = 0, priv = 0, flags = 0) =>
    k.call(ANON_INODE_GETFILE_INNER, name, fops, priv, flags, 0, 0),
);

const ANON_INODE_GETFD: FunctionRef = behaviour(
  "anon_inode_getfd",
  [GET_UNUSED_FD_FLAGS, ANON_INODE_GETFILE_INNER, FD_INSTALL, PUT_UNUSED_FD],
  (k, name = 0, fops = 0, priv = 0, flags = 0) => {
    const fd = k.call(GET_UNUSED_FD_FLAGS, flags);
    if (fd < 0) return fd;
    const file = k.call(ANON_INODE_GETFILE_INNER, name, fops, priv, flags, 0, 0);
    if (isErr(file)) {
      k.call(PUT_UNUSED_FD, fd);
      return file;
    }
    k.call(FD_INSTALL, fd, file);
    return fd;
  },
);

/** What those who call `anonInodeGetfile` list. */
export const GETFILE: FunctionRef = ANON_INODE_GETFILE;
/** What those who call `anonInodeGetfd` list. */
export const GETFD: FunctionRef = ANON_INODE_GETFD;

/** Makes a file named `[eventfd]` or the like: its address, or -errno. `flags` as of `open`. */
export function anonInodeGetfile(
  k: Kernel,
  name: string,
  ops: FileOperations,
  priv: Addr,
  flags: number,
): Addr {
  making.set(k, { name, ops });
  return k.call(ANON_INODE_GETFILE, Number.NaN, fopsAddress(k, ops), priv, flags);
}

/** The same, with a descriptor for it: that, or -errno. */
export function anonInodeGetfd(
  k: Kernel,
  name: string,
  ops: FileOperations,
  priv: Addr,
  flags: number,
): number {
  making.set(k, { name, ops });
  return k.call(ANON_INODE_GETFD, Number.NaN, fopsAddress(k, ops), priv, flags);
}

function fopsAddress(k: Kernel, ops: FileOperations): Addr {
  return k.image.symbol(ops.symbol)?.address ?? Number.NaN;
}

function makeFile(k: Kernel, name: string, ops: FileOperations, priv: Addr, flags: number): OpenFile {
  const fs = k.vfs.pseudo("anon_inodefs");
  let inode = inodes.get(k);
  if (inode === undefined) {
    // The one inode has no type: `stat` of such a descriptor shows mode 0600 and nothing else.
    inode = k.vfs.newInode({ mode: 0o600 }, EVENTFD, fs, PLAIN_INODE);
    inode.mode = 0o600;
    inodes.set(k, inode);
  }
  const dentry = k.vfs.newDentry(name, null, fs.sb);
  dentry.inode = inode;
  const file = newFile(k, flags);
  file.ownOps = ops;
  openOn(k, file, dentry, fs.mnt);
  // The dentry goes with the file, the inode stays.
  INODE.count.add(k, inode.address, 1);
  k.vfs.settle(dentry);
  FILE.privateData.set(k, file.address, priv);
  return file;
}
