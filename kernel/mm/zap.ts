/**
 * Taking pages out of page tables, and giving them back in batches: `zap_pte_range`, `mmu_gather`.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import { behaviour, fn, type FunctionRef } from "../calls/function.ts";
import type { Kernel } from "../kernel.ts";
import type { UserPage } from "../memory/user_page.ts";
import { sizeIfKnown } from "../process/objects.ts";
import { popLocals, pushLocal } from "../process/stack.ts";
import { VMA } from "./fields.ts";
import { FREE_PGTABLES_CALLS, freePgtables } from "./free_pgtables.ts";
import { closeGather, type Gathered, gatherOf, openGather } from "./gather.ts";
import { normalPage, VM_NORMAL_PAGE } from "./normal_page.ts";
import { mmAt } from "./mm_struct.ts";
import { freePages } from "./page_alloc.ts";
import { pageStruct } from "./page_struct.ts";
import { addMmCounter, counterOf, MM_SWAPENTS, syncRss } from "./rss.ts";
import { freeSlot } from "./swap_space.ts";
import { swappedPages, takeOffSwap } from "./swap_table.ts";
import { sourceOf } from "./user_pages.ts";

const PAGE = 4096;
/** Most pages that are given back at once. */
const BATCH = 512;
const MARK_PAGE_ACCESSED = fn("mark_page_accessed");
const LOCK_MEMCG = fn("lock_page_memcg");
const UNLOCK_MEMCG = fn("unlock_page_memcg");
const PAGE_HUGE = fn("PageHuge");
const LRUVEC_STATE = fn("__mod_lruvec_page_state");
const NR_ANON_MAPPED = 0x11;
const NR_FILE_MAPPED = 0x12;
const TLB_REMOVE_PAGE = fn("__tlb_remove_page_size");
const FREE_SWAP_CACHE = fn("free_swap_cache");
const PREPARE = fn("free_pcp_prepare");
const COMMIT = fn("free_unref_page_commit");
const UNCHARGE_FOLIO = fn("uncharge_folio");
const LOCK_LRUVEC = fn("folio_lruvec_lock_irqsave");
const LRU_STATE = fn("__mod_lruvec_state");
const ZONE_STATE = fn("__mod_zone_page_state");
const LRU_SIZE = fn("mem_cgroup_update_lru_size");
/** Lists of pages that are counted by node, and where those of zones begin. */
const NR_INACTIVE_ANON = 0;
const NR_INACTIVE_FILE = 2;
const NR_ZONE_LRU_BASE = 1;
/** Pages that are taken off their list under one hold of its lock. */
const LOCK_BATCH = 32;

/** The page that is being taken out. */
const removing = new WeakMap<Kernel, UserPage>();

/** A mapping of a page goes: the last one changes what is counted as mapped. */
export const PAGE_REMOVE_RMAP: FunctionRef = behaviour(
  "page_remove_rmap",
  [LOCK_MEMCG, PAGE_HUGE, LRUVEC_STATE, UNLOCK_MEMCG],
  (k, page = 0) => {
    const removed = removing.get(k);
    const anon = removed?.kind === "anon";
    k.call(LOCK_MEMCG, page);
    if (!anon) k.call(PAGE_HUGE, page);
    if (removed?.mapcount === 0) k.call(LRUVEC_STATE, page, anon ? NR_ANON_MAPPED : NR_FILE_MAPPED, -1);
    k.call(UNLOCK_MEMCG, page);
    return Number.NaN;
  },
);

