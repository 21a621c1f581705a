/**
 * `struct buffer_head`: one block of a disk in memory.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import type { Disk } from "../block/gendisk.ts";
import type { Kernel } from "../kernel.ts";
import type { Folio } from "../mm/folio.ts";
import { freeObject, newObject } from "../process/alloc.ts";
import { field } from "../process/objects.ts";

const BH = {
  state: field("buffer_head", "b_state"),
  thisPage: field("buffer_head", "b_this_page"),
  page: field("buffer_head", "b_page"),
  blocknr: field("buffer_head", "b_blocknr"),
  size: field("buffer_head", "b_size"),
  bdev: field("buffer_head", "b_bdev"),
  count: field("buffer_head", "b_count.counter"),
} as const;

/** `BH_Uptodate`. */
export const BH_UPTODATE = 0;
/** `BH_Dirty`. */
export const BH_DIRTY = 1;
/** `BH_Lock`. */
export const BH_LOCK = 2;
/** `BH_Mapped`: it has a place on the disk. */
export const BH_MAPPED = 4;
/** `BH_New`. */
export const BH_NEW = 5;
/** `BH_Delay`: its place will be chosen when it is written. */
export const BH_DELAY = 8;
/** Number of a block that has no place yet, as ext4 marks it. */
export const DELAYED_BLOCK = -65536;

/** A block; state and place are in memory. */
export class BufferHead {
  readonly address: Addr;
  readonly disk: Disk;
  readonly size: number;
  /** The page that it is a part of; null for a block that stands for itself. */
  readonly folio: Folio | null;
  readonly #k: Kernel;

  constructor(k: Kernel, disk: Disk, block: number, size: number, folio: Folio | null) {
    this.#k = k;
    this.disk = disk;
    this.size = size;
    this.folio = folio;
    this.address = newObject(k, "buffer_head", "buffer_head");
    BH.page.set(k, this.address, folio?.address ?? 0);
    BH.blocknr.set(k, this.address, block);
    BH.size.set(k, this.address, size);
    BH.bdev.set(k, this.address, disk.bdev);
    BH.count.set(k, this.address, 0);
    k.pageCache.buffers.set(this.address, this);
  }

  /** Its number on the disk, counted in blocks of its size. */
  get block(): number {
    return BH.blocknr.get(this.#k, this.address);
  }

  set block(block: number) {
    BH.blocknr.set(this.#k, this.address, block);
  }

  /** First sector. */
  get sector(): number {
    return this.block * (this.size / 512);
  }

  /** Whether a bit of its state is set. */
  test(bit: number): boolean {
    return (BH.state.get(this.#k, this.address) & (1 << bit)) !== 0;
  }

  /** Sets a bit of its state. */
  set(bit: number): void {
    BH.state.set(this.#k, this.address, BH.state.get(this.#k, this.address) | (1 << bit));
  }

  /** Clears a bit of its state. */
  clear(bit: number): void {
    BH.state.set(this.#k, this.address, BH.state.get(this.#k, this.address) & ~(1 << bit));
  }

  /** It has no place any more. */
  unmap(): void {
    this.clear(BH_MAPPED);
    this.block = 0;
  }

  /** The next block of the page, in a ring. */
  set next(next: BufferHead) {
    BH.thisPage.set(this.#k, this.address, next.address);
  }

  /** Gives it back. */
  free(): void {
    this.#k.pageCache.buffers.delete(this.address);
    freeObject(this.#k, "buffer_head", this.address);
  }
}
