/**
 * `struct bio`: pages to be read from or written to one place of a disk.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import { behaviour, fn, type FunctionRef } from "../calls/function.ts";
import type { Kernel } from "../kernel.ts";
import { freeObject } from "../process/alloc.ts";
import { sizeOfStruct, symbolAddress } from "../process/objects.ts";
import { BIO, BIO_VEC } from "./fields.ts";
import type { Disk } from "./gendisk.ts";
import { SECTOR_SIZE } from "./options.ts";

/** Vectors that lie in the bio itself. */
const INLINE_VECS = 4;
/** Vectors of the caches that larger lists come from, and the caches' names. */
const LISTS = [[16, "biovec-16"], [64, "biovec-64"], [128, "biovec-128"], [256, "biovec-max"]] as const;
const BIO_FLAGS = { traceCompletion: 1 << 7 } as const;

/** A part of a page. */
export interface BioVec {
  /** `struct page`. */
  readonly page: Addr;
  readonly offset: number;
  length: number;
}

/** A bio; sector, size, flags and vectors are in memory too. */
export class Bio {
  readonly address: Addr;
  readonly disk: Disk;
  /** Operation and flags (`bi_opf`). */
  opf: number;
  /** First sector. */
  readonly sector: number;
  /** Bytes so far. */
  size = 0;
  readonly vecs: BioVec[] = [];
  /** What runs when it is done, with the bio as argument; `bi_status` tells how it went. */
  endIo: FunctionRef | null = null;
  /** What its owner keeps with it. */
  owner: unknown = null;
  /** 0, or -errno, once it is done. */
  error = 0;
  done = false;
  readonly maxVecs: number;
  readonly #k: Kernel;
  readonly #cache: string;
  /** The cache and the address of its list where that is not in it. */
  readonly #list: { readonly cache: string; readonly address: Addr } | null;

