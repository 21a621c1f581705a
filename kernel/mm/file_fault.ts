/**
 * Faults in mapped files: pages that are in the page cache are mapped around the access, others are read.
 *
 * @module
 */

import { behaviour, fn, type FunctionRef } from "../calls/function.ts";
import type { Kernel } from "../kernel.ts";
import type { UserPage } from "../memory/user_page.ts";
import { ANON_VMA_PREPARE, PAGE_ADD_NEW_ANON_RMAP } from "./anon_vma.ts";
import {
  FAULT_FLAG_WRITE,
  VM_FAULT_LOCKED,
  VM_FAULT_NOPAGE,
  VM_FAULT_OOM,
  VM_FAULT_SIGBUS,
} from "./fault_flags.ts";
import { VM_SHARED, VM_WRITE, VMA } from "./fields.ts";
import { GFP_HIGHUSER_MOVABLE } from "./gfp.ts";
import { charge, type FaultPlace, mapAnon, placeOf } from "./fault_place.ts";
import { VMA_ALLOC_FOLIO } from "./page_alloc.ts";
import { allocPte, lacksPte, TABLE_CALLS } from "./page_tables.ts";
import { ADD_MM_COUNTER_FAST, MM_FILEPAGES, MM_SHMEMPAGES } from "./rss.ts";
import { filePage, sharedPage } from "./shared_pages.ts";
import { cachePage } from "./user_pages.ts";
import { DO_PAGE_MKWRITE, FAULT_DIRTY_SHARED_PAGE } from "./page_mkwrite.ts";
import { VMF } from "./vm_fault.ts";

const PAGE = 4096;
/** Pages that one fault maps around the access, where they are in the page cache. */
const FAULT_AROUND = 16;
const LRU_CACHE_ADD = fn("lru_cache_add_inactive_or_unevictable");
const NEXT_UPTODATE = fn("next_uptodate_page");

/** Enters a page into the page table. */
export const DO_SET_PTE: FunctionRef = behaviour(
  "do_set_pte",
  [ADD_MM_COUNTER_FAST, PAGE_ADD_NEW_ANON_RMAP, fn("page_add_file_rmap"), LRU_CACHE_ADD],
  (k, vmf = 0, page = Number.NaN, address = 0) => {
    const vma = VMF.vma.get(k, vmf);
    const place = placeOf(k, vma, address);
    if (place === undefined) return Number.NaN;
    const write = (VMF.flags.get(k, vmf) & FAULT_FLAG_WRITE) !== 0;
    const { mm, area } = place;
    if (write && (area.flags & VM_SHARED) === 0) {
      mapAnon(k, place, page, filled(k, place));
      return Number.NaN;
    }
    k.call(ADD_MM_COUNTER_FAST, mm.address, area.file === 0 ? MM_SHMEMPAGES : MM_FILEPAGES, 1);
    k.call(fn("page_add_file_rmap"), page, vma, 0);
    mapCached(k, place, write);
    return Number.NaN;
  },
);

/** Maps the page that the file has there: a shared mapping's own, or the page cache's. */
function mapCached(k: Kernel, place: FaultPlace, write: boolean): void {
  const { area, space, key } = place;
  const shared = (area.flags & VM_SHARED) !== 0;
  const page = shared ? sharedPage(k, place) : filePage(k, place);
  // A page of a private mapping is copied when it is written; of a shared one the first write is noticed.
  const writable = shared && write && (area.flags & VM_WRITE) !== 0;
  if (writable) page.written = true;
  space.install(key, page, writable);
}

/** What a private mapping shows before it is written. */
function filled(k: Kernel, place: FaultPlace): UserPage {
  const page = cachePage(k, "file");
  if (place.area.file !== 0) page.fill = place.space.fillerOf(place.key);
  return page;
}

/** Maps what the page cache has around an access: `VM_FAULT_NOPAGE` if the page itself was there. */
export const FILEMAP_MAP_PAGES: FunctionRef = behaviour(
  "filemap_map_pages",
  [...TABLE_CALLS, NEXT_UPTODATE, DO_SET_PTE],
  (k, vmf = 0, start = 0, end = 0) => {
    const vma = VMF.vma.get(k, vmf);
    const address = VMF.address.get(k, vmf);
    const place = placeOf(k, vma, address);
    if (place === undefined) return 0;
    const { area, space } = place;
    if (allocPte(k, place.mm.address, address) !== 0) return 0;
    for (let pgoff = start; pgoff <= end; pgoff++) {
      const at = area.start + (pgoff - area.pgoff) * PAGE;
      k.calls.callUnasked(NEXT_UPTODATE, Number.NaN, Number.NaN, Number.NaN, end);
      if (space.pageAt(at / PAGE) === undefined) k.call(DO_SET_PTE, vmf, Number.NaN, at);
    }
    k.calls.callUnasked(NEXT_UPTODATE, Number.NaN, Number.NaN, Number.NaN, end);
    return VM_FAULT_NOPAGE;
  },
);

