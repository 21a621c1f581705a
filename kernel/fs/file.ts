/**
 * Open files: `struct file`.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import type { Kernel } from "../kernel.ts";
import { freeObject, newObject } from "../process/alloc.ts";
import type { Dentry } from "./dentry.ts";
import { FILE, INODE } from "./fields.ts";
import type { FileOperations } from "./fileops.ts";
import { symbolAddress } from "../process/objects.ts";
import type { Inode } from "./inode.ts";
import {
  FMODE_ATOMIC_POS,
  FMODE_CAN_READ,
  FMODE_CAN_WRITE,
  FMODE_LSEEK,
  FMODE_OPENED,
  FMODE_PATH,
  FMODE_PREAD,
  FMODE_PWRITE,
  FMODE_READ,
  FMODE_WRITE,
  O_ACCMODE,
  O_PATH,
  O_RDWR,
  O_WRONLY,
  S_IFDIR,
  S_IFREG,
} from "./modes.ts";

/** What the model keeps beside a `struct file`. */
export class OpenFile {
  readonly address: Addr;
  /** Null until it is opened. */
  dentry: Dentry | null = null;
  /** Entries of a directory that `getdents` has yet to give, from the first call on. */
  listing: readonly string[] | null = null;
  /** What a file of procfs or sysfs was found to say when it was last read from its start; null before. */
  text: Uint8Array | null = null;
  /** Who gets its signals (`F_SETOWN`): a process, or less than 0 a group. */
  owner = 0;
  /** Which signal that is (`F_SETSIG`); 0 for the usual one. */
  signal = 0;
  /** An epoll descriptor watches it, or did. */
  watched = false;
  /** Operations of its own, where those of its inode are not meant (`anon_inode_getfile`). */
  ownOps: FileOperations | null = null;

  constructor(address: Addr) {
    this.address = address;
  }

  /** What was opened. */
  get inode(): Inode | null {
    return this.dentry?.inode ?? null;
  }

  /** How it is read and written; null while nothing is open. */
  get ops(): FileOperations | null {
    return this.ownOps ?? this.inode?.ops ?? null;
  }
}

/** A `struct file` with one reference and nothing open (`alloc_empty_file`), by default with the running task's `cred`. */
export function newFile(k: Kernel, flags: number, cred: Addr = k.current.cred): OpenFile {
  const address = newObject(k, "filp", "file");
  FILE.count.set(k, address, 1);
  FILE.flags.set(k, address, flags);
  FILE.mode.set(k, address, modeOf(flags));
  FILE.cred.set(k, address, cred);
  const file = new OpenFile(address);
  k.vfs.files.set(address, file);
  return file;
}

/** What `do_dentry_open` stores: the object's own fields, once its path is set. */
export function openOn(k: Kernel, file: OpenFile, dentry: Dentry, mnt: Addr): void {
  const { address } = file;
  const inode = dentry.inode;
  if (file.dentry !== dentry) {
    dentry.hold();
    const mount = k.vfs.mounts.get(mnt);
    if (mount !== undefined) mount.users++;
  }
  file.dentry = dentry;
  FILE.mnt.set(k, address, mnt);
  FILE.dentry.set(k, address, dentry.address);
  if (inode === null) return;
  FILE.inode.set(k, address, inode.address);
  FILE.mapping.set(k, address, INODE.mapping.get(k, inode.address));
  let mode = FILE.mode.get(k, address);
  if ((FILE.flags.get(k, address) & O_PATH) !== 0) {
    FILE.mode.set(k, address, FMODE_PATH | FMODE_OPENED);
    return;
  }
  const ops = file.ownOps ?? inode.ops;
  FILE.op.set(k, address, symbolAddress(k, ops.symbol));
  mode |= FMODE_OPENED;
  if ((mode & FMODE_READ) !== 0 && (ops.read ?? ops.readIter) !== undefined) mode |= FMODE_CAN_READ;
  if ((mode & FMODE_WRITE) !== 0 && (ops.write ?? ops.writeIter) !== undefined) mode |= FMODE_CAN_WRITE;
  if (ops.seekable) mode |= FMODE_LSEEK | FMODE_PREAD | FMODE_PWRITE;
  if (inode.type === S_IFREG || inode.type === S_IFDIR) mode |= FMODE_ATOMIC_POS;
  FILE.mode.set(k, address, mode);
}

/** Gives the object back. */
export function freeFile(k: Kernel, file: OpenFile): void {
  k.vfs.files.delete(file.address);
  if (file.dentry !== null) {
    const mount = k.vfs.mounts.get(FILE.mnt.get(k, file.address));
    if (mount !== undefined) mount.users--;
    k.vfs.put(file.dentry);
  }
  freeObject(k, "filp", file.address);
}

function modeOf(flags: number): number {
  const access = flags & O_ACCMODE;
  if (access === O_RDWR) return FMODE_READ | FMODE_WRITE;
  return access === O_WRONLY ? FMODE_WRITE : FMODE_READ;
}
