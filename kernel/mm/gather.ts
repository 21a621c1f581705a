/**
 * What is out of the page tables and not given back yet: `struct mmu_gather`.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import type { Kernel } from "../kernel.ts";
import type { UserPage } from "../memory/user_page.ts";

/** A page that was taken out, or a page table (null) that nothing needs. */
export interface Gathered {
  readonly page: UserPage | null;
  /** Its `struct page`; NaN where the model has none. */
  readonly struct: Addr;
}

/** One gathering. */
export interface Gather {
  /** Address of the `mm_struct`. */
  readonly mm: Addr;
  readonly pages: Gathered[];
}

const gathers = new WeakMap<Kernel, Map<Addr, Gather>>();

/** Begins the one of a `struct mmu_gather`. */
export function openGather(k: Kernel, tlb: Addr, mm: Addr): void {
  let all = gathers.get(k);
  if (all === undefined) gathers.set(k, all = new Map());
  all.set(tlb, { mm, pages: [] });
}

/** The one of a `struct mmu_gather`. */
export function gatherOf(k: Kernel, tlb: Addr): Gather {
  return gathers.get(k)?.get(tlb) ?? { mm: 0, pages: [] };
}

/** It is done. */
export function closeGather(k: Kernel, tlb: Addr): void {
  gathers.get(k)?.delete(tlb);
}