/** Reads a page from its file, through the file system: `VM_FAULT_LOCKED`, or an error. */
export const DO_FAULT_CORE: FunctionRef = behaviour(
  "__do_fault",
  [...TABLE_CALLS, fn("shmem_fault"), fn("filemap_fault")],
  (k, vmf = 0) => {
    const place = placeOf(k, VMF.vma.get(k, vmf), VMF.address.get(k, vmf));
    if (place === undefined) return VM_FAULT_SIGBUS;
    if (lacksPte(k, place.mm.address, place.at)) allocPte(k, place.mm.address, place.at, true);
    k.call(fn("shmem_fault"), vmf);
    return VM_FAULT_LOCKED;
  },
);

/** Enters the page of a fault into the page table: 0, or why not. */
export const FINISH_FAULT: FunctionRef = behaviour(
  "finish_fault",
  [...TABLE_CALLS, fn("pmd_install"), DO_SET_PTE],
  (k, vmf = 0) => {
    k.call(DO_SET_PTE, vmf, VMF.cowPage.get(k, vmf) || Number.NaN, VMF.address.get(k, vmf));
    return 0;
  },
);

/** A fault in a mapped file: `VM_FAULT_*` bits. */
export const DO_FAULT: FunctionRef = behaviour(
  "do_fault",
  [
    FILEMAP_MAP_PAGES,
    ANON_VMA_PREPARE,
    VMA_ALLOC_FOLIO,
    fn("__mem_cgroup_charge"),
    fn("__cgroup_throttle_swaprate"),
    DO_FAULT_CORE,
    FINISH_FAULT,
    fn("unlock_page"),
    DO_PAGE_MKWRITE,
    FAULT_DIRTY_SHARED_PAGE,
  ],
  (k, vmf = 0) => {
    const vma = VMF.vma.get(k, vmf);
    const address = VMF.address.get(k, vmf);
    const place = placeOf(k, vma, address);
    if (place === undefined) return VM_FAULT_SIGBUS;
    const { area } = place;
    if (beyondEnd(k, place)) return VM_FAULT_SIGBUS;
    if ((VMF.flags.get(k, vmf) & FAULT_FLAG_WRITE) === 0) {
      if (area.file !== 0) {
        const [first, last] = around(k, place);
        if (last > first) {
          const mapped = k.call(FILEMAP_MAP_PAGES, vmf, first, last);
          if (mapped !== 0) return mapped;
        }
      }
      return finish(k, vmf);
    }
    if ((area.flags & VM_SHARED) !== 0) {
      if (area.file === 0) return finish(k, vmf);
      const refused = k.call(DO_PAGE_MKWRITE, vmf);
      if ((refused & VM_FAULT_SIGBUS) !== 0) return refused;
      const result = finish(k, vmf);
      k.call(FAULT_DIRTY_SHARED_PAGE, vmf);
      return result;
    }
    if (VMA.anonVma.get(k, vma) === 0) k.call(ANON_VMA_PREPARE, vma);
    const page = k.call(VMA_ALLOC_FOLIO, GFP_HIGHUSER_MOVABLE, 0, vma, address, 0);
    if (page === 0) return VM_FAULT_OOM;
    charge(k, place.mm.address, page);
    VMF.cowPage.set(k, vmf, page);
    return finish(k, vmf);
  },
);

function finish(k: Kernel, vmf: number): number {
  const result = k.call(DO_FAULT_CORE, vmf);
  if ((result & VM_FAULT_SIGBUS) !== 0) return result;
  k.call(FINISH_FAULT, vmf);
  k.call(fn("unlock_page"), Number.NaN);
  return result;
}

/** The pages that are mapped with one: the aligned block around it, as far as area, page table and file go. */
function around(k: Kernel, { area, at }: FaultPlace): readonly [first: number, last: number] {
  const pgoff = area.pgoff + (at - area.start) / PAGE;
  const inode = k.vfs.files.get(area.file)?.inode;
  const pages = Math.ceil((inode?.size ?? 0) / PAGE);
  const block = Math.floor(at / PAGE / FAULT_AROUND) * FAULT_AROUND;
  const first = Math.max(area.pgoff, pgoff - (at / PAGE - block));
  const last = Math.min(
    pgoff - (at / PAGE - block) + FAULT_AROUND - 1,
    area.pgoff + (area.end - area.start) / PAGE - 1,
    pages - 1,
  );
  return [first, last];
}

/** Whether a place lies behind the end of its file: an access there gets SIGBUS. */
function beyondEnd(k: Kernel, { area, at }: FaultPlace): boolean {
  const inode = k.vfs.files.get(area.file)?.inode;
  if (!inode) return false;
  return (area.pgoff + (at - area.start) / PAGE) * PAGE >= Math.max(1, inode.size);
}

/** Functions that stand under `__handle_mm_fault` where a kernel has `do_fault` inlined. */
export const FILE_FAULT_CALLS: readonly FunctionRef[] = [FILEMAP_MAP_PAGES, DO_FAULT_CORE, FINISH_FAULT];
