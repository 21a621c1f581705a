/**
 * Dentries: names in the tree. On tmpfs the dentries of a directory are its contents.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import type { Kernel } from "../kernel.ts";
import { freeObject, kfree, kzalloc, newObject } from "../process/alloc.ts";
import { DENTRY } from "./fields.ts";
import type { Inode } from "./inode.ts";
import { S_IFDIR, S_IFLNK, S_IFREG } from "./modes.ts";

const encoder = new TextEncoder();

/** A dentry; name, parent and inode are in memory too. The root's parent is itself. */
export class Dentry {
  readonly address: Addr;
  readonly #k: Kernel;
  #name: string;
  #parent: Dentry;
  #inode: Inode | null = null;
  #external = 0;

  constructor(k: Kernel, name: string, parent: Dentry | null, sb: Addr) {
    this.#k = k;
    this.address = newObject(k, "dentry", "dentry");
    this.#name = name;
    this.#parent = parent ?? this;
    DENTRY.parent.set(k, this.address, this.#parent.address);
    DENTRY.count.set(k, this.address, 1);
    DENTRY.sb.set(k, this.address, sb);
    this.#writeName();
  }

  /** Its own name, without slashes; `/` for a root. */
  get name(): string {
    return this.#name;
  }

  /** The directory that it is in; itself for a root. */
  get parent(): Dentry {
    return this.#parent;
  }

  /** What it names; null while that isn't known or does not exist. */
  get inode(): Inode | null {
    return this.#inode;
  }

  set inode(inode: Inode | null) {
    this.#inode = inode;
    DENTRY.inode.set(this.#k, this.address, inode?.address ?? 0);
    DENTRY.flags.set(this.#k, this.address, inode === null ? 0 : typeFlags(inode.type));
  }

  /** True for the root of a file system. */
  get isRoot(): boolean {
    return this.#parent === this;
  }

  /** The path from the root of its file system. */
  get path(): string {
    if (this.isRoot) return "/";
    const up = this.#parent.path;
    return up === "/" ? `/${this.#name}` : `${up}/${this.#name}`;
  }

  /** Moves it to another place (`d_move`). */
  move(parent: Dentry, name: string): void {
    this.#parent = parent;
    this.#name = name;
    DENTRY.parent.set(this.#k, this.address, parent.address);
    this.#writeName();
  }

  /** Gives the object back to its slab. */
  free(): void {
    if (this.#external !== 0) kfree(this.#k, this.#external);
    freeObject(this.#k, "dentry", this.address);
  }

  #writeName(): void {
    const k = this.#k;
    const bytes = encoder.encode(this.#name);
    let at = DENTRY.iname.at(k, this.address);
    if (this.#external !== 0) kfree(k, this.#external);
    this.#external = 0;
    if (bytes.length >= DENTRY.iname.size(k)) at = this.#external = kzalloc(k, bytes.length + 1);
    else k.memory.fill(at, DENTRY.iname.size(k), 0);
    k.memory.writeBytes(at, bytes);
    k.memory.store(at + bytes.length, 1, 0);
    DENTRY.name.set(k, this.address, at);
    DENTRY.len.set(k, this.address, bytes.length);
  }
}

function typeFlags(type: number): number {
  if (type === S_IFDIR) return 0x00200000;
  if (type === S_IFREG) return 0x00400000;
  return type === S_IFLNK ? 0x00600000 : 0x00500000;
}
