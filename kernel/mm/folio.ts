/**
 * Pages of files in memory: `struct page` (one-page folios) in the array of all pages, and the page cache of each
 * `address_space`.
 *
 * The bytes themselves are kept with the inode: what a cached page would hold is what the file reads as.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import type { BufferHead } from "../fs/buffer_head.ts";
import type { Inode } from "../fs/inode.ts";
import type { Kernel } from "../kernel.ts";
import { PAGE_SIZE } from "../memory/page.ts";
import { field } from "../process/objects.ts";
import type { Task } from "../process/task.ts";
import type { AddressSpaceOperations } from "./address_space.ts";

const PAGE = {
  flags: field("page", "flags"),
  mapping: field("page", "mapping"),
  index: field("page", "index"),
  private: field("page", "private"),
  refcount: field("page", "_refcount.counter"),
  mapcount: field("page", "_mapcount.counter"),
} as const;
const MAPPING = {
  host: field("address_space", "host"),
  nrpages: field("address_space", "nrpages"),
  writebackIndex: field("address_space", "writeback_index"),
} as const;

/** A page of a file; its flags, place and owner are in memory. */
export class Folio {
  /** `struct page`. */
  readonly address: Addr;
  /** The file's pages that it is one of; null when it was taken out. */
  space: AddressSpace | null = null;
  /** Its number in the file. */
  index = 0;
  /** Who waits for one of its bits. */
  readonly waiters: Task[] = [];
  /** Its blocks on the disk; null where it has no buffers. */
  buffers: BufferHead[] | null = null;
  readonly #k: Kernel;

  constructor(k: Kernel, address: Addr) {
    this.#k = k;
    this.address = address;
    PAGE.flags.set(k, address, 0);
    PAGE.mapping.set(k, address, 0);
    PAGE.index.set(k, address, 0);
    PAGE.private.set(k, address, 0);
    PAGE.refcount.set(k, address, 1);
    PAGE.mapcount.set(k, address, -1);
    k.pageCache.folios.set(address, this);
  }

  /** Whether a bit of its flags is set. */
  test(bit: number): boolean {
    return (PAGE.flags.get(this.#k, this.address) & (1 << bit)) !== 0;
  }

  /** Sets a bit. */
  set(bit: number): void {
    const flags = PAGE.flags.get(this.#k, this.address);
    if ((flags & (1 << bit)) === 0) PAGE.flags.set(this.#k, this.address, flags + (1 << bit));
  }

  /** Clears a bit. */
  clear(bit: number): void {
    const flags = PAGE.flags.get(this.#k, this.address);
    if ((flags & (1 << bit)) !== 0) PAGE.flags.set(this.#k, this.address, flags - (1 << bit));
  }

  /** Puts it into a file's pages. */
  join(space: AddressSpace, index: number): void {
    const k = this.#k;
    this.space = space;
    this.index = index;
    PAGE.mapping.set(k, this.address, space.address);
    PAGE.index.set(k, this.address, index);
    PAGE.refcount.add(k, this.address, 1);
  }

  /** Takes it out; `index` stays, as the kernel leaves it. */
  leave(): void {
    this.space = null;
    PAGE.mapping.set(this.#k, this.address, 0);
    PAGE.refcount.add(this.#k, this.address, -1);
  }

  /** `page->private`. */
  set private(value: Addr) {
    PAGE.private.set(this.#k, this.address, value);
  }

  /** Its first byte in the file. */
  get pos(): number {
    return this.index * PAGE_SIZE;
  }
}

/** The cached pages of one file: `struct address_space`. */
export class AddressSpace {
  readonly address: Addr;
  readonly inode: Inode;
  readonly ops: AddressSpaceOperations;
  /** By number. */
  readonly pages: Map<number, Folio> = new Map();
  /** Numbers of dirty pages (`PAGECACHE_TAG_DIRTY`). */
  readonly dirty: Set<number> = new Set();
  /** Numbers of pages on their way to the disk (`PAGECACHE_TAG_WRITEBACK`). */
  readonly writeback: Set<number> = new Set();
  /** An error of writing that nobody was told yet: -errno, or 0 (`wb_err`). */
  error = 0;
  readonly #k: Kernel;

  constructor(k: Kernel, inode: Inode, address: Addr, ops: AddressSpaceOperations) {
    this.#k = k;
    this.inode = inode;
    this.address = address;
    this.ops = ops;
    MAPPING.host.set(k, address, inode.address);
    k.pageCache.spaces.set(address, this);
  }

  /** Puts a page in. */
  add(folio: Folio, index: number): void {
    folio.join(this, index);
    this.pages.set(index, folio);
    MAPPING.nrpages.set(this.#k, this.address, this.pages.size);
    this.#k.pageCache.filePages++;
  }

  /** Takes a page out. */
  remove(folio: Folio): void {
    this.pages.delete(folio.index);
    this.dirty.delete(folio.index);
    this.writeback.delete(folio.index);
    MAPPING.nrpages.set(this.#k, this.address, this.pages.size);
    this.#k.pageCache.filePages--;
    folio.leave();
  }

  /** Where writing goes on the next time around (`writeback_index`). */
  get writebackIndex(): number {
    return MAPPING.writebackIndex.get(this.#k, this.address);
  }

  set writebackIndex(index: number) {
    MAPPING.writebackIndex.set(this.#k, this.address, index);
  }

  /** The first number from `index` up to `end` without a page (`page_cache_next_miss`). */
  nextMiss(index: number, most: number): number {
    for (let i = 0; i < most; i++) if (!this.pages.has(index + i)) return index + i;
    return index + most;
  }

  /** Dirty page numbers from `first` to `last`, ascending. */
  dirtyPages(first: number, last: number): number[] {
    const found: number[] = [];
    for (const index of this.dirty) if (index >= first && index <= last) found.push(index);
    return found.sort((a, b) => a - b);
  }
}