  constructor(k: Kernel, disk: Disk, sector: number, opf: number, maxVecs: number) {
    this.#k = k;
    this.disk = disk;
    this.sector = sector;
    this.opf = opf;
    this.maxVecs = maxVecs;
    const own = sizeOfStruct(k, "bio");
    const vec = sizeOfStruct(k, "bio_vec");
    const size = own + INLINE_VECS * vec;
    this.#cache = `bio-${size}`;
    this.address = k.slab.alloc(this.#cache, size);
    this.#list = maxVecs > INLINE_VECS ? newList(k, maxVecs, vec) : null;
    const at = this.address;
    BIO.bdev.set(k, at, disk.bdev);
    BIO.opf.set(k, at, opf);
    BIO.sector.set(k, at, sector);
    BIO.cnt.set(k, at, 1);
    BIO.maxVecs.set(k, at, Math.max(maxVecs, maxVecs === 0 ? 0 : INLINE_VECS));
    BIO.ioVec.set(k, at, this.#list?.address ?? at + own);
    k.block.bios.set(at, this);
  }

  /** Sectors. */
  get sectors(): number {
    return this.size / SECTOR_SIZE;
  }

  /** The sector after its last. */
  get end(): number {
    return this.sector + this.sectors;
  }

  /** Adds a part of a page; one that goes on where the last ended grows it. False: it is full. */
  add(page: Addr, length: number, offset: number): boolean {
    const k = this.#k;
    const ioVec = BIO.ioVec.get(k, this.address);
    const last = this.vecs[this.vecs.length - 1];
    const vec = sizeOfStruct(k, "bio_vec");
    if (last !== undefined && last.page === page && last.offset + last.length === offset) {
      last.length += length;
      BIO_VEC.len.set(k, ioVec + (this.vecs.length - 1) * vec, last.length);
    } else {
      if (this.vecs.length >= this.maxVecs) return false;
      const at = ioVec + this.vecs.length * vec;
      BIO_VEC.page.set(k, at, page);
      BIO_VEC.len.set(k, at, length);
      BIO_VEC.offset.set(k, at, offset);
      this.vecs.push({ page, offset, length });
      BIO.vcnt.set(k, this.address, this.vecs.length);
    }
    this.size += length;
    BIO.size.set(k, this.address, this.size);
    return true;
  }

  /** Its bytes, where its parts were set at once. */
  setSize(bytes: number): void {
    this.size = bytes;
    BIO.size.set(this.#k, this.address, bytes);
    BIO.vcnt.set(this.#k, this.address, this.vecs.length);
  }

  /** Says what runs when it is done, and what `bi_private` points to. */
  onEnd(endIo: FunctionRef, owner: unknown, pointer: Addr = 0): void {
    this.endIo = endIo;
    this.owner = owner;
    BIO.endIo.set(this.#k, this.address, symbolAddress(this.#k, endIo.name));
    BIO.private.set(this.#k, this.address, pointer);
  }

  /** Changes operation and flags. */
  setOpf(opf: number): void {
    this.opf = opf;
    BIO.opf.set(this.#k, this.address, opf);
  }

  /** From now on its end is to be traced; false if it was so already. */
  traceCompletion(): boolean {
    const flags = BIO.flags.get(this.#k, this.address);
    if ((flags & BIO_FLAGS.traceCompletion) !== 0) return false;
    BIO.flags.set(this.#k, this.address, flags | BIO_FLAGS.traceCompletion);
    return true;
  }

  /** Whether its end is still to be traced; clears that. */
  takeTrace(): boolean {
    const flags = BIO.flags.get(this.#k, this.address);
    BIO.flags.set(this.#k, this.address, flags & ~BIO_FLAGS.traceCompletion);
    return (flags & BIO_FLAGS.traceCompletion) !== 0;
  }

  /** Gives it back (`bio_put` of the last reference). */
  free(): void {
    const k = this.#k;
    k.block.bios.delete(this.address);
    if (this.#list !== null) freeObject(k, this.#list.cache, this.#list.address);
    freeObject(k, this.#cache, this.address);
  }
}

/** `bvec_alloc`: a list for so many vectors, of so many bytes each. */
function newList(k: Kernel, vecs: number, bytes: number): { readonly cache: string; readonly address: Addr } {
  const [most, cache] = LISTS.find(([count]) => vecs <= count) ?? LISTS[3];
  return { cache, address: k.slab.alloc(cache, most * bytes) };
}

/** What the next `bio_alloc_bioset` is for: the real one learns it from its arguments, which a bio's sector is not. */
const places = new WeakMap<Kernel, { disk: Disk; sector: number }>();

/** Makes a bio for `maxVecs` parts of pages, at most 256. */
export const BIO_ALLOC_BIOSET: FunctionRef = behaviour(
  "bio_alloc_bioset",
  [],
  (k, _bdev, maxVecs = 1, opf = 0) => {
    const place = places.get(k);
    if (place === undefined) return 0;
    return new Bio(k, place.disk, place.sector, opf, maxVecs).address;
  },
);
/** Adds a page to a bio: the length, or 0 if it is full. */
export const BIO_ADD_PAGE: FunctionRef = behaviour(
  "bio_add_page",
  [],
  (k, bio = 0, page = 0, length = 0, offset = 0) =>
    k.block.bios.get(bio)?.add(page, length, offset) ? length : 0,
);
/** Drops a reference; the last one frees it. */
export const BIO_PUT: FunctionRef = behaviour("bio_put", [], (k, bio = 0) => {
  k.block.bios.get(bio)?.free();
  return Number.NaN;
});

/** A new bio for a place of a disk. */
export function allocBio(k: Kernel, disk: Disk, sector: number, opf: number, maxVecs: number): Bio {
  places.set(k, { disk, sector });
  const address = k.call(BIO_ALLOC_BIOSET, disk.bdev, maxVecs, opf, GFP_NOIO, symbolAddress(k, "fs_bio_set"));
  return k.block.bios.get(address) ?? new Bio(k, disk, sector, opf, maxVecs);
}

/** `GFP_NOIO`. */
const GFP_NOIO = 0xc00;

/** Tells the owner of a bio that it is done. */
export const BIO_ENDIO: FunctionRef = behaviour(
  "bio_endio",
  [fn("mpage_end_io"), fn("ext4_end_bio"), fn("end_bio_bh_io_sync"), fn("submit_bio_wait_endio")],
  (k, address = 0) => {
    const bio = k.block.bios.get(address);
    if (bio === undefined || bio.done) return Number.NaN;
    bio.done = true;
    if (bio.takeTrace()) k.block.traceBioComplete(bio);
    if (bio.endIo !== null) k.call(bio.endIo, address);
    return Number.NaN;
  },
);
