/**
 * Puts a tree of kernel files under the modeled file system, so that modeled programs open, read and write them by system
 * calls: what such a write does happens inside `vfs_write`, and a truncation inside `do_sys_openat2`, as in Linux.
 *
 * @module
 */

import { behaviour } from "../../kernel/calls/function.ts";
import { FILE } from "../../kernel/fs/fields.ts";
import type { FileOperations } from "../../kernel/fs/fileops.ts";
import { O_TRUNC, openFlags, S_IFDIR, S_IFREG } from "../../kernel/fs/modes.ts";
import type { Kernel } from "../../kernel/kernel.ts";
import type { FileTree } from "./tree.ts";

const EBADF = 9;

const OPERATIONS: FileOperations = {
  symbol: "tracefs_file_operations",
  open: behaviour("conformance_open", [], (k, _inode = 0, file = 0) => mountOf(k).opened(file)),
  read: behaviour("conformance_read", [], (k, ...args) => mountOf(k).readAt(args)),
  write: behaviour("conformance_write", [], (k, ...args) => mountOf(k).writeFrom(args)),
  seekable: true,
};

const mounts = new WeakMap<Kernel, Mount>();

function mountOf(k: Kernel): Mount {
  const mount = mounts.get(k);
  if (mount === undefined) throw new Error("This kernel has no tree of files mounted");
  return mount;
}

/** One tree in one kernel's file system. */
export class Mount {
  readonly #k: Kernel;
  readonly #tree: FileTree;
  /** Paths by the address of the inode made for them. */
  readonly #paths = new Map<number, string>();
  /** What an open file reads: taken at its first read, as a seq_file does. */
  readonly #texts = new Map<number, string>();

  constructor(k: Kernel, tree: FileTree) {
    this.#k = k;
    this.#tree = tree;
    mounts.set(k, this);
  }

  /** Brings what the file system has at `path` in line with the tree; call it before a program opens the path. */
  sync(path: string): void {
    for (let end = path.indexOf("/", 1); end > 0; end = path.indexOf("/", end + 1)) {
      if (!this.#syncOne(path.slice(0, end))) return;
    }
    this.#syncOne(path);
  }

  /** False when nothing is there. */
  #syncOne(path: string): boolean {
    const vfs = this.#k.vfs;
    const mode = this.#tree.mode(path);
    const there = vfs.lookup(path);
    if (mode === undefined) {
      if (there !== null && path.lastIndexOf("/") > 0) vfs.remove(there);
      return false;
    }
    if (there !== null) return true;
    if ((mode & S_IFDIR) !== 0) vfs.makePath(path, { mode });
    else {
      const slash = path.lastIndexOf("/");
      const inode = vfs.newInode({ mode: S_IFREG | mode & 0o777 }, OPERATIONS);
      vfs.addChild(vfs.makePath(path.slice(0, slash)), path.slice(slash + 1), inode);
      this.#paths.set(inode.address, path);
    }
    return true;
  }

  /** `f_op->open`: 0 or -errno. */
  opened(address: number): number {
    const path = this.#path(address);
    if (path === undefined) return -EBADF;
    this.#texts.delete(address);
    const flags = openFlags(this.#k.image.arch, FILE.flags.get(this.#k, address));
    return (flags & O_TRUNC) === 0 ? 0 : this.#tree.truncate(path);
  }

  /** `f_op->read(file, buf, count, pos)`. */
  readAt([address = 0, buf = 0, count = 0, at = 0]: readonly number[]): number {
    const path = this.#path(address);
    if (path === undefined) return -EBADF;
    let text = this.#texts.get(address);
    if (text === undefined) {
      const read = this.#tree.read(path);
      if (typeof read === "number") return read;
      // A byte each: the files are ASCII.
      this.#texts.set(address, text = read);
    }
    const pos = this.#k.memory.load(at, 8, true);
    const bytes = new TextEncoder().encode(text.slice(pos, pos + count));
    this.#k.memory.writeBytes(buf, bytes);
    this.#k.memory.store(at, 8, pos + bytes.length);
    return bytes.length;
  }

  /** `f_op->write(file, buf, count, pos)`. */
  writeFrom([address = 0, buf = 0, count = 0]: readonly number[]): number {
    const path = this.#path(address);
    if (path === undefined) return -EBADF;
    return this.#tree.write(path, new TextDecoder().decode(this.#k.memory.readBytes(buf, count)));
  }

  #path(address: number): string | undefined {
    return this.#paths.get(this.#k.vfs.files.get(address)?.inode?.address ?? 0);
  }
}
