/**
 * Unmapping memory: `do_munmap` and what it takes.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import { behaviour, fn, type FunctionRef } from "../calls/function.ts";
import { FPUT } from "../fs/fdtable.ts";
import type { Kernel } from "../kernel.ts";
import { sizeIfKnown } from "../process/objects.ts";
import { popLocals, pushLocal } from "../process/stack.ts";
import { EINVAL, ENOMEM } from "../syscalls/errno.ts";
import { VM_ACCOUNT, VM_MAY, VM_READ, VM_WRITE, VMA } from "./fields.ts";
import { type Mm, mmAt, newVma, PAGE } from "./mm_struct.ts";
import { FREE_PGTABLES, GATHER_CALLS, UNMAP_VMAS, withAreas, withGather } from "./zap.ts";

/** Most areas of an address space: `vm.max_map_count`. */
export const MAX_MAP_COUNT = 65530;

/** A copy of a `vm_area_struct` that no address space has yet. */
export const VM_AREA_DUP: FunctionRef = behaviour("vm_area_dup", [], (k) => newVma(k));

/** Cuts an area in two at an address; `newBelow`: the new `vm_area_struct` is the lower part's. 0 or -errno. */
export const SPLIT_VMA: FunctionRef = behaviour(
  "__split_vma",
  [VM_AREA_DUP, fn("vma_dup_policy"), fn("anon_vma_clone"), fn("__vma_adjust")],
  (k, mm = 0, vma = 0, addr = 0, newBelow = 0) => {
    const space = mmAt(k, mm);
    const area = space?.areaAt(vma);
    if (space === undefined || area === undefined || addr <= area.start || addr >= area.end) return 0;
    const made = k.call(VM_AREA_DUP, vma);
    k.call(fn("vma_dup_policy"), vma, made);
    k.call(fn("anon_vma_clone"), made, vma);
    if (newBelow !== 0) {
      k.calls.callN(fn("__vma_adjust"), [
        vma,
        addr,
        area.end,
        area.pgoff + (addr - area.start) / PAGE,
        made,
        0,
      ]);
    } else k.calls.callN(fn("__vma_adjust"), [vma, area.start, addr, area.pgoff, made, 0]);
    space.split(area, addr, newBelow !== 0, made);
    return 0;
  },
);

/** The same, unless there are too many areas already. */
export const SPLIT_VMA_CHECKED: FunctionRef = behaviour(
  "split_vma",
  [SPLIT_VMA],
  (k, mm = 0, vma = 0, addr = 0, newBelow = 0) =>
    (mmAt(k, mm)?.areas.length ?? 0) >= MAX_MAP_COUNT ? -ENOMEM : k.call(SPLIT_VMA, mm, vma, addr, newBelow),
);

/** Gives back the pages of areas that were taken out of the address space, and the page tables that only they needed. */
export const UNMAP_REGION: FunctionRef = behaviour(
  "unmap_region",
  [...GATHER_CALLS, fn("tlb_gather_mmu"), UNMAP_VMAS, FREE_PGTABLES],
  (k, mm = 0, mt = 0, vma = 0, prev = 0, next = 0, start = 0, ...rest) => {
    const end = rest[0] ?? start;
    k.call(fn("lru_add_drain"));
    withGather(k, mm, "tlb_gather_mmu", (tlb) => {
      k.call(UNMAP_VMAS, tlb, mt, vma, start, end);
      const floor = prev === 0 ? 0 : VMA.end.get(k, prev);
      k.call(FREE_PGTABLES, tlb, mt, vma, floor, next === 0 ? 0 : VMA.start.get(k, next));
    });
    return Number.NaN;
  },
);

/** Frees a `vm_area_struct`. */
export const VM_AREA_FREE: FunctionRef = fn("vm_area_free");

/** An area that is unmapped: its file is put, it is freed. */
export const REMOVE_VMA: FunctionRef = behaviour(
  "remove_vma",
  [fn("vma_close"), FPUT, VM_AREA_FREE],
  (k, vma = 0) => {
    const mm = mmAt(k, VMA.mm.get(k, vma));
    const area = mm?.areaAt(vma);
    if (mm === undefined || area === undefined) return Number.NaN;
    k.call(fn("vma_close"), vma);
    if (area.file !== 0) k.call(FPUT, area.file);
    k.call(VM_AREA_FREE, vma);
    mm.remove(area);
    return Number.NaN;
  },
);

