/**
 * Slab allocation: kernel objects in named caches, packed and aligned as the kernel packs them.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import type { ArchModel } from "../arch/model.ts";
import { AddressTable } from "./address_table.ts";
import { PageFrames, Vmalloc } from "./frames.ts";
import type { Memory } from "./memory.ts";
import { PAGE_SIZE } from "./page.ts";

/** Caches created with `SLAB_HWCACHE_ALIGN`: their objects start on cache lines. */
const LINE_ALIGNED: ReadonlySet<string> = new Set([
  "task_struct",
  "mm_struct",
  "filp",
  "names_cache",
  "cred_jar",
  "files_cache",
  "fs_cache",
  "signal_cache",
  "sighand_cache",
  "pid",
  "skbuff_head_cache",
  "skbuff_fclone_cache",
  "sock_inode_cache",
  "TCP",
  "UDP",
  "UNIX",
  "tw_sock_TCP",
  "request_sock_TCP",
  "bio-0",
]);

/** Sizes of the general caches, `kmalloc-8` to `kmalloc-8k`. */
const KMALLOC = [8, 16, 32, 64, 96, 128, 192, 256, 512, 1024, 2048, 4096, 8192] as const;
const LINE = 64;
const MAX_ORDER = 3;
const MIN_OBJECTS = 8;
/** How slabs ask for pages: `GFP_KERNEL`, without warnings or retries, as one compound page. */
const SLAB_GFP = 0xd2cc0;

/** Told of objects that come and go. */
export interface SlabObserver {
  /** `request`: bytes that were asked for; `general`: by `kmalloc`. */
  allocated(cache: KmemCache, address: Addr, request: number, general: boolean): void;
  freed(cache: KmemCache, address: Addr, general: boolean): void;
}

/** What `/proc/slabinfo` would tell about a cache. */
export interface KmemCache {
  readonly name: string;
  /** Bytes of an object as the caller sees it. */
  readonly objectSize: number;
  /** Distance from one object to the next. */
  readonly size: number;
  /** Pages of a slab: 2^order. */
  readonly order: number;
  readonly objectsPerSlab: number;
  /** Objects in use. */
  readonly active: number;
  /** Objects that all slabs together hold. */
  readonly total: number;
}

interface Cache extends KmemCache {
  active: number;
  total: number;
  /** Free objects; the last one is handed out next. */
  readonly free: Addr[];
}

/**
 * Caches by their kernel names (`filp`, `dentry`, `kmalloc-64`). Objects come zeroed, at addresses of the direct map; the
 * last freed object of a cache is the next one handed out.
 */
export class Slab {
  /** Page frames of the direct map. */
  readonly frames: PageFrames;
  /** Areas of vmalloc space. */
  readonly vmalloc: Vmalloc;
  /** Who is told of objects; null while nobody wants to know. */
  observer: SlabObserver | null = null;
  readonly #memory: Memory;
  readonly #arch: ArchModel;
  readonly #caches = new Map<string, Cache>();
  readonly #live = new AddressTable<Cache>();
  /** What `kmalloc` was asked for, while it works. */
  #request = 0;

  constructor(memory: Memory, arch: ArchModel) {
    this.#memory = memory;
    this.#arch = arch;
    this.frames = new PageFrames(arch, memory);
    this.vmalloc = new Vmalloc(arch, memory);
  }

  /** Makes a cache, or gives the one of that name. Its object size must agree. */
  create(name: string, objectSize: number, align = 0): KmemCache {
    return this.#create(name, objectSize, align);
  }

