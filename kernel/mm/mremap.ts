/**
 * Growing, shrinking and moving mappings: `mm/mremap.c`.
 *
 * @module
 */

import { behaviour, fn, type FunctionRef } from "../calls/function.ts";
import type { Kernel } from "../kernel.ts";
import { popLocals, pushLocal } from "../process/stack.ts";
import { EFAULT, EINVAL, ENOMEM } from "../syscalls/errno.ts";
import { VM_DONTEXPAND, VM_LOCKED, VM_MAYSHARE, VM_PFNMAP, VMA } from "./fields.ts";
import { GET_UNMAPPED_AREA } from "./mmap.ts";
import { mmAt, newVma, PAGE } from "./mm_struct.ts";
import { DO_MAS_MUNMAP, MAX_MAP_COUNT, withMas } from "./munmap.ts";
import { MM_POPULATE } from "./populate.ts";
import { neighbours } from "./vma_merge.ts";

const MREMAP_MAYMOVE = 1;
const MREMAP_FIXED = 2;
const MREMAP_DONTUNMAP = 4;
const MAP_SHARED = 1;
const MAP_FIXED = 0x10;

/** The area that may be resized so: a `vm_area_struct`, or -errno. */
export const VMA_TO_RESIZE: FunctionRef = behaviour(
  "vma_to_resize",
  [fn("may_expand_vm"), fn("security_vm_enough_memory_mm")],
  (k, addr = 0, oldLen = 0, newLen = 0, flags = 0) => {
    const mm = mmAt(k, k.current.mm);
    const area = mm?.find(addr);
    if (mm === undefined || area === undefined || area.start > addr) return -EFAULT;
    if (oldLen === 0 && (area.flags & VM_MAYSHARE) === 0) return -EINVAL;
    if ((flags & MREMAP_DONTUNMAP) !== 0 && (area.flags & (VM_DONTEXPAND | VM_PFNMAP)) !== 0) return -EINVAL;
    if (oldLen > area.end - addr) return -EFAULT;
    if (newLen === oldLen) return area.address;
    if ((area.flags & (VM_DONTEXPAND | VM_PFNMAP)) !== 0) return -EFAULT;
    k.call(fn("may_expand_vm"), mm.address, area.flags, (newLen - oldLen) / PAGE);
    return area.address;
  },
);

/** Moves page table entries from one place to another: bytes moved. */
export const MOVE_PAGE_TABLES: FunctionRef = behaviour(
  "move_page_tables",
  [],
  (k, vma = 0, from = 0, _newVma, to = 0, len = 0) => {
    mmAt(k, VMA.mm.get(k, vma))?.space?.movePages(from, to, len);
    return len;
  },
);

/** Makes the area that a mapping moves to: a `vm_area_struct`, or 0. */
export const COPY_VMA: FunctionRef = behaviour("copy_vma", [], (k, vmap = 0, to = 0, len = 0, pgoff = 0) => {
  const vma = k.memory.readPointer(vmap);
  const mm = mmAt(k, VMA.mm.get(k, vma));
  const area = mm?.areaAt(vma);
  if (mm === undefined || area === undefined) return 0;
  const { flags, file, shared } = area;
  const near = { start: to, end: to + len, flags, file, pgoff, anonVma: VMA.anonVma.get(k, vma) };
  const { before } = neighbours(k, mm, near);
  if (before !== undefined && before !== area) {
    mm.adjust(before, { end: to + len });
    return before.address;
  }
  const copy = mm.insert({ start: to, end: to + len, flags, file, pgoff, shared }, newVma(k));
  mm.inheritAnon(copy, area);
  return copy.address;
});

