/**
 * Faults on pages that are on swap.
 *
 * @module
 */

import { behaviour, fn, type FunctionRef } from "../calls/function.ts";
import { FAULT_FLAG_WRITE, VM_FAULT_MAJOR, VM_FAULT_OOM, VM_FAULT_SIGBUS } from "./fault_flags.ts";
import { VM_WRITE } from "./fields.ts";
import { charge, placeOf } from "./fault_place.ts";
import { GFP_HIGHUSER_MOVABLE } from "./gfp.ts";
import { VMA_ALLOC_FOLIO } from "./page_alloc.ts";
import { ADD_MM_COUNTER_FAST, MM_ANONPAGES, MM_SWAPENTS } from "./rss.ts";
import { freeSlot } from "./swap_space.ts";
import { swappedPages, takeOffSwap } from "./swap_table.ts";
import { userPage } from "./user_pages.ts";
import { VMF } from "./vm_fault.ts";

/** Nanoseconds that reading a page of swap space takes, the wait for the disk included. */
const SWAP_READ = 90_000;

/** Asks the disk for a page of swap space. */
export const SWAP_READPAGE: FunctionRef = behaviour("swap_readpage", [], (k) => {
  k.calls.spend(SWAP_READ);
  return 0;
});

/** Reads a page of swap space, and what lies around it: a `struct page`, or 0. */
export const SWAPIN_READAHEAD: FunctionRef = behaviour(
  "swapin_readahead",
  [VMA_ALLOC_FOLIO, fn("add_to_swap_cache"), SWAP_READPAGE],
  (k, _entry, gfp = 0, vmf = 0) => {
    const vma = VMF.vma.get(k, vmf);
    const page = k.call(VMA_ALLOC_FOLIO, gfp, 0, vma, VMF.address.get(k, vmf), 0);
    if (page === 0) return 0;
    k.call(SWAP_READPAGE, page, 0, Number.NaN);
    return page;
  },
);

/** A page that is on swap is wanted back: `VM_FAULT_MAJOR`, unless it failed. */
export const DO_SWAP_PAGE: FunctionRef = behaviour(
  "do_swap_page",
  [
    fn("lookup_swap_cache"),
    SWAPIN_READAHEAD,
    fn("__mem_cgroup_charge"),
    fn("__cgroup_throttle_swaprate"),
    ADD_MM_COUNTER_FAST,
    fn("page_add_anon_rmap"),
  ],
  (k, vmf = 0) => {
    const vma = VMF.vma.get(k, vmf);
    const address = VMF.address.get(k, vmf);
    const place = placeOf(k, vma, address);
    if (place === undefined) return VM_FAULT_SIGBUS;
    const entry = swappedPages(k, place.mm.address).get(place.key);
    if (entry === undefined) return VM_FAULT_SIGBUS;
    k.call(fn("lookup_swap_cache"), entry.slot, vma, address);
    const page = k.call(SWAPIN_READAHEAD, entry.slot, GFP_HIGHUSER_MOVABLE, vmf);
    if (page === 0) return VM_FAULT_OOM;
    charge(k, place.mm.address, page);
    k.call(ADD_MM_COUNTER_FAST, place.mm.address, MM_ANONPAGES, 1);
    k.call(ADD_MM_COUNTER_FAST, place.mm.address, MM_SWAPENTS, -1);
    k.call(fn("page_add_anon_rmap"), page, vma, address, 0);
    takeOffSwap(k, place.mm.address, place.key);
    freeSlot(k, entry.slot);
    const own = userPage(k, page, "anon");
    if (entry.bytes !== null) own.page.bytes.set(entry.bytes);
    const write = (VMF.flags.get(k, vmf) & FAULT_FLAG_WRITE) !== 0;
    place.space.install(place.key, own, write && (place.area.flags & VM_WRITE) !== 0);
    return VM_FAULT_MAJOR;
  },
);

/** Functions that stand under `__handle_mm_fault` where a kernel has `do_swap_page` inlined. */
export const SWAP_CALLS: readonly FunctionRef[] = [SWAPIN_READAHEAD];
