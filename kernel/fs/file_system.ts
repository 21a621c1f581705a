/**
 * File system types and their super blocks.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import { fn, type FunctionRef } from "../calls/function.ts";
import type { Kernel } from "../kernel.ts";
import { kzalloc } from "../process/alloc.ts";
import { sizeOfStruct, symbolAddress } from "../process/objects.ts";
import type { Dentry } from "./dentry.ts";
import { SUPER } from "./fields.ts";
import type { FileOperations } from "./fileops.ts";
import { type InodeContainer, PLAIN_INODE, SHMEM_INODE, SOCKET_INODE } from "./containers.ts";
import { deviceOperations, SHMEM_FILE, SIMPLE_DIR, SOCKET } from "./fileops.ts";
import { PIPE } from "./fileops.ts";
import {
  EMPTY_INODE,
  type InodeOperations,
  SHMEM_DIR_INODE,
  SHMEM_FILE_INODE,
  SHMEM_LINK_INODE,
  SHMEM_SPECIAL_INODE,
} from "./inode_operations.ts";
import { S_IFBLK, S_IFCHR, S_IFDIR, S_IFIFO, S_IFLNK, S_IFMT, S_IFREG, S_IFSOCK } from "./modes.ts";

/** A kind of file system: `struct file_system_type` and what its inodes do. */
export interface FileSystemType {
  /** As `/proc/filesystems` and `mount -t` have it. */
  readonly name: string;
  /** Symbol of the `file_system_type`. */
  readonly symbol: string;
  /** Symbol of the `super_operations`. */
  readonly superOperations: string;
  /** `s_magic`. */
  readonly magic: number;
  /** What its inodes are part of. */
  readonly container: InodeContainer;
  /** Needs no disk: `/proc/filesystems` says `nodev`. */
  readonly nodev: boolean;
  /** Every name is in the dentry cache for good, as on tmpfs; else names come in by `i_op->lookup`. */
  readonly pinned: boolean;
  /** Names that were looked up and don't exist stay in the dentry cache. */
  readonly keepsNegative: boolean;
  /** Beginnings of the names of extended attributes that it keeps; none without. */
  readonly xattrPrefixes?: readonly string[];
  /** `s_op->statfs`, called with (dentry, kstatfs). */
  readonly statfs?: FunctionRef;
  /** `s_op->sync_fs`, called with (super block, wait). */
  readonly syncFs?: FunctionRef;
  /** What `mount` shows for a source: a super block, or -errno. A new empty one without, where no device is needed. */
  getTree?(k: Kernel, source: string): SuperBlock | number;
  /** `s_op->dirty_inode`, called with (inode, flags). */
  readonly dirtyInode?: FunctionRef;
  /** `s_op->write_inode`, called with (inode, writeback_control). */
  readonly writeInode?: FunctionRef;
  /** `s_op->evict_inode`, called with (inode). */
  readonly evictInode?: FunctionRef;
  /** `vm_ops->page_mkwrite` of its files, called with (vm_fault): 0 or -errno. */
  readonly pageMkwrite?: FunctionRef;
  /** How a file of a mode and device number is read and written. */
  fileOperations(mode: number, rdev: number): FileOperations;
  /** How an inode of a mode finds, makes and describes names. */
  inodeOperations(mode: number): InodeOperations;
}

/** A super block: the object in memory, its type and the root of its tree. */
export class SuperBlock {
  readonly address: Addr;
  readonly type: FileSystemType;
  readonly #k: Kernel;
  #root: Dentry | null = null;

  constructor(k: Kernel, type: FileSystemType, dev: number) {
    this.#k = k;
    this.type = type;
    this.address = kzalloc(k, sizeOfStruct(k, "super_block"));
    const sb = this.address;
    SUPER.magic.set(k, sb, type.magic);
    SUPER.dev.set(k, sb, dev);
    SUPER.blocksize.set(k, sb, 4096);
    SUPER.maxbytes.set(k, sb, Number.MAX_SAFE_INTEGER);
    SUPER.type.set(k, sb, symbolAddress(k, type.symbol));
    SUPER.op.set(k, sb, symbolAddress(k, type.superOperations));
    k.memory.writeString(SUPER.id.at(k, sb), type.name, 32);
  }

