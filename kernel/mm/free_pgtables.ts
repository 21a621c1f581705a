/**
 * Page tables that nothing needs any more: those of areas that are unmapped, as far as no area beside them has a part in
 * them (`free_pgtables`, `free_pgd_range`).
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import { behaviour, fn, type FunctionRef } from "../calls/function.ts";
import type { Kernel } from "../kernel.ts";
import { VMA } from "./fields.ts";
import { freePages } from "./page_alloc.ts";
import { dropTable, pageTables, TABLE_SPANS, type TableLevel } from "./page_tables.ts";
import { gatherOf } from "./gather.ts";

const UNLINK_ANON_VMAS = fn("unlink_anon_vmas");
const UNLINK_FILE_VMA = fn("unlink_file_vma");
const TLB_REMOVE_TABLE = fn("tlb_remove_table");
const LRUVEC_STATE = fn("__mod_lruvec_page_state");
const FREE_TLB: Readonly<Record<TableLevel, FunctionRef>> = {
  ptes: fn("___pte_free_tlb"),
  pmds: fn("___pmd_free_tlb"),
  puds: fn("___pud_free_tlb"),
};
/** Areas nearer to one another than this are dealt with together. */
const PMD_SIZE = 2 ** 21;

/** Frees the tables between two addresses, but those that reach below `floor` or above `ceiling` (0: as far as there is memory). */
export const FREE_PGD_RANGE: FunctionRef = behaviour(
  "free_pgd_range",
  [...Object.values(FREE_TLB), LRUVEC_STATE, TLB_REMOVE_TABLE],
  (k, tlb = 0, start = 0, end = 0, floor = 0, ceiling = 0) => {
    const top = ceiling === 0 ? Infinity : ceiling;
    const { mm } = gatherOf(k, tlb);
    const free = (level: TableLevel, from: Addr, to: Addr, below: (at: Addr, end: Addr) => void): void => {
      const span = TABLE_SPANS[level];
      const keys = [...pageTables(k, mm)[level].keys()].filter((key) =>
        key * span < to && (key + 1) * span > from
      ).sort((a, b) => a - b);
      for (const key of keys) {
        const at = key * span;
        below(Math.max(at, from), Math.min(at + span, to));
        if (at >= floor && at + span <= top) freeTable(k, tlb, mm, level, key);
      }
    };
    const ptes = (from: Addr, to: Addr): void => free("ptes", from, to, () => {});
    const pmds = (from: Addr, to: Addr): void => free("pmds", from, to, ptes);
    if (k.image.pointerSize === 4) pmds(start, end);
    else free("puds", start, end, pmds);
    return Number.NaN;
  },
);

function freeTable(k: Kernel, tlb: Addr, mm: Addr, level: TableLevel, key: number): void {
  const page = dropTable(k, mm, level, key);
  if (k.image.arch === "arm64") {
    // Tables of the upper level are not charged to anybody.
    if (level !== "puds") k.call(LRUVEC_STATE, page, Number.NaN, -1);
    k.call(TLB_REMOVE_TABLE, tlb, page);
    freePages(k, page);
    return;
  }
  k.call(FREE_TLB[level], tlb, page);
  gatherOf(k, tlb).pages.push({ page: null, struct: page });
}

/** Takes areas out of what lists them, and frees their tables. */
export function freePgtables(
  k: Kernel,
  tlb: Addr,
  areas: readonly Addr[],
  floor: Addr,
  ceiling: Addr,
): void {
  for (let i = 0; i < areas.length; i++) {
    let vma = areas[i] ?? 0;
    const start = VMA.start.get(k, vma);
    k.call(UNLINK_ANON_VMAS, vma);
    k.call(UNLINK_FILE_VMA, vma);
    while (i + 1 < areas.length && VMA.start.get(k, areas[i + 1] ?? 0) <= VMA.end.get(k, vma) + PMD_SIZE) {
      vma = areas[++i] ?? 0;
      k.call(UNLINK_ANON_VMAS, vma);
      k.call(UNLINK_FILE_VMA, vma);
    }
    const next = areas[i + 1];
    const end = VMA.end.get(k, vma);
    k.call(FREE_PGD_RANGE, tlb, start, end, floor, next === undefined ? ceiling : VMA.start.get(k, next));
  }
}

/** What `freePgtables` calls. */
export const FREE_PGTABLES_CALLS: readonly FunctionRef[] = [
  UNLINK_ANON_VMAS,
  UNLINK_FILE_VMA,
  FREE_PGD_RANGE,
];
