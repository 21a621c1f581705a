/**
 * The page allocator: `mm/page_alloc.c`.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import { behaviour, fn, type FunctionRef } from "../calls/function.ts";
import type { Kernel } from "../kernel.ts";
import { sizeIfKnown } from "../process/objects.ts";
import { popLocals, pushLocal } from "../process/stack.ts";
import { tracepoint } from "../tracing/reference.ts";
import { GFP_COMP, GFP_DIRECT_RECLAIM, GFP_PGTABLE_USER, GFP_ZERO, migrateType } from "./gfp.ts";
import { frameOf, PAGE_STRUCT, pageStruct, pfnOf } from "./page_struct.ts";
import { zoneOf } from "./zone.ts";

const PAGE_ALLOC = tracepoint("kmem:mm_page_alloc", "pfn", "order", "gfp_flags", "migratetype");
const PAGE_FREE = tracepoint("kmem:mm_page_free", "pfn", "order");
/** `alloc_flags` of an ordinary request: low watermark, wake kswapd, what the architecture adds. */
const ALLOC_FLAGS = { x86_64: 0x901, arm64: 0x981, i386: 0x801 } as const;

/** Tries before an allocation gives up, and the order above which nobody is killed for it. */
const ROUNDS = 16;
const COSTLY = 3;

/** Called where memory is short: `reclaim` frees pages and tells how many, `outOfMemory` kills somebody. */
export interface Shortage {
  wakeKswapd(k: Kernel, order: number, gfp: number): void;
  reclaim(k: Kernel, gfp: number, order: number): number;
  outOfMemory(k: Kernel, gfp: number, order: number): boolean;
  /** Whether the running task was killed for memory: it may use the reserves. */
  dying(k: Kernel): boolean;
}

const shortages = new WeakMap<Kernel, Shortage>();

/** Says who finds memory where it is short. */
export function onShortage(k: Kernel, shortage: Shortage): void {
  shortages.set(k, shortage);
}

/** Takes pages off the free lists: a `struct page`, or 0. */
export const GET_PAGE_FROM_FREELIST: FunctionRef = behaviour(
  "get_page_from_freelist",
  [],
  (k, gfp = 0, order = 0) => {
    if (zoneOf(k).free < 1 << order) return 0;
    const frame = k.slab.frames.alloc(order, gfp);
    const page = pageStruct(k, frame);
    PAGE_STRUCT.refcount.set(k, page, 1);
    PAGE_STRUCT.mapcount.set(k, page, -1);
    PAGE_STRUCT.mapping.set(k, page, 0);
    return page;
  },
);

/** Allocates 2^order pages: a `struct page`, or 0 where there are none. */
export const ALLOC_PAGES_CORE: FunctionRef = behaviour(
  "__alloc_pages",
  [GET_PAGE_FROM_FREELIST, fn("__alloc_pages_slowpath"), fn("try_to_free_pages"), fn("wakeup_kswapd")],
  (k, gfp = 0, order = 0) => {
    const zone = zoneOf(k);
    const mark = k.current.locals;
    const context = pushLocal(k, sizeIfKnown(k, "alloc_context") || 40);
    const flags = ALLOC_FLAGS[k.image.arch];
    const take = (): number => k.call(GET_PAGE_FROM_FREELIST, gfp, order, flags, context);
    const shortage = shortages.get(k);
    const wanted = 1 << order;
    let page = 0;
    if (zone.free - wanted >= zone.low || shortage === undefined) page = take();
    else {
      shortage.wakeKswapd(k, order, gfp);
      if (zone.free - wanted >= zone.min || (gfp & GFP_DIRECT_RECLAIM) === 0) page = take();
      else page = slowly(k, shortage, gfp, order, take);
    }
    zone.publish();
    popLocals(k, mark);
    return page;
  },
);

/** Direct reclaim, and where that finds nothing, an OOM kill; whoever dies for memory may use the last reserves. */
function slowly(k: Kernel, shortage: Shortage, gfp: number, order: number, take: () => number): number {
  const zone = zoneOf(k);
  const wanted = 1 << order;
  for (let round = 0; round < ROUNDS && !shortage.dying(k); round++) {
    const freed = shortage.reclaim(k, gfp, order);
    if (zone.free - wanted >= zone.min) return take();
    if (freed === 0 && (order > COSTLY || !shortage.outOfMemory(k, gfp, order))) break;
    if (zone.free - wanted >= zone.min) return take();
  }
  return zone.free > wanted ? take() : 0;
}

/** `alloc_pages`, by the task's memory policy. */
export const ALLOC_PAGES: FunctionRef = behaviour(
  "alloc_pages",
  [ALLOC_PAGES_CORE],
  (k, gfp = 0, order = 0) => k.call(ALLOC_PAGES_CORE, gfp, order, 0, 0),
);

/** A compound page. */
export const FOLIO_ALLOC: FunctionRef = behaviour(
  "__folio_alloc",
  [ALLOC_PAGES_CORE],
  (k, gfp = 0, order = 0, nid = 0, mask = 0) => k.call(ALLOC_PAGES_CORE, gfp | GFP_COMP, order, nid, mask),
);

/** A page for a place in an area, by the area's memory policy. */
export const VMA_ALLOC_FOLIO: FunctionRef = behaviour(
  "vma_alloc_folio",
  [FOLIO_ALLOC],
  (k, gfp = 0, order = 0) => k.call(FOLIO_ALLOC, gfp, order, 0, 0),
);

/** A zeroed page: its address in the direct map, or 0. */
export const GET_ZEROED_PAGE: FunctionRef = behaviour("get_zeroed_page", [ALLOC_PAGES], (k, gfp = 0) => {
  const page = k.call(ALLOC_PAGES, gfp | GFP_ZERO, 0);
  return page === 0 ? 0 : frameOf(k, page);
});

/** A page for a table of page table entries: its `struct page`, or 0. */
export const PTE_ALLOC_ONE: FunctionRef = behaviour(
  "pte_alloc_one",
  [ALLOC_PAGES],
  (k) => k.call(ALLOC_PAGES, GFP_PGTABLE_USER, 0),
);

/** Gives a page back to the CPU's list of free ones. */
export const FREE_UNREF_PAGE: FunctionRef = behaviour("free_unref_page", [], (k, page = 0, order = 0) => {
  freePages(k, page, order);
  return Number.NaN;
});

/** Gives back what a `struct page` stands for, without any function being called. */
export function freePages(k: Kernel, page: Addr, order = 0): void {
  PAGE_STRUCT.refcount.set(k, page, 0);
  PAGE_STRUCT.mapping.set(k, page, 0);
  k.slab.frames.free(frameOf(k, page), order);
}

/** Tells tracepoints of page frames that come and go, whoever takes them. */
export function tracePages(k: Kernel): void {
  k.slab.frames.observer = {
    taken(frame, order, gfp): void {
      if (k.tracepoints?.enabled(PAGE_ALLOC)) {
        k.tracepoints.fire(PAGE_ALLOC, pfnOf(k, frame), order, gfp, migrateType(gfp));
      }
    },
    given(frame, order): void {
      if (k.tracepoints?.enabled(PAGE_FREE)) k.tracepoints.fire(PAGE_FREE, pfnOf(k, frame), order);
    },
  };
}
