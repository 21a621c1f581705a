/**
 * Which pages of which address space are on swap.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import type { Kernel } from "../kernel.ts";
import type { UserPage } from "../memory/user_page.ts";
import { swapSpace } from "./swap_space.ts";

/** A page that is on swap: its slot, and what it held. */
export interface SwappedPage {
  readonly slot: number;
  /** Null: zeros. */
  readonly bytes: Uint8Array<ArrayBuffer> | null;
}

/** Pages on swap, by address space and page number. */
const swapped = new WeakMap<Kernel, Map<Addr, Map<number, SwappedPage>>>();

function tableOf(k: Kernel, mm: Addr): Map<number, SwappedPage> {
  let all = swapped.get(k);
  if (all === undefined) swapped.set(k, all = new Map());
  let table = all.get(mm);
  if (table === undefined) all.set(mm, table = new Map());
  return table;
}

/** Whether a page of an address space is on swap. */
export function swappedAt(k: Kernel, mm: Addr, key: number): boolean {
  return swapped.get(k)?.get(mm)?.has(key) ?? false;
}

const NONE: ReadonlyMap<number, SwappedPage> = new Map();

/** Pages of an address space that are on swap. */
export function swappedPages(k: Kernel, mm: Addr): ReadonlyMap<number, SwappedPage> {
  return swapped.get(k)?.get(mm) ?? NONE;
}

/** Puts a page on swap. */
export function putOnSwap(k: Kernel, mm: Addr, key: number, slot: number, page: UserPage): void {
  tableOf(k, mm).set(key, { slot, bytes: page.looked ? page.page.bytes.slice() : null });
}

/** A forked child finds on swap what its parent has there. */
export function putOnSwapCopy(k: Kernel, from: Addr, to: Addr): void {
  const pages = swappedPages(k, from);
  for (const [key, page] of pages) {
    tableOf(k, to).set(key, page);
    swapSpace(k)?.share(page.slot);
  }
}

/** Takes a page off swap: its slot is free again. */
export function takeOffSwap(k: Kernel, mm: Addr, key: number): SwappedPage | undefined {
  const table = swapped.get(k)?.get(mm);
  const page = table?.get(key);
  table?.delete(key);
  return page;
}

/** Forgets what an address space had on swap; gives the slots. */
export function dropSwap(k: Kernel, mm: Addr): number[] {
  const slots = [...swappedPages(k, mm).values()].map(({ slot }) => slot);
  swapped.get(k)?.delete(mm);
  return slots;
}