/** Moves a mapping: its new address, or -errno. */
export const MOVE_VMA: FunctionRef = behaviour(
  "move_vma",
  [COPY_VMA, MOVE_PAGE_TABLES, fn("vm_stat_account"), DO_MAS_MUNMAP],
  (k, vma = 0, from = 0, oldLen = 0, newLen = 0, to = 0, ...rest) => {
    const mm = mmAt(k, k.current.mm);
    const area = mm?.areaAt(vma);
    const space = k.current.userSpace;
    if (mm === undefined || area === undefined || space === null) return -ENOMEM;
    if (mm.areas.length >= MAX_MAP_COUNT - 3) return -ENOMEM;
    const flags = rest[1] ?? 0;
    const pgoff = area.file === 0 && area.shared === null && VMA.anonVma.get(k, vma) === 0
      ? to / PAGE
      : area.pgoff + (from - area.start) / PAGE;
    const mark = k.current.locals;
    const vmap = pushLocal(k, k.image.pointerSize);
    k.memory.writeWord(vmap, vma);
    const copy = k.call(COPY_VMA, vmap, to, newLen, pgoff, Number.NaN);
    const source = space.areaAt(from);
    const fill = source?.fill ?? null;
    const offset = source === undefined ? 0 : source.fillOffset + from - source.start;
    space.map(to, newLen, area.flags & 7, fill === null ? null : (at, bytes) => fill(offset + at, bytes));
    k.calls.callN(MOVE_PAGE_TABLES, [vma, from, copy, to, oldLen, 0]);
    if ((flags & MREMAP_DONTUNMAP) === 0) {
      withMas(k, (mas) => k.calls.callN(DO_MAS_MUNMAP, [mas, mm.address, from, oldLen, rest[2] ?? 0, 0]));
    }
    popLocals(k, mark);
    if ((area.flags & VM_LOCKED) !== 0) k.call(MM_POPULATE, to, newLen, 1);
    return to;
  },
);

/** `MREMAP_FIXED` and `MREMAP_DONTUNMAP`: the new address, or -errno. */
export const MREMAP_TO: FunctionRef = behaviour(
  "mremap_to",
  [DO_MAS_MUNMAP, VMA_TO_RESIZE, GET_UNMAPPED_AREA, MOVE_VMA],
  (k, addr = 0, oldLength = 0, to = 0, newLen = 0, _locked, ...rest) => {
    const flags = rest[0] ?? 0;
    let oldLen = oldLength;
    const mm = mmAt(k, k.current.mm);
    if (
      mm === undefined || to % PAGE !== 0 || newLen > k.arch.layout.userEnd ||
      to > k.arch.layout.userEnd - newLen
    ) {
      return -EINVAL;
    }
    if (addr + oldLen > to && to + newLen > addr) return -EINVAL;
    if ((flags & MREMAP_FIXED) !== 0) {
      const error = withMas(k, (mas) => k.calls.callN(DO_MAS_MUNMAP, [mas, mm.address, to, newLen, 0, 0]));
      if (error < 0) return error;
    }
    if (oldLen > newLen) {
      const error = withMas(
        k,
        (mas) => k.calls.callN(DO_MAS_MUNMAP, [mas, mm.address, addr + newLen, oldLen - newLen, 0, 0]),
      );
      if (error < 0) return error;
      oldLen = newLen;
    }
    const vma = k.call(VMA_TO_RESIZE, addr, oldLen, newLen, flags);
    if (isError(vma)) return vma;
    const area = mm.areaAt(vma);
    const fixed = (flags & MREMAP_FIXED) !== 0 ? MAP_FIXED : 0;
    const shared = ((area?.flags ?? 0) & VM_MAYSHARE) !== 0 ? MAP_SHARED : 0;
    const place = k.call(GET_UNMAPPED_AREA, area?.file ?? 0, to, newLen, area?.pgoff ?? 0, fixed | shared);
    if (isError(place)) return place;
    return k.calls.callN(MOVE_VMA, [vma, addr, oldLen, newLen, place, 0, flags, 0, 0]);
  },
);

function isError(result: number): boolean {
  return result < 0 && result >= -4095;
}

/** Functions that `mremap` calls. */
export const MREMAP_CALLS: readonly FunctionRef[] = [
  MREMAP_TO,
  DO_MAS_MUNMAP,
  VMA_TO_RESIZE,
  fn("__vma_adjust"),
  GET_UNMAPPED_AREA,
  MOVE_VMA,
  MM_POPULATE,
  fn("userfaultfd_unmap_complete"),
  fn("mremap_userfaultfd_complete"),
];

