/**
 * Page faults once the area is known: `mm/memory.c`.
 *
 * @module
 */

import { behaviour, fn, type FunctionRef } from "../calls/function.ts";
import type { Addr } from "../../image/model.ts";
import type { Kernel } from "../kernel.ts";
import type { UserPage } from "../memory/user_page.ts";
import { popLocals } from "../process/stack.ts";
import { ANON_VMA_PREPARE, PAGE_ADD_NEW_ANON_RMAP } from "./anon_vma.ts";
import {
  FAULT_FLAG_INSTRUCTION,
  FAULT_FLAG_WRITE,
  VM_FAULT_ERROR,
  VM_FAULT_MAJOR,
  VM_FAULT_OOM,
  VM_FAULT_SIGSEGV,
  VM_FAULT_WRITE,
} from "./fault_flags.ts";
import { VM_EXEC, VM_READ, VM_SHARED, VM_WRITE, VMA } from "./fields.ts";
import { DO_FAULT, FILE_FAULT_CALLS } from "./file_fault.ts";
import { GFP_HIGHUSER_MOVABLE, GFP_ZERO } from "./gfp.ts";
import {
  charge,
  type FaultPlace,
  LRU_CACHE_ADD,
  mapAnon,
  MEM_CGROUP_CHARGE,
  placeOf,
  THROTTLE,
} from "./fault_place.ts";
import { mmAt, type Vma } from "./mm_struct.ts";
import { VMA_ALLOC_FOLIO } from "./page_alloc.ts";
import { DO_PAGE_MKWRITE, FAULT_DIRTY_SHARED_PAGE } from "./page_mkwrite.ts";
import { allocPte, allocUpper, TABLE_CALLS } from "./page_tables.ts";
import { ADD_MM_COUNTER_FAST, checkSyncRss, counterOf, SYNC_MM_RSS } from "./rss.ts";
import { DO_SWAP_PAGE, SWAP_CALLS } from "./swap_fault.ts";
import { swappedAt } from "./swap_table.ts";
import { cachePage, userPage } from "./user_pages.ts";
import { pushVmFault, VMF } from "./vm_fault.ts";

const PAGE = 4096;
/** A zeroed page for a place in an area; arm64 asks through a function of its own. */
export const ALLOC_ZEROED: FunctionRef = behaviour(
  "alloc_zeroed_user_highpage_movable",
  [VMA_ALLOC_FOLIO],
  (k, vma = 0, address = 0) => k.call(VMA_ALLOC_FOLIO, GFP_HIGHUSER_MOVABLE | GFP_ZERO, 0, vma, address, 0),
);

/** The first access to an anonymous page: the page of zeros for a read, an own one for a write. */
export const DO_ANONYMOUS_PAGE: FunctionRef = behaviour(
  "do_anonymous_page",
  [
    ANON_VMA_PREPARE,
    ALLOC_ZEROED,
    MEM_CGROUP_CHARGE,
    THROTTLE,
    ADD_MM_COUNTER_FAST,
    PAGE_ADD_NEW_ANON_RMAP,
    LRU_CACHE_ADD,
    ...TABLE_CALLS,
  ],
  (k, vmf = 0) => {
    const vma = VMF.vma.get(k, vmf);
    const address = VMF.address.get(k, vmf);
    const place = placeOf(k, vma, address);
    if (place === undefined) return VM_FAULT_SIGSEGV;
    if (allocPte(k, place.mm.address, address) !== 0) return VM_FAULT_OOM;
    if ((VMF.flags.get(k, vmf) & FAULT_FLAG_WRITE) === 0) {
      place.space.install(place.key, cachePage(k, "zero"), false);
      return 0;
    }
    if (VMA.anonVma.get(k, vma) === 0) k.call(ANON_VMA_PREPARE, vma);
    const page = k.call(ALLOC_ZEROED, vma, address);
    if (page === 0) return VM_FAULT_OOM;
    charge(k, place.mm.address, page);
    mapAnon(k, place, page, null);
    return 0;
  },
);

/** Copies the page that an area shows at a place, for a writer of its own. */
export const WP_PAGE_COPY: FunctionRef = behaviour(
  "wp_page_copy",
  [
    ANON_VMA_PREPARE,
    VMA_ALLOC_FOLIO,
    ALLOC_ZEROED,
    fn("copy_mc_to_kernel"),
    fn("copy_page"),
    MEM_CGROUP_CHARGE,
    THROTTLE,
    ADD_MM_COUNTER_FAST,
    PAGE_ADD_NEW_ANON_RMAP,
    LRU_CACHE_ADD,
    fn("page_remove_rmap"),
  ],
  (k, vmf = 0) => {
    const vma = VMF.vma.get(k, vmf);
    const address = VMF.address.get(k, vmf);
    const place = placeOf(k, vma, address);
    const old = place?.space.pageAt(place.key);
    if (place === undefined || old === undefined) return VM_FAULT_SIGSEGV;
    if (VMA.anonVma.get(k, vma) === 0) k.call(ANON_VMA_PREPARE, vma);
    const page = old.kind === "zero"
      ? k.call(ALLOC_ZEROED, vma, address)
      : k.call(VMA_ALLOC_FOLIO, GFP_HIGHUSER_MOVABLE, 0, vma, address, 0);
    if (page === 0) return VM_FAULT_OOM;
    if (old.kind !== "zero") {
      k.call(fn("copy_mc_to_kernel"), Number.NaN, old.frame === 0 ? Number.NaN : old.frame, PAGE);
    }
    charge(k, place.mm.address, page);
    // What was counted as a page of a file is anonymous from now on.
    if (old.kind === "file" || old.kind === "shmem") {
      k.call(ADD_MM_COUNTER_FAST, place.mm.address, counterOf(old.kind), -1);
    }
    if (old.kind === "anon") {
      k.call(PAGE_ADD_NEW_ANON_RMAP, page, vma, address);
      k.call(LRU_CACHE_ADD, page, vma);
      const own = userPage(k, page, "anon");
      if (old.looked) own.page.bytes.set(old.page.bytes);
      place.space.install(place.key, own, (place.area.flags & VM_WRITE) !== 0);
    } else mapAnon(k, place, page, old.kind === "zero" ? null : old);
    return VM_FAULT_WRITE;
  },
);

