/**
 * What the functions of a page fault work on, and what every new anonymous page goes through.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import { fn, type FunctionRef } from "../calls/function.ts";
import type { Kernel } from "../kernel.ts";
import type { UserPage } from "../memory/user_page.ts";
import type { UserSpace } from "../memory/user_space.ts";
import { PAGE_ADD_NEW_ANON_RMAP } from "./anon_vma.ts";
import { VM_WRITE, VMA } from "./fields.ts";
import { GFP_KERNEL } from "./gfp.ts";
import { type Mm, mmAt, type Vma } from "./mm_struct.ts";
import { ADD_MM_COUNTER_FAST, MM_ANONPAGES } from "./rss.ts";
import { userPage } from "./user_pages.ts";

const PAGE = 4096;
/** Charges a page to the control group. */
export const MEM_CGROUP_CHARGE: FunctionRef = fn("__mem_cgroup_charge");
/** Slows down who swaps too much. */
export const THROTTLE: FunctionRef = fn("__cgroup_throttle_swaprate");
/** Puts a page on the list of those to reclaim first. */
export const LRU_CACHE_ADD: FunctionRef = fn("lru_cache_add_inactive_or_unevictable");

/** What functions of a fault work on: looked up by the area that their `struct vm_fault` names. */
export interface FaultPlace {
  readonly mm: Mm;
  readonly area: Vma;
  readonly space: UserSpace;
  /** Start of the page. */
  readonly at: Addr;
  readonly key: number;
}

/** The place that a fault in an area is about; undefined where the area is none of the model's. */
export function placeOf(k: Kernel, vma: Addr, address: Addr): FaultPlace | undefined {
  const mm = mmAt(k, VMA.mm.get(k, vma));
  const area = mm?.areaAt(vma);
  if (mm === undefined || area === undefined || mm.space === null) return undefined;
  const key = Math.floor(address / PAGE);
  return { mm, area, space: mm.space, at: key * PAGE, key };
}

/** Charges, counts and maps a page that was just allocated for a place: what every new anonymous page goes through. */
export function mapAnon(k: Kernel, place: FaultPlace, page: Addr, copied: UserPage | null): void {
  const { mm, area, space, at, key } = place;
  k.call(ADD_MM_COUNTER_FAST, mm.address, MM_ANONPAGES, 1);
  k.call(PAGE_ADD_NEW_ANON_RMAP, page, area.address, at);
  k.call(LRU_CACHE_ADD, page, area.address);
  const own = userPage(k, page, "anon");
  if (copied?.looked === true) own.page.bytes.set(copied.page.bytes);
  space.install(key, own, (area.flags & VM_WRITE) !== 0);
}

/** Charges a page to the control group. */
export function charge(k: Kernel, mm: Addr, page: Addr): void {
  k.call(MEM_CGROUP_CHARGE, page, mm, GFP_KERNEL);
  k.call(THROTTLE, page, GFP_KERNEL);
}