/** Unmaps `[start, end)`, which holds part of `vma`: 0 or 1 for done, or -errno. */
export const DO_MAS_ALIGN_MUNMAP: FunctionRef = behaviour(
  "do_mas_align_munmap",
  [SPLIT_VMA, UNMAP_REGION, REMOVE_VMA, fn("vma_close"), FPUT, VM_AREA_FREE],
  (k, _mas, _vma, address = 0, start = 0, end = 0, ...rest) => {
    const mm = mmAt(k, address);
    if (mm === undefined) return -EINVAL;
    for (const edge of [start, end]) {
      const area = mm.find(edge);
      if (area === undefined || area.start >= edge) continue;
      if (edge === start && end < area.end && mm.areas.length >= MAX_MAP_COUNT) return -ENOMEM;
      const error = k.call(
        SPLIT_VMA,
        address,
        area.address,
        edge,
        edge === end && area.start >= start ? 1 : 0,
      );
      if (error !== 0) return error;
    }
    const gone = mm.overlapping(start, end);
    const [first] = gone;
    if (first !== undefined) {
      withAreas(k, gone.map((area) => area.address), () => {
        const mark = k.current.locals;
        const mt = pushLocal(k, sizeIfKnown(k, "maple_tree") || 24);
        const before = mm.overlapping(first.start - 1, first.start)[0]?.address ?? 0;
        const behind = mm.find(end)?.address ?? 0;
        k.calls.callN(UNMAP_REGION, [address, mt, first.address, before, behind, start, end]);
        popLocals(k, mark);
      });
    }
    mm.together(() => {
      for (const area of gone) k.call(REMOVE_VMA, area.address);
    });
    k.current.userSpace?.unmap(start, end - start);
    return (rest[1] ?? 0) === 0 ? 0 : 1;
  },
);

/** Unmaps a range if anything is mapped there. */
export const DO_MAS_MUNMAP: FunctionRef = behaviour(
  "do_mas_munmap",
  [DO_MAS_ALIGN_MUNMAP],
  (k, mas = 0, address = 0, start = 0, len = 0, uf = 0, ...rest) => {
    const mm = mmAt(k, address);
    const end = start + Math.ceil(len / PAGE) * PAGE;
    const top = k.arch.layout.userEnd;
    if (mm === undefined || start % PAGE !== 0 || end === start || start < 0 || end > top) return -EINVAL;
    const first = mm.overlapping(start, end)[0];
    if (first === undefined) return 0;
    return k.calls.callN(DO_MAS_ALIGN_MUNMAP, [mas, first.address, address, start, end, uf, rest[0] ?? 0]);
  },
);

/** `munmap`: 0 or -errno. */
export const VM_MUNMAP: FunctionRef = behaviour(
  "__vm_munmap",
  [DO_MAS_MUNMAP, fn("userfaultfd_unmap_complete")],
  (k, start = 0, len = 0, downgrade = 0) => {
    const { mm } = k.current;
    const mark = k.current.locals;
    const uf = pushLocal(k, 2 * k.image.pointerSize);
    const result = withMas(k, (mas) => k.calls.callN(DO_MAS_MUNMAP, [mas, mm, start, len, uf, downgrade]));
    k.call(fn("userfaultfd_unmap_complete"), mm, uf);
    popLocals(k, mark);
    return result === 1 ? 0 : result;
  },
);

/** Runs `body` with a `struct ma_state` in the stack. */
export function withMas(k: Kernel, body: (mas: Addr) => number): number {
  const mark = k.current.locals;
  const result = body(
    pushLocal(k, sizeIfKnown(k, "ma_state") || 64),
  );
  popLocals(k, mark);
  return result;
}

/**
 * In a replay: maps what a recorded call needs to be mapped and the model hasn't, as the program's own segments: pages of
 * `file`, or anonymous ones for 0.
 */
export function implyMapped(k: Kernel, mm: Mm, start: Addr, end: Addr, file: Addr = 0): void {
  const map = (from: Addr, to: Addr): void => {
    const flags = VM_MAY | VM_READ | VM_WRITE | VM_ACCOUNT;
    mm.insert({ start: from, end: to, flags, file, pgoff: file === 0 ? from / PAGE : 0 });
    k.current.userSpace?.map(from, to - from, 3);
  };
  let at = start;
  for (const area of mm.overlapping(start, end)) {
    if (area.start > at) map(at, area.start);
    at = Math.max(at, area.end);
  }
  if (at < end) map(at, end);
}
