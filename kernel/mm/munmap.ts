/**
 * Unmapping memory and changing its protection.
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
import { VM_MAY } from "./fields.ts";
import { type Mm, mmAt, PAGE, type Vma } from "./mm_struct.ts";

/** Cuts an area in two at an address. */
export const SPLIT_VMA: FunctionRef = behaviour("__split_vma", [], (k, mm = 0, vma = 0, addr = 0) => {
  const space = mmAt(k, mm);
  const area = space?.areas.find((found) => found.address === vma);
  if (space !== undefined && area !== undefined && addr > area.start && addr < area.end) {
    space.split(area, addr);
  }
  return 0;
});

/** Gives back the pages of a range. */
export const UNMAP_REGION: FunctionRef = fn("unmap_region");
/** Frees a `vm_area_struct`. */
export const VM_AREA_FREE: FunctionRef = fn("vm_area_free");

/** Unmaps `[start, end)`, which holds part of `vma`: 0 or 1 for done. */
export const DO_MAS_ALIGN_MUNMAP: FunctionRef = behaviour(
  "do_mas_align_munmap",
  [SPLIT_VMA, UNMAP_REGION, fn("vma_close"), FPUT, VM_AREA_FREE],
  (k, _mas, _vma, address = 0, start = 0, end = 0, ...rest) => {
    const mm = mmAt(k, address);
    if (mm === undefined) return -EINVAL;
    for (const edge of [start, end]) {
      const area = mm.areas.find((found) => found.start < edge && found.end > edge);
      if (area !== undefined) k.call(SPLIT_VMA, address, area.address, edge, edge === start ? 1 : 0);
    }
    const gone = mm.overlapping(start, end);
    k.call(UNMAP_REGION, address);
    for (const area of gone) {
      k.call(fn("vma_close"), area.address);
      if (area.file !== 0) k.call(FPUT, area.file);
      k.call(VM_AREA_FREE, area.address);
      mm.remove(area);
    }
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
    if (mm === undefined || start % PAGE !== 0 || end === start) return -EINVAL;
    const first = mm.overlapping(start, end)[0];
    if (first === undefined) return 0;
    return k.calls.callN(DO_MAS_ALIGN_MUNMAP, [mas, first.address, address, start, end, uf, rest[0] ?? 0]);
  },
);

/** `munmap`: 0 or -errno. */
export const VM_MUNMAP: FunctionRef = behaviour(
  "__vm_munmap",
  [DO_MAS_MUNMAP],
  (k, start = 0, len = 0, downgrade = 0) => {
    const { mm } = k.current;
    const mark = k.current.locals;
    const uf = pushLocal(k, 2 * k.image.pointerSize);
    const result = withMas(k, (mas) => k.calls.callN(DO_MAS_MUNMAP, [mas, mm, start, len, uf, downgrade]));
    popLocals(k, mark);
    return result === 1 ? 0 : result;
  },
);

/** Changes the protection of a part of one area. */
export const MPROTECT_FIXUP: FunctionRef = behaviour(
  "mprotect_fixup",
  [fn("vma_merge"), fn("split_vma"), fn("change_protection")],
  (k, tlb = 0, vma = 0, _pprev, start = 0, end = 0, ...rest) => {
    const mm = mmAt(k, k.current.mm);
    let area = mm?.areas.find((found) => found.address === vma);
    if (mm === undefined || area === undefined) return -ENOMEM;
    if (start > area.start) {
      k.call(fn("split_vma"), mm.address, vma, start, 1);
      area = mm.split(area, start);
    }
    if (end < area.end) {
      k.call(fn("split_vma"), mm.address, area.address, end, 0);
      mm.split(area, end);
    }
    mm.adjust(area, { flags: rest[0] ?? area.flags });
    k.call(fn("change_protection"), tlb, area.address, start, end);
    k.current.userSpace?.protect(start, end - start, area.flags & 7);
    return 0;
  },
);

/** `mprotect`, `pkey_mprotect`: 0 or -errno. */
export const DO_MPROTECT_PKEY: FunctionRef = behaviour(
  "do_mprotect_pkey",
  [MPROTECT_FIXUP],
  (k, start = 0, len = 0, prot = 0) => {
    const mm = mmAt(k, k.current.mm);
    const end = start + Math.ceil(len / PAGE) * PAGE;
    if (start % PAGE !== 0) return -EINVAL;
    if (len === 0) return 0;
    const areas = mm?.overlapping(start, end) ?? [];
    if (mm === undefined || !covers(areas, start, end)) return -ENOMEM;
    const mark = k.current.locals;
    const tlb = pushLocal(k, 128);
    const pprev = pushLocal(k, k.image.pointerSize);
    let error = 0;
    for (const area of areas) {
      const from = Math.max(start, area.start);
      const to = Math.min(end, area.end);
      error = k.calls.callN(MPROTECT_FIXUP, [tlb, area.address, pprev, from, to, area.flags & ~7 | prot & 7]);
      if (error !== 0) break;
    }
    popLocals(k, mark);
    return error;
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

/** In a replay: maps what a recorded call needs to be mapped and the model hasn't, as the program's own segments. */
export function implyMapped(mm: Mm, start: Addr, end: Addr): void {
  let at = start;
  for (const area of mm.overlapping(start, end)) {
    if (area.start > at) {
      mm.insert({ start: at, end: area.start, flags: VM_MAY | 3, file: 0, pgoff: at / PAGE });
    }
    at = Math.max(at, area.end);
  }
  if (at < end) mm.insert({ start: at, end, flags: VM_MAY | 3, file: 0, pgoff: at / PAGE });
}

function covers(areas: readonly Vma[], start: Addr, end: Addr): boolean {
  let at = start;
  for (const area of areas) {
    if (area.start > at) return false;
    at = area.end;
  }
  return at >= end;
}