/** Takes the pages of `[start, end)` of an area out of the page table. */
export const UNMAP_PAGE_RANGE: FunctionRef = behaviour(
  "unmap_page_range",
  [VM_NORMAL_PAGE, MARK_PAGE_ACCESSED, PAGE_REMOVE_RMAP, TLB_REMOVE_PAGE],
  (k, tlb = 0, vma = 0, start = 0, end = 0) => {
    const mm = mmAt(k, VMA.mm.get(k, vma));
    if (mm === undefined || mm.space === null) return Number.NaN;
    const { pages } = gatherOf(k, tlb);
    const counts = [0, 0, 0, 0];
    for (const { key, page } of mm.space.take(start, end - start)) {
      const struct = page.frame === 0 ? page.struct || Number.NaN : pageStruct(k, page.frame);
      normalPage(k, vma, key * PAGE, page.kind === "zero" ? 0 : struct);
      if (page.kind === "zero") continue;
      const file = page.kind !== "anon";
      if (file) k.call(MARK_PAGE_ACCESSED, struct);
      removing.set(k, page);
      k.call(PAGE_REMOVE_RMAP, struct, vma, 0);
      k.call(TLB_REMOVE_PAGE, tlb, struct, PAGE);
      const counter = counterOf(page.kind);
      counts[counter] = (counts[counter] ?? 0) + 1;
      pages.push({ page, struct });
    }
    const swapped = swappedPages(k, mm.address);
    for (const key of swapped.size === 0 ? [] : [...swapped.keys()]) {
      if (key * PAGE < start || key * PAGE >= end) continue;
      const entry = takeOffSwap(k, mm.address, key);
      if (entry !== undefined) freeSlot(k, entry.slot);
      counts[MM_SWAPENTS] = (counts[MM_SWAPENTS] ?? 0) + 1;
    }
    if (counts.some((count) => count > 0)) {
      // `sync_mm_rss` is inlined where it is the running task's memory.
      if (k.current.mm === mm.address) syncRss(k, k.current.address, mm.address);
      counts.forEach((count, member) => addMmCounter(k, mm.address, member, -count));
    }
    return Number.NaN;
  },
);

/** The part of one area that lies in `[start, end)`. */
export const UNMAP_SINGLE_VMA: FunctionRef = behaviour(
  "unmap_single_vma",
  [UNMAP_PAGE_RANGE],
  (k, tlb = 0, vma = 0, from = 0, to = 0, details = 0) => {
    const start = Math.max(VMA.start.get(k, vma), from);
    // -1 is the highest address.
    const end = to === -1 ? VMA.end.get(k, vma) : Math.min(VMA.end.get(k, vma), to);
    if (start < end) k.call(UNMAP_PAGE_RANGE, tlb, vma, start, end, details);
    return Number.NaN;
  },
);

/** Areas to unmap that are in no tree any more (`munmap` took them out). */
const detached = new WeakMap<Kernel, readonly Addr[]>();

/** Takes unmapped areas out of what lists them, and frees tables that only they needed. */
export const FREE_PGTABLES: FunctionRef = behaviour(
  "free_pgtables",
  FREE_PGTABLES_CALLS,
  (k, tlb = 0, _mt, vma = 0, floor = 0, ceiling = 0) => {
    freePgtables(k, tlb, detached.get(k) ?? [vma], floor, ceiling);
    return Number.NaN;
  },
);

/** All that areas have in `[start, end)`. Which areas, `withDetached` says; else those of the address space. */
export const UNMAP_VMAS: FunctionRef = behaviour(
  "unmap_vmas",
  [UNMAP_SINGLE_VMA],
  (k, tlb = 0, _mt, vma = 0, start = 0, end = 0) => {
    const mark = k.current.locals;
    const details = pushLocal(k, sizeIfKnown(k, "zap_details") || 32);
    for (const area of detached.get(k) ?? [vma]) k.call(UNMAP_SINGLE_VMA, tlb, area, start, end, details);
    popLocals(k, mark);
    return Number.NaN;
  },
);

/** Runs `body` while `unmap_vmas` works on these areas. */
export function withAreas(k: Kernel, areas: readonly Addr[], body: () => void): void {
  detached.set(k, areas);
  body();
  detached.delete(k);
}

/** Takes back from the control group what pages were charged to it for. */
export const MEM_CGROUP_UNCHARGE_LIST: FunctionRef = behaviour(
  "__mem_cgroup_uncharge_list",
  [UNCHARGE_FOLIO],
  (k) => {
    for (const { struct } of releasing.get(k) ?? []) k.calls.callUnasked(UNCHARGE_FOLIO, struct);
    return Number.NaN;
  },
);

/** Gives pages back to the allocator's list of the CPU. */
export const FREE_UNREF_PAGE_LIST: FunctionRef = behaviour("free_unref_page_list", [PREPARE, COMMIT], (k) => {
  const pages = releasing.get(k) ?? [];
  for (const { struct } of pages) k.calls.callUnasked(PREPARE, struct, 0);
  for (const { page, struct } of pages) {
    k.call(COMMIT, Number.NaN);
    if (page?.frame === 0) sourceOf(k).release(page);
    else freePages(k, struct);
  }
  releasing.delete(k);
  return Number.NaN;
});

const releasing = new WeakMap<Kernel, readonly Gathered[]>();

