/**
 * The page cache of one kernel: every cached page and every file's pages by their addresses, and the counts that
 * `/proc/meminfo` and the writeback limits go by.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import type { BackingDevice } from "../fs/backing_dev.ts";
import type { Disk } from "../block/gendisk.ts";
import type { BufferHead } from "../fs/buffer_head.ts";
import { INODE } from "../fs/fields.ts";
import type { Inode } from "../fs/inode.ts";
import type { Kernel } from "../kernel.ts";
import { AddressTable } from "../memory/address_table.ts";
import type { AddressSpaceOperations } from "./address_space.ts";
import { AddressSpace, Folio } from "./folio.ts";
import { FOLIO_ALLOC, freePages } from "./page_alloc.ts";

/** Pages of memory that may be dirty altogether: 40 % of 2 GiB. The background writer begins at a quarter of that. */
const DIRTYABLE = 2 ** 19;

const GFP_KERNEL = 0xcc0;

/** Blocks of one disk's metadata. */
export interface DiskMetadata {
  /** By number. */
  readonly blocks: Map<number, BufferHead>;
  /** Numbers of dirty ones. */
  readonly dirty: Set<number>;
  /** A page that stands for theirs. */
  readonly page: Addr;
  /** An error of writing that nobody was told yet. */
  error: number;
}

/** Pages of files. */
export class PageCache {
  /** By `struct page`. */
  readonly folios: AddressTable<Folio> = new AddressTable();
  /** By `struct address_space`. */
  readonly spaces: AddressTable<AddressSpace> = new AddressTable();
  /** By `struct buffer_head`. */
  readonly buffers: AddressTable<BufferHead> = new AddressTable();
  /** Disks that pages are written to. */
  readonly backing: BackingDevice[] = [];
  /** `NR_FILE_PAGES`. */
  filePages = 0;
  /** `NR_FILE_DIRTY`. */
  dirty = 0;
  /** `NR_WRITEBACK`. */
  writeback = 0;
  /** Pages ever dirtied (`NR_DIRTIED`). */
  dirtied = 0;
  /** Pages ever written (`NR_WRITTEN`). */
  written = 0;
  /** Percent of memory that may be dirty before writers wait (`vm.dirty_ratio`). */
  dirtyRatio = 20;
  /** Percent at which writing in the background begins (`vm.dirty_background_ratio`). */
  dirtyBackgroundRatio = 10;
  /** Pages that the ratios are of. */
  dirtyable: number = DIRTYABLE;
  readonly #k: Kernel;
  readonly #metadata = new Map<Disk, DiskMetadata>();

  constructor(k: Kernel) {
    this.#k = k;
  }

  /** The blocks of a disk's metadata in memory. */
  metadata(disk: Disk): DiskMetadata {
    let found = this.#metadata.get(disk);
    if (found === undefined) {
      const page = this.#k.call(FOLIO_ALLOC, GFP_KERNEL, 0);
      this.#metadata.set(disk, found = { blocks: new Map(), dirty: new Set(), page, error: 0 });
    }
    return found;
  }

  /** Pages that may be dirty before writers wait. */
  get dirtyLimit(): number {
    return Math.floor(this.dirtyable * this.dirtyRatio / 100);
  }

  /** Dirty pages at which writing in the background begins. */
  get backgroundLimit(): number {
    return Math.floor(this.dirtyable * this.dirtyBackgroundRatio / 100);
  }

  /** A page that belongs to no file yet. */
  allocate(page: Addr): Folio {
    return new Folio(this.#k, page);
  }

  /** Gives a page back that was taken out of its file. */
  free(folio: Folio): void {
    this.folios.delete(folio.address);
    freePages(this.#k, folio.address);
  }

  /** The pages of a file, made at first use. */
  of(inode: Inode, ops: AddressSpaceOperations): AddressSpace {
    const address = INODE.mapping.get(this.#k, inode.address);
    return this.spaces.get(address) ?? new AddressSpace(this.#k, inode, address, ops);
  }

  /** The pages of a file, if any were ever cached. */
  known(inode: Inode): AddressSpace | undefined {
    return this.spaces.get(INODE.mapping.get(this.#k, inode.address));
  }
}
