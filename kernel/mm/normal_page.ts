/**
 * From a page table's entry to the page: `vm_normal_page`.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import { behaviour, type FunctionRef } from "../calls/function.ts";
import type { Kernel } from "../kernel.ts";

/** What the entry that is looked at leads to. */
const found = new WeakMap<Kernel, Addr>();

/** The `struct page` of an entry; 0 for the page of zeros and for what is no page. (vma, addr, pte) */
export const VM_NORMAL_PAGE: FunctionRef = behaviour(
  "vm_normal_page",
  [],
  (k) => found.get(k) ?? Number.NaN,
);

/** Calls it for an entry whose page the caller has at hand. */
export function normalPage(k: Kernel, vma: Addr, address: Addr, page: Addr): void {
  found.set(k, page);
  k.call(VM_NORMAL_PAGE, vma, address);
  found.delete(k);
}
