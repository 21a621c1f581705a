/**
 * Changing the protection of memory: `mm/mprotect.c`.
 *
 * @module
 */

import { behaviour, fn, type FunctionRef } from "../calls/function.ts";
import type { Kernel } from "../kernel.ts";
import { popLocals, pushLocal } from "../process/stack.ts";
import { EACCES, EINVAL, ENOMEM } from "../syscalls/errno.ts";
import { VM_ACCOUNT, VM_EXEC, VM_GROWSDOWN, VM_READ, VM_SHARED, VM_WRITE, VMA } from "./fields.ts";
import { mmAt, PAGE } from "./mm_struct.ts";
import { SPLIT_VMA_CHECKED } from "./munmap.ts";
import { VMA_MERGE } from "./vma_merge.ts";
import { TLB_FINISH_MMU } from "./zap.ts";

const PROT_GROWSDOWN = 0x1000000;
const PROT_GROWSUP = 0x2000000;

/** Rewrites page table entries. */
export const CHANGE_PROTECTION: FunctionRef = behaviour(
  "change_protection",
  [],
  (k, _tlb, vma = 0, start = 0, end = 0) => {
    const space = mmAt(k, VMA.mm.get(k, vma))?.space;
    const pages = space?.pagesIn(start, end) ?? [];
    return pages.length;
  },
);

/** Changes the protection of a part of one area: 0 or -errno. */
export const MPROTECT_FIXUP: FunctionRef = behaviour(
  "mprotect_fixup",
  [
    VMA_MERGE,
    SPLIT_VMA_CHECKED,
    fn("security_vm_enough_memory_mm"),
    fn("vma_set_page_prot"),
    CHANGE_PROTECTION,
    fn("vm_stat_account"),
  ],
  (k, tlb = 0, vma = 0, _pprev, start = 0, end = 0, ...rest) => {
    const mm = mmAt(k, k.current.mm);
    let area = mm?.areaAt(vma);
    if (mm === undefined || area === undefined) return -ENOMEM;
    let flags = rest[0] ?? area.flags;
    const old = area.flags;
    if (flags === old) return 0;
    const accounts = (flags & VM_WRITE) !== 0 && (old & (VM_ACCOUNT | VM_WRITE | VM_SHARED)) === 0;
    if (accounts) {
      k.call(fn("security_vm_enough_memory_mm"), mm.address, (end - start) / PAGE);
      flags |= VM_ACCOUNT;
    }
    const merged = k.calls.callN(VMA_MERGE, [
      mm.address,
      mm.overlapping(area.start - 1, area.start)[0]?.address ?? 0,
      start,
      end,
      flags,
      VMA.anonVma.get(k, vma),
    ]);
    if (merged !== 0) area = mm.areaAt(merged) ?? area;
    else {
      if (start > area.start) {
        const error = k.call(SPLIT_VMA_CHECKED, mm.address, area.address, start, 1);
        if (error !== 0) return error;
      }
      if (end < area.end) {
        const error = k.call(SPLIT_VMA_CHECKED, mm.address, area.address, end, 0);
        if (error !== 0) return error;
      }
      mm.adjust(area, { flags });
    }
    k.call(fn("vma_set_page_prot"), area.address);
    k.call(CHANGE_PROTECTION, tlb, area.address, start, end);
    k.current.userSpace?.protect(start, end - start, flags & 7);
    k.call(fn("vm_stat_account"), mm.address, old, -(end - start) / PAGE);
    k.call(fn("vm_stat_account"), mm.address, flags, (end - start) / PAGE);
    return 0;
  },
);

/** `mprotect`, `pkey_mprotect`: 0 or -errno. */
export const DO_MPROTECT_PKEY: FunctionRef = behaviour(
  "do_mprotect_pkey",
  [fn("tlb_gather_mmu"), fn("security_file_mprotect"), MPROTECT_FIXUP, TLB_FINISH_MMU],
  (k, start = 0, len = 0, prot = 0, pkey = -1) => {
    const mm = mmAt(k, k.current.mm);
    const grows = prot & (PROT_GROWSDOWN | PROT_GROWSUP);
    if (grows === (PROT_GROWSDOWN | PROT_GROWSUP) || start % PAGE !== 0) return -EINVAL;
    if (len === 0) return 0;
    const end = start + Math.ceil(len / PAGE) * PAGE;
    if (end <= start || mm === undefined) return -ENOMEM;
    if ((prot & ~(grows | 0xf)) !== 0 || pkey !== -1) return -EINVAL;
    const first = mm.find(start);
    if (first === undefined || first.start >= end) return -ENOMEM;
    let from = start;
    if (grows === PROT_GROWSDOWN) {
      if ((first.flags & VM_GROWSDOWN) === 0) return -EINVAL;
      from = first.start;
    } else if (first.start > start) return -ENOMEM;
    const mark = k.current.locals;
    const tlb = pushLocal(k, 128);
    const pprev = pushLocal(k, k.image.pointerSize);
    k.call(fn("tlb_gather_mmu"), tlb, mm.address);
    const error = changeAreas(k, tlb, pprev, from, end, prot & 7);
    k.call(TLB_FINISH_MMU, tlb);
    popLocals(k, mark);
    return error;
  },
);

function changeAreas(
  k: Kernel,
  tlb: number,
  pprev: number,
  start: number,
  end: number,
  prot: number,
): number {
  const mm = mmAt(k, k.current.mm);
  for (let at = start; at < end;) {
    const area = mm?.find(at);
    if (area === undefined || area.start > at) return -ENOMEM;
    const flags = area.flags - (area.flags & 7) + prot;
    // What may become readable, writable, executable, stands 4 bits higher.
    if ((flags & ~Math.floor(flags / 16) & (VM_READ | VM_WRITE | VM_EXEC)) !== 0) return -EACCES;
    k.call(fn("security_file_mprotect"), area.address, prot, prot);
    const to = Math.min(end, area.end);
    const error = k.calls.callN(MPROTECT_FIXUP, [tlb, area.address, pprev, at, to, flags]);
    if (error !== 0) return error;
    at = to;
  }
  return 0;
}
