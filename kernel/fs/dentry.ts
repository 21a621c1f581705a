/**
 * Dentries: names in the tree. On tmpfs the dentries of a directory are its contents.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import type { Kernel } from "../kernel.ts";
import { encode } from "../memory/page_data.ts";
import { freeObject, kfree, kzalloc, newObject } from "../process/alloc.ts";
import { DENTRY } from "./fields.ts";
import type { Inode } from "./inode.ts";
import type { Mount } from "./mount.ts";
import { S_IFDIR, S_IFLNK, S_IFREG } from "./modes.ts";

/** `d_flags`: something is mounted on it. */
const DCACHE_MOUNTED = 0x10000;

/**
 * A dentry; name, parent and inode are in memory too. The root's parent is itself.
 *
 * A name on a disk that nobody has looked up yet has a dentry here that is not `hashed`: it lies in no memory until its
 * address is asked for, and the dentry cache does not find it.
 */
export class Dentry {
  readonly #k: Kernel;
  readonly #sb: Addr;
  #address = 0;
  #name: string;
  #parent: Dentry;
  #inode: Inode | null = null;
  #external = 0;
  #hashed: boolean;
  #lazy: boolean;
  #mounted = false;
  /** One of its references belongs to the call that is making it. */
  transient: boolean;
  /** Names in this directory that were looked up and are known not to exist. */
  negative: Map<string, Dentry> | null = null;
  /** What is mounted here, the newest last. */
  readonly mounts: Mount[] = [];

  constructor(
    k: Kernel,
    name: string,
    parent: Dentry | null,
    sb: Addr,
    state: "cached" | "new" | "uncached" = "cached",
  ) {
    this.#k = k;
    this.#sb = sb;
    this.#name = name;
    this.#parent = parent ?? this;
    this.#hashed = state === "cached";
    this.#lazy = state === "uncached";
    this.transient = state === "new";
    if (!this.#lazy) this.#materialize();
  }

  /** Address of the `struct dentry`. */
  get address(): Addr {
    if (this.#address === 0) {
      this.#materialize();
      this.#k.vfs.dentries.set(this.#address, this);
    }
    return this.#address;
  }

  /** Address of the super block of its file system. */
  get sb(): Addr {
    return this.#sb;
  }

  /** Whether the dentry cache finds it. */
  get hashed(): boolean {
    return this.#hashed;
  }

  set hashed(hashed: boolean) {
    this.#hashed = hashed;
    if (!hashed || !this.#lazy) return;
    this.#lazy = false;
    if (this.#address !== 0) this.#writeInode();
  }

  /** `d_lockref.count`: files, mounts, processes and children that hold it, and 1 where its file system pins it. */
  get count(): number {
    return this.#address === 0 ? 0 : DENTRY.count.get(this.#k, this.#address);
  }

  /** Takes a reference. */
  hold(): void {
    DENTRY.count.add(this.#k, this.address, 1);
  }

  /** Drops one; gives how many are left. */
  put(): number {
    return DENTRY.count.add(this.#k, this.address, -1);
  }

  /** Whether something is mounted on it (`DCACHE_MOUNTED`). */
  get mounted(): boolean {
    return this.#mounted;
  }

  set mounted(mounted: boolean) {
    this.#mounted = mounted;
    const flags = DENTRY.flags.get(this.#k, this.address);
    DENTRY.flags.set(this.#k, this.address, mounted ? flags | DCACHE_MOUNTED : flags & ~DCACHE_MOUNTED);
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
    if (this.#address !== 0 && !this.#lazy) this.#writeInode();
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
    if (parent !== this.#parent && this.#address !== 0) {
      parent.hold();
      this.#parent.put();
    }
    this.#parent = parent;
    this.#name = name;
    if (this.#address === 0) return;
    DENTRY.parent.set(this.#k, this.address, parent.address);
    this.#writeName();
  }

  /** Gives the object back to its slab. */
  free(): void {
    if (this.#address === 0) return;
    if (this.#external !== 0) kfree(this.#k, this.#external);
    freeObject(this.#k, "dentry", this.#address);
  }

  #materialize(): void {
    const k = this.#k;
    this.#address = newObject(k, "dentry", "dentry");
    DENTRY.parent.set(k, this.#address, this.#parent.address);
    DENTRY.count.set(k, this.#address, this.#lazy ? 0 : 1);
    if (this.#parent !== this) this.#parent.hold();
    DENTRY.sb.set(k, this.#address, this.#sb);
    this.#writeName();
    if (!this.#lazy && this.#inode !== null) this.#writeInode();
  }

  #writeInode(): void {
    const inode = this.#inode;
    DENTRY.inode.set(this.#k, this.#address, inode?.address ?? 0);
    const type = inode === null ? 0 : typeFlags(inode.type);
    DENTRY.flags.set(this.#k, this.#address, this.#mounted ? type | DCACHE_MOUNTED : type);
  }

  #writeName(): void {
    const k = this.#k;
    const bytes = encode(this.#name);
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
