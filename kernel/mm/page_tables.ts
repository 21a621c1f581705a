/**
 * Page tables, as far as they cost pages: which tables of an address space there are. Entries themselves are kept by
 * `UserSpace`.
 *
 * Recordings come from a machine with five levels; here there are four (three on i386, whose middle tables are there from
 * the start).
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import { behaviour, fn, type FunctionRef } from "../calls/function.ts";
import type { Kernel } from "../kernel.ts";
import { MM } from "./fields.ts";
import { GFP_PGTABLE_USER } from "./gfp.ts";
import { ALLOC_PAGES, freePages, GET_ZEROED_PAGE, PTE_ALLOC_ONE } from "./page_alloc.ts";
import { pageStruct } from "./page_struct.ts";

const PAGE = 4096;

/** Tables of one address space: the page of each, by what it covers. */
export class PageTables {
  /** Tables of middle entries' tables (`pud`), by 512 GiB. */
  readonly puds = new Map<number, Addr>();
  /** Tables of middle entries (`pmd`), by 1 GiB. */
  readonly pmds = new Map<number, Addr>();
  /** Tables of page table entries, by 2 MiB. */
  readonly ptes = new Map<number, Addr>();
}

/** A level of tables, by what its tables are called here. */
export type TableLevel = "ptes" | "pmds" | "puds";

const GB512 = 2 ** 39;
const GB = 2 ** 30;
const MB2 = 2 ** 21;

/** Bytes that a table of each level covers. */
export const TABLE_SPANS: Readonly<Record<TableLevel, number>> = { ptes: MB2, pmds: GB, puds: GB512 };

const tables = new WeakMap<Kernel, Map<Addr, PageTables>>();

/** The tables of the address space whose `mm_struct` is at `mm`. */
export function pageTables(k: Kernel, mm: Addr): PageTables {
  let all = tables.get(k);
  if (all === undefined) tables.set(k, all = new Map());
  let found = all.get(mm);
  if (found === undefined) all.set(mm, found = new PageTables());
  return found;
}

function counted(k: Kernel, mm: Addr): void {
  MM.pgtablesBytes.add(k, mm, PAGE);
}

/** A table of 512 entries of 1 GiB: 0 or -errno. */
export const PUD_ALLOC: FunctionRef = behaviour(
  "__pud_alloc",
  [GET_ZEROED_PAGE],
  (k, mm = 0, _p4d, address = 0) => {
    const frame = k.call(GET_ZEROED_PAGE, GFP_PGTABLE_USER);
    if (frame === 0) return -12;
    pageTables(k, mm).puds.set(Math.floor(address / GB512), pageStruct(k, frame));
    counted(k, mm);
    return 0;
  },
);

/** A table of 512 entries of 2 MiB: 0 or -errno. */
export const PMD_ALLOC: FunctionRef = behaviour(
  "__pmd_alloc",
  [ALLOC_PAGES],
  (k, mm = 0, _pud, address = 0) => {
    const page = k.call(ALLOC_PAGES, GFP_PGTABLE_USER, 0);
    if (page === 0) return -12;
    pageTables(k, mm).pmds.set(Math.floor(address / GB), page);
    counted(k, mm);
    return 0;
  },
);

/** Puts a table of page table entries in place. */
const PMD_INSTALL = fn("pmd_install");

/** A table of 512 page table entries: 0 or -errno. Which one, is in `pending`. */
export const PTE_ALLOC: FunctionRef = behaviour("__pte_alloc", [PTE_ALLOC_ONE, PMD_INSTALL], (k, mm = 0) => {
  const page = k.call(PTE_ALLOC_ONE, mm);
  if (page === 0) return -12;
  k.call(PMD_INSTALL, mm);
  return install(k, mm, page);
});

let pending = 0;

function install(k: Kernel, mm: Addr, page: Addr): number {
  pageTables(k, mm).ptes.set(pending, page);
  counted(k, mm);
  return 0;
}

/** Whether the table of page table entries for an address is missing. */
export function lacksPte(k: Kernel, mm: Addr, address: Addr): boolean {
  return !pageTables(k, mm).ptes.has(Math.floor(address / MB2));
}

/** `pte_alloc`: the table of page table entries, if it is missing. `preallocated`: by `__do_fault`, which installs it later. */
export function allocPte(k: Kernel, mm: Addr, address: Addr, preallocated = false): number {
  if (!lacksPte(k, mm, address)) return 0;
  pending = Math.floor(address / MB2);
  if (!preallocated) return k.call(PTE_ALLOC, mm, Number.NaN);
  const page = k.call(PTE_ALLOC_ONE, mm);
  return page === 0 ? -12 : install(k, mm, page);
}

/** Makes the upper tables for an address, calling what `__handle_mm_fault` calls: 0 or -errno. */
export function allocUpper(k: Kernel, mm: Addr, vma: Addr, flags: number, address: Addr): number {
  const { puds, pmds, ptes } = pageTables(k, mm);
  if (k.image.pointerSize === 8) {
    if (!puds.has(Math.floor(address / GB512))) {
      if (k.call(PUD_ALLOC, mm, Number.NaN, address) !== 0) return -12;
    }
    if (!pmds.has(Math.floor(address / GB))) {
      k.call(HUGEPAGE_VMA_CHECK, vma, flags, 0, 1, 1);
      if (k.call(PMD_ALLOC, mm, Number.NaN, address) !== 0) return -12;
    }
  }
  if (!ptes.has(Math.floor(address / MB2))) k.call(HUGEPAGE_VMA_CHECK, vma, flags, 0, 1, 1);
  return 0;
}

/** Whether an area could have a huge page. */
export const HUGEPAGE_VMA_CHECK: FunctionRef = behaviour("hugepage_vma_check", [], () => 0);

/** Takes a table out: its `struct page`, which the caller frees. */
export function dropTable(k: Kernel, mm: Addr, level: TableLevel, key: number): Addr {
  const of = pageTables(k, mm)[level];
  const page = of.get(key) ?? Number.NaN;
  if (of.delete(key)) MM.pgtablesBytes.add(k, mm, -PAGE);
  return page;
}

/** The tables for an address, without calls. */
export function allocTables(k: Kernel, mm: Addr, address: Addr): void {
  const { puds, pmds, ptes } = pageTables(k, mm);
  const add = (level: Map<number, Addr>, at: number): void => {
    if (level.has(at)) return;
    level.set(at, pageStruct(k, k.slab.frames.alloc(0, GFP_PGTABLE_USER)));
    counted(k, mm);
  };
  if (k.image.pointerSize === 8) {
    add(puds, Math.floor(address / GB512));
    add(pmds, Math.floor(address / GB));
  }
  add(ptes, Math.floor(address / MB2));
}

/** Frees the tables of an address space that is gone. */
export function freeTables(k: Kernel, mm: Addr): void {
  const found = tables.get(k)?.get(mm);
  if (found === undefined) return;
  for (const level of [found.ptes, found.pmds, found.puds]) {
    for (const page of level.values()) freePages(k, page);
  }
  tables.get(k)?.delete(mm);
}

/** Functions that a fault may call for tables. */
export const TABLE_CALLS: readonly FunctionRef[] = [
  PUD_ALLOC,
  PMD_ALLOC,
  PTE_ALLOC,
  PTE_ALLOC_ONE,
  HUGEPAGE_VMA_CHECK,
];