  /** `s_root`. */
  get root(): Dentry {
    if (this.#root === null) throw new Error(`Cannot use this ${this.type.name}: it has no root yet`);
    return this.#root;
  }

  set root(root: Dentry) {
    this.#root = root;
    SUPER.root.set(this.#k, this.address, root.address);
  }

  /** Device number, as the kernel keeps it: major << 20 | minor. */
  get dev(): number {
    return SUPER.dev.get(this.#k, this.address);
  }

  /** Mounted read-only (`SB_RDONLY`): nothing in it changes. */
  get readOnly(): boolean {
    return (SUPER.flags.get(this.#k, this.address) & SB_RDONLY) !== 0;
  }

  set readOnly(on: boolean) {
    const flags = SUPER.flags.get(this.#k, this.address);
    SUPER.flags.set(this.#k, this.address, on ? flags | SB_RDONLY : flags & ~SB_RDONLY);
  }
}

/** `s_flags`: read-only. */
export const SB_RDONLY = 1;
/** `s_flags`: nobody notes when files were read. */
export const SB_NOATIME = 1024;
/** `s_flags`: nobody notes when directories were read. */
export const SB_NODIRATIME = 2048;

/** File operations of what is no regular file and no directory, whatever file system it is on. */
export function specialOperations(mode: number, rdev: number): FileOperations {
  switch (mode & S_IFMT) {
    case S_IFIFO:
      return PIPE;
    case S_IFSOCK:
      return SOCKET;
    default:
      return deviceOperations(rdev >>> 20, rdev & 0xfffff);
  }
}

/** Whether a mode is one of a device, a pipe or a socket. */
export function isSpecial(mode: number): boolean {
  const type = mode & S_IFMT;
  return type === S_IFIFO || type === S_IFSOCK || type === S_IFCHR || type === S_IFBLK;
}

/** tmpfs. */
export const TMPFS: FileSystemType = {
  name: "tmpfs",
  symbol: "shmem_fs_type",
  superOperations: "shmem_ops",
  magic: 0x01021994,
  container: SHMEM_INODE,
  nodev: true,
  pinned: true,
  keepsNegative: false,
  xattrPrefixes: ["security.", "trusted."],
  statfs: fn("shmem_statfs"),
  fileOperations(mode, rdev) {
    if ((mode & S_IFMT) === S_IFDIR) return SIMPLE_DIR;
    return isSpecial(mode) ? specialOperations(mode, rdev) : SHMEM_FILE;
  },
  inodeOperations(mode) {
    switch (mode & S_IFMT) {
      case S_IFREG:
        return SHMEM_FILE_INODE;
      case S_IFDIR:
        return SHMEM_DIR_INODE;
      default:
        return (mode & S_IFMT) === S_IFLNK ? SHMEM_LINK_INODE : SHMEM_SPECIAL_INODE;
    }
  },
};

/** devtmpfs: device files, on a tmpfs of the kernel's own. */
export const DEVTMPFS: FileSystemType = { ...TMPFS, name: "devtmpfs", symbol: "dev_fs_type" };

/** File systems without a place in the tree: what pipes, sockets and other files without a name are on. */
function pseudo(name: string, magic: number, container: InodeContainer): FileSystemType {
  return {
    name: name === "pipe" ? "pipefs" : name,
    symbol: name === "anon_inodefs"
      ? "anon_inode_fs_type"
      : name === "sockfs"
      ? "sock_fs_type"
      : `${name}_fs_type`,
    superOperations: name === "sockfs"
      ? "sockfs_ops"
      : name === "pipe"
      ? "pipefs_ops"
      : "simple_super_operations",
    magic,
    container,
    nodev: true,
    pinned: true,
    keepsNegative: false,
    statfs: fn("simple_statfs"),
    fileOperations: (mode, rdev) =>
      (mode & S_IFMT) === S_IFDIR ? SIMPLE_DIR : isSpecial(mode) ? specialOperations(mode, rdev) : SHMEM_FILE,
    inodeOperations: () => EMPTY_INODE,
  };
}

/** Types of file systems without a place in the tree, by the name that the model has for them. */
export const PSEUDO_TYPES: ReadonlyMap<string, FileSystemType> = new Map(Object.entries<FileSystemType>({
  pipe: pseudo("pipe", 0x50495045, PLAIN_INODE),
  sockfs: pseudo("sockfs", 0x534f434b, SOCKET_INODE),
  anon_inodefs: pseudo("anon_inodefs", 0x09041934, PLAIN_INODE),
}));

/** The type for a name that has none of its own. */
export function pseudoType(name: string): FileSystemType {
  if (name === "tmpfs") return TMPFS;
  return PSEUDO_TYPES.get(name) ?? pseudo(name, 0, PLAIN_INODE);
}