/** Drops references to pages; those that nobody has any more leave their list and go back to the allocator. */
export const RELEASE_PAGES: FunctionRef = behaviour(
  "release_pages",
  [LOCK_LRUVEC, LRU_STATE, ZONE_STATE, LRU_SIZE, MEM_CGROUP_UNCHARGE_LIST, FREE_UNREF_PAGE_LIST],
  (k) => {
    const pages = releasing.get(k) ?? [];
    let held = 0;
    for (const { page, struct } of pages) {
      // Tables are in no list.
      if (page === null) continue;
      // The lock is let go now and then.
      if (held % LOCK_BATCH === 0) k.call(LOCK_LRUVEC, struct);
      held++;
      const list = page.kind === "file" ? NR_INACTIVE_FILE : NR_INACTIVE_ANON;
      k.calls.callUnasked(LRU_STATE, Number.NaN, list, -1);
      k.calls.callUnasked(ZONE_STATE, Number.NaN, NR_ZONE_LRU_BASE + list, -1);
      k.calls.callUnasked(LRU_SIZE, Number.NaN, list, Number.NaN, -1);
    }
    k.call(MEM_CGROUP_UNCHARGE_LIST, Number.NaN);
    k.call(FREE_UNREF_PAGE_LIST, Number.NaN);
    return Number.NaN;
  },
);

/** Drops references to gathered pages, and their places in the swap cache. */
export const FREE_PAGES_AND_SWAP_CACHE: FunctionRef = behaviour(
  "free_pages_and_swap_cache",
  [fn("lru_add_drain"), FREE_SWAP_CACHE, RELEASE_PAGES],
  (k, pages = Number.NaN, count = 0) => {
    k.call(fn("lru_add_drain"));
    const batch = flushing.get(k) ?? [];
    for (const { struct } of batch) k.call(FREE_SWAP_CACHE, struct);
    releasing.set(k, batch.filter(({ page }) => page === null || (page.mapcount === 0 && page.frame !== 0)));
    k.call(RELEASE_PAGES, pages, count);
    releasing.delete(k);
    return Number.NaN;
  },
);

const flushing = new WeakMap<Kernel, readonly Gathered[]>();

/** Gives gathered pages back. */
export const TLB_BATCH_PAGES_FLUSH: FunctionRef = behaviour(
  "tlb_batch_pages_flush",
  [FREE_PAGES_AND_SWAP_CACHE],
  (k, tlb = 0) => {
    const { pages } = gatherOf(k, tlb);
    while (pages.length > 0) {
      const batch = pages.splice(0, BATCH);
      flushing.set(k, batch);
      k.call(FREE_PAGES_AND_SWAP_CACHE, Number.NaN, batch.length);
      flushing.delete(k);
    }
    return Number.NaN;
  },
);

/** Tells the other CPUs and gives the gathered pages back. */
export const TLB_FINISH_MMU: FunctionRef = behaviour(
  "tlb_finish_mmu",
  [fn("flush_tlb_mm_range"), TLB_BATCH_PAGES_FLUSH],
  (k, tlb = 0) => {
    k.call(TLB_BATCH_PAGES_FLUSH, tlb);
    closeGather(k, tlb);
    return Number.NaN;
  },
);

/** Runs `body` with a `struct mmu_gather` in the stack, and gives back what it gathered. */
export function withGather(k: Kernel, mm: Addr, gather: string, body: (tlb: Addr) => void): void {
  const mark = k.current.locals;
  const tlb = pushLocal(k, sizeIfKnown(k, "mmu_gather") || 128);
  k.call(fn(gather), tlb, mm);
  openGather(k, tlb, mm);
  body(tlb);
  k.call(TLB_FINISH_MMU, tlb);
  popLocals(k, mark);
}

/** Takes all pages of a range of one area out. */
export const ZAP_PAGE_RANGE_SINGLE: FunctionRef = behaviour(
  "zap_page_range_single",
  [fn("lru_add_drain"), fn("tlb_gather_mmu"), UNMAP_SINGLE_VMA, TLB_FINISH_MMU],
  (k, vma = 0, address = 0, size = 0, details = 0) => {
    k.call(fn("lru_add_drain"));
    withGather(k, VMA.mm.get(k, vma), "tlb_gather_mmu", (tlb) => {
      k.call(UNMAP_SINGLE_VMA, tlb, vma, address, address + size, details);
    });
    return Number.NaN;
  },
);

/** Calls that whoever gathers pages makes. */
export const GATHER_CALLS: readonly FunctionRef[] = [fn("lru_add_drain"), TLB_FINISH_MMU];