/** A write to a page that is mapped read-only: nobody else has it, or the writer gets a copy. */
export const DO_WP_PAGE: FunctionRef = behaviour(
  "do_wp_page",
  [fn("vm_normal_page"), WP_PAGE_COPY, DO_PAGE_MKWRITE, FAULT_DIRTY_SHARED_PAGE],
  (k, vmf = 0) => {
    const vma = VMF.vma.get(k, vmf);
    const address = VMF.address.get(k, vmf);
    const place = placeOf(k, vma, address);
    const old = place?.space.pageAt(place.key);
    if (place === undefined || old === undefined) return VM_FAULT_SIGSEGV;
    k.call(fn("vm_normal_page"), vma, address);
    if ((place.area.flags & VM_SHARED) !== 0 && old.kind !== "anon") return sharedWrite(k, vmf, place, old);
    if (old.kind === "anon" && old.mapcount === 1) {
      place.space.allowWrite(place.key, true);
      return VM_FAULT_WRITE;
    }
    return k.call(WP_PAGE_COPY, vmf);
  },
);

/** The first write to a shared mapping's page since it was clean: `wp_page_shared`, which has no function of its own. */
function sharedWrite(k: Kernel, vmf: Addr, place: FaultPlace, page: UserPage): number {
  const { area, space, key } = place;
  if (area.file !== 0) {
    const result = k.call(DO_PAGE_MKWRITE, vmf);
    if ((result & VM_FAULT_ERROR) !== 0) return result;
  }
  page.real.written = true;
  space.allowWrite(key, true);
  if (area.file !== 0) k.call(FAULT_DIRTY_SHARED_PAGE, vmf);
  return VM_FAULT_WRITE;
}

/** Walks the tables down to the entry and does what it asks for: `VM_FAULT_*` bits. */
export const HANDLE_MM_FAULT_CORE: FunctionRef = behaviour(
  "__handle_mm_fault",
  [...TABLE_CALLS, DO_ANONYMOUS_PAGE, DO_FAULT, ...FILE_FAULT_CALLS, DO_WP_PAGE, DO_SWAP_PAGE, ...SWAP_CALLS],
  (k, vma = 0, address = 0, flags = 0) => {
    const place = placeOf(k, vma, address);
    if (place === undefined) return VM_FAULT_SIGSEGV;
    const { mm, area, space, key } = place;
    if (allocUpper(k, mm.address, vma, area.flags, address) !== 0) return VM_FAULT_OOM;
    const mark = k.current.locals;
    const vmf = pushVmFault(k, vma, address, flags, area.pgoff + (place.at - area.start) / PAGE);
    const present = space.pageAt(key) !== undefined;
    const anonymous = area.file === 0 && !area.shared;
    const result = present
      ? (flags & FAULT_FLAG_WRITE) !== 0 && space.writeProtected(key) ? k.call(DO_WP_PAGE, vmf) : 0
      : swappedAt(k, mm.address, key)
      ? k.call(DO_SWAP_PAGE, vmf)
      : k.call(anonymous ? DO_ANONYMOUS_PAGE : DO_FAULT, vmf);
    popLocals(k, mark);
    return result;
  },
);

/** Handles a fault in an area: `VM_FAULT_*` bits. `regs`: those of the access, or 0 for an access in another's name. */
export const HANDLE_MM_FAULT: FunctionRef = behaviour(
  "handle_mm_fault",
  [SYNC_MM_RSS, HANDLE_MM_FAULT_CORE],
  (k, vma = 0, address = 0, flags = 0, regs = 0) => {
    const mm = VMA.mm.get(k, vma);
    checkSyncRss(k, mm);
    const area = mmAt(k, mm)?.areaAt(vma);
    if (area === undefined || !allowed(area, flags)) return VM_FAULT_SIGSEGV;
    const result = k.call(HANDLE_MM_FAULT_CORE, vma, address, flags);
    account(k, flags, regs, result);
    return result;
  },
);

/** Whether an area lets itself be accessed so. */
export function allowed(area: Vma, flags: number): boolean {
  const needed = (flags & FAULT_FLAG_WRITE) !== 0
    ? VM_WRITE
    : (flags & FAULT_FLAG_INSTRUCTION) !== 0
    ? VM_EXEC
    : VM_READ | VM_WRITE | VM_EXEC;
  return (area.flags & needed) !== 0;
}

/** `mm_account_fault`: the task's count of major and minor faults. */
function account(k: Kernel, _flags: number, regs: number, result: number): void {
  if ((result & VM_FAULT_ERROR) !== 0 || regs === 0) return;
  const task = k.current;
  const major = (result & VM_FAULT_MAJOR) !== 0;
  if (major) task.majorFaults++;
  else task.minorFaults++;
}
