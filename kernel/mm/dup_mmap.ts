/**
 * What a fork calls for its parent's memory: area by area, and page by page where pages are copied. The copy itself is
 * made by `dupMm`.
 *
 * @module
 */

import { behaviour, fn, type FunctionRef } from "../calls/function.ts";
import { VM_ACCOUNT, VM_DONTCOPY, VMA } from "./fields.ts";
import { mmAt, PAGE } from "./mm_struct.ts";
import { normalPage, VM_NORMAL_PAGE } from "./normal_page.ts";
import { pageStruct } from "./page_struct.ts";

const ENOUGH_MEMORY = fn("security_vm_enough_memory_mm");
const INSERT_AFTER = fn("vma_interval_tree_insert_after");
const ANON_VMA_CLONE = fn("anon_vma_clone");

/** Attaches the copy of an area to what the area itself is attached to: 0. `dupMm` does it. */
export const ANON_VMA_FORK: FunctionRef = behaviour(
  "anon_vma_fork",
  [ANON_VMA_CLONE],
  (k, copy = 0, vma = 0) => {
    if (VMA.anonVma.get(k, vma) !== 0) k.call(ANON_VMA_CLONE, copy, vma);
    return 0;
  },
);

/** Copies the page tables of an area, but those that a fault would fill again in the same way. */
export const COPY_PAGE_RANGE: FunctionRef = behaviour(
  "copy_page_range",
  [VM_NORMAL_PAGE],
  (k, _copy, vma = 0) => {
    const mm = mmAt(k, VMA.mm.get(k, vma));
    const area = mm?.areaAt(vma);
    if (mm === undefined || area === undefined || mm.space === null || VMA.anonVma.get(k, vma) === 0) {
      return 0;
    }
    for (const key of mm.space.pagesIn(area.start, area.end)) {
      const page = mm.space.pageAt(key);
      const struct = page === undefined || page.frame === 0 ? page?.struct ?? 0 : pageStruct(k, page.frame);
      normalPage(k, vma, key * PAGE, struct || Number.NaN);
    }
    return 0;
  },
);

/** Copies the areas of an address space: 0. */
export const DUP_MMAP: FunctionRef = behaviour(
  "dup_mmap",
  [ENOUGH_MEMORY, ANON_VMA_FORK, INSERT_AFTER, COPY_PAGE_RANGE],
  (k, _mm, oldmm = 0) => {
    for (const area of mmAt(k, oldmm)?.areas ?? []) {
      if ((area.flags & VM_DONTCOPY) !== 0) continue;
      const { address, start, end } = area;
      if ((area.flags & VM_ACCOUNT) !== 0) k.call(ENOUGH_MEMORY, oldmm, (end - start) / PAGE);
      k.call(ANON_VMA_FORK, Number.NaN, address);
      if (area.file !== 0) k.call(INSERT_AFTER);
      k.call(COPY_PAGE_RANGE, Number.NaN, address);
    }
    return 0;
  },
);