  /** A zeroed object. `size` is needed the first time a cache other than `kmalloc-*` is used. */
  alloc(name: string, size?: number): Addr {
    let cache = this.#caches.get(name);
    if (cache === undefined || (size !== undefined && size !== cache.objectSize)) {
      const known = size ?? KMALLOC.find((bytes) => kmallocName(bytes) === name);
      if (known === undefined) {
        throw new Error(
          `Cannot allocate from cache "${name}": its first allocation must tell the object size`,
        );
      }
      cache = this.#create(name, known, 0);
    }
    if (cache.free.length === 0) this.#grow(cache);
    const address = cache.free.pop() as Addr;
    cache.active++;
    this.#live.set(address, cache);
    this.#memory.fill(address, cache.objectSize, 0);
    if (this.observer !== null) {
      this.observer.allocated(cache, address, this.#request || cache.objectSize, this.#request !== 0);
    }
    return address;
  }

  /** Frees an object of a cache. Throws where it is no live object of that cache. */
  free(name: string, address: Addr): void {
    const cache = this.#live.get(address);
    if (cache === undefined || cache.name !== name) {
      throw new Error(
        `Cannot free ${this.#hex(address)} to cache "${name}": ${
          cache === undefined ? "no live object begins there" : `it belongs to "${cache.name}"`
        }`,
      );
    }
    this.#release(cache, address, false);
  }

  /** Frees an object of whatever cache it is from, as `kfree` does. Nothing happens for NULL. */
  kfree(address: Addr): void {
    if (address === 0) return;
    const cache = this.#live.get(address);
    if (cache === undefined) {
      throw new Error(`Cannot kfree ${this.#hex(address)}: no live object begins there`);
    }
    this.#release(cache, address, true);
  }

  /** `kmalloc`: a zeroed object of the smallest general cache that fits; whole pages above 8 KiB. */
  kmalloc(size: number): Addr {
    const bytes = KMALLOC.find((b) => b >= size);
    this.#request = size;
    try {
      return this.#general(size, bytes);
    } finally {
      this.#request = 0;
    }
  }

  #general(size: number, bytes: number | undefined): Addr {
    if (bytes === undefined) {
      return this.alloc(`pages-${Math.ceil(size / PAGE_SIZE)}`, Math.ceil(size / PAGE_SIZE) * PAGE_SIZE);
    }
    return this.alloc(kmallocName(bytes), bytes);
  }

  /** Name of the cache whose live object begins at an address. */
  cacheOf(address: Addr): string | undefined {
    return this.#live.get(address)?.name;
  }

  /** One cache. */
  cache(name: string): KmemCache | undefined {
    return this.#caches.get(name);
  }

  /** All caches used so far, by name. */
  caches(): readonly KmemCache[] {
    return [...this.#caches.values()].sort((a, b) => a.name < b.name ? -1 : 1);
  }

  #release(cache: Cache, address: Addr, general: boolean): void {
    this.observer?.freed(cache, address, general);
    this.#live.delete(address);
    cache.active--;
    cache.free.push(address);
  }

  #create(name: string, objectSize: number, align: number): Cache {
    const found = this.#caches.get(name);
    if (found !== undefined) {
      if (found.objectSize === objectSize) return found;
      throw new Error(
        `Cannot use cache "${name}" for objects of ${objectSize} bytes: its objects have ${found.objectSize}`,
      );
    }
    if (!(objectSize > 0)) {
      throw new RangeError(`Cannot make cache "${name}": an object of ${objectSize} bytes is none`);
    }
    const size = roundUp(objectSize, this.#align(name, objectSize, align));
    let order = 0;
    while (PAGE_SIZE * 2 ** order < size) order++;
    while (order < MAX_ORDER && Math.floor(PAGE_SIZE * 2 ** order / size) < MIN_OBJECTS) order++;
    const cache: Cache = {
      name,
      objectSize,
      size,
      order,
      objectsPerSlab: Math.floor(PAGE_SIZE * 2 ** order / size),
      active: 0,
      total: 0,
      free: [],
    };
    this.#caches.set(name, cache);
    return cache;
  }

  #align(name: string, size: number, align: number): number {
    if (name.startsWith("kmalloc-")) {
      // General caches are aligned to their size where that is a power of two, else to its largest factor of two.
      return size & -size;
    }
    let line = LINE_ALIGNED.has(name) ? LINE : this.#arch.wordSize;
    while (line > this.#arch.wordSize && size <= line / 2) line /= 2;
    return Math.max(align, line);
  }

  #grow(cache: Cache): void {
    const start = this.frames.alloc(cache.order, SLAB_GFP);
    for (let i = cache.objectsPerSlab - 1; i >= 0; i--) cache.free.push(start + i * cache.size);
    cache.total += cache.objectsPerSlab;
  }

  #hex(address: Addr): string {
    return Number.isInteger(address)
      ? `0x${BigInt.asUintN(this.#arch.wordSize * 8, BigInt(address)).toString(16)}`
      : String(address);
  }
}

/** Name of the general cache of a size: `kmalloc-64`, `kmalloc-1k`. */
export function kmallocName(bytes: number): string {
  return bytes >= 1024 ? `kmalloc-${bytes / 1024}k` : `kmalloc-${bytes}`;
}

function roundUp(value: number, to: number): number {
  return Math.ceil(value / to) * to;
}
