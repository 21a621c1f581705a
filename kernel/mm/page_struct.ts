/**
 * `struct page`: one for every page frame, in the page array.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import type { Kernel } from "../kernel.ts";
import { field, sizeOfStruct } from "../process/objects.ts";

/** Fields of `struct page`. */
export const PAGE_STRUCT = {
  flags: field("page", "flags"),
  refcount: field("page", "_refcount.counter"),
  mapcount: field("page", "_mapcount.counter"),
  mapping: field("page", "mapping"),
  index: field("page", "index"),
} as const;

/** Bits of `page->flags`, as 6.1 numbers them. */
export const PG_UPTODATE = 1 << 2;
/** On an LRU list. */
export const PG_LRU = 1 << 4;
/** In the swap cache, with `PG_SWAPBACKED`. */
export const PG_SWAPBACKED = 1 << 19;
/** Low bit of `page->mapping`: it is an `anon_vma`. */
export const PAGE_MAPPING_ANON = 1;

const SHIFT = 4096;

/** Number of the page frame at an address of the direct map. */
export function pfnOf(k: Kernel, frame: Addr): number {
  const { layout } = k.arch;
  return (frame - layout.directMap + layout.physicalBase) / SHIFT;
}

/** The `struct page` of the frame at an address of the direct map. */
export function pageStruct(k: Kernel, frame: Addr): Addr {
  const { layout } = k.arch;
  return layout.vmemmap + Math.floor((frame - layout.directMap) / SHIFT) * sizeOfStruct(k, "page");
}

/** The frame that a `struct page` stands for, as an address of the direct map. */
export function frameOf(k: Kernel, page: Addr): Addr {
  const { layout } = k.arch;
  return layout.directMap + Math.floor((page - layout.vmemmap) / sizeOfStruct(k, "page")) * SHIFT;
}

const cachePages = new WeakMap<Kernel, number>();

/**
 * A `struct page` for a page that the page cache had before the model's machine started: its frame is none of those that
 * the model hands out.
 */
export function cachePageStruct(k: Kernel): Addr {
  const nth = (cachePages.get(k) ?? 0) + 1;
  cachePages.set(k, nth);
  const { layout } = k.arch;
  return pageStruct(k, layout.directMap + layout.directMapSize - nth * SHIFT);
}