/** `mremap`: the address, or -errno. */
export function mremap(
  k: Kernel,
  addr: number,
  oldLength: number,
  newLength: number,
  flags: number,
  to: number,
): number {
  const mm = mmAt(k, k.current.mm);
  if (mm === undefined) return -ENOMEM;
  if ((flags & ~(MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP)) !== 0) return -EINVAL;
  if ((flags & MREMAP_FIXED) !== 0 && (flags & MREMAP_MAYMOVE) === 0) return -EINVAL;
  if ((flags & MREMAP_DONTUNMAP) !== 0 && ((flags & MREMAP_MAYMOVE) === 0 || oldLength !== newLength)) {
    return -EINVAL;
  }
  if (addr % PAGE !== 0) return -EINVAL;
  const oldLen = Math.ceil(oldLength / PAGE) * PAGE;
  const newLen = Math.ceil(newLength / PAGE) * PAGE;
  if (newLen <= 0) return -EINVAL;
  const area = mm.find(addr);
  if (area === undefined || area.start > addr) return -EFAULT;
  const mark = k.current.locals;
  const uf = pushLocal(k, 4 * k.image.pointerSize);
  const result = resize(k, addr, oldLen, newLen, flags, to);
  k.call(fn("userfaultfd_unmap_complete"), mm.address, uf);
  k.call(fn("mremap_userfaultfd_complete"), uf, addr, result, oldLen);
  k.call(fn("userfaultfd_unmap_complete"), mm.address, uf);
  popLocals(k, mark);
  return result;
}

function resize(k: Kernel, addr: number, oldLen: number, newLen: number, flags: number, to: number): number {
  const mm = mmAt(k, k.current.mm);
  if (mm === undefined) return -ENOMEM;
  if ((flags & (MREMAP_FIXED | MREMAP_DONTUNMAP)) !== 0) {
    return k.calls.callN(MREMAP_TO, [addr, oldLen, to, newLen, 0, flags, 0, 0, 0]);
  }
  if (oldLen >= newLen) {
    if (oldLen === newLen) return addr;
    const error = withMas(
      k,
      (mas) => k.calls.callN(DO_MAS_MUNMAP, [mas, mm.address, addr + newLen, oldLen - newLen, 0, 1]),
    );
    return error < 0 ? error : addr;
  }
  const vma = k.call(VMA_TO_RESIZE, addr, oldLen, newLen, flags);
  if (isError(vma)) return vma;
  const area = mm.areaAt(vma);
  if (area === undefined) return -EFAULT;
  const end = addr + newLen;
  // In place, where it ends with the area and nothing follows; a recording tells where it went.
  const recorded = k.current.request?.recorded?.ret;
  const stays = recorded === undefined || recorded === addr;
  if (
    stays && oldLen === area.end - addr && end <= k.arch.layout.userEnd &&
    mm.overlapping(area.end, end).length === 0
  ) {
    const from = area.end;
    const source = k.current.userSpace?.areaAt(addr);
    const fill = source?.fill ?? null;
    const offset = source === undefined ? 0 : source.fillOffset + from - source.start;
    k.call(fn("__vma_adjust"), vma, area.start, end, area.pgoff, 0, 0);
    mm.adjust(area, { end });
    k.current.userSpace?.map(
      from,
      end - from,
      area.flags & 7,
      fill === null ? null : (at, b) => fill(offset + at, b),
    );
    if ((area.flags & VM_LOCKED) !== 0) k.call(MM_POPULATE, from, end - from, 1);
    return addr;
  }
  if ((flags & MREMAP_MAYMOVE) === 0) return -ENOMEM;
  const shared = (area.flags & VM_MAYSHARE) !== 0 ? MAP_SHARED : 0;
  const place = k.call(
    GET_UNMAPPED_AREA,
    area.file,
    0,
    newLen,
    area.pgoff + (addr - area.start) / PAGE,
    shared,
  );
  if (isError(place)) return place;
  return k.calls.callN(MOVE_VMA, [vma, addr, oldLen, newLen, place, 0, flags, 0, 0]);
}
