/**
 * When two areas are one: `vma_merge`, `vma_expand`.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import { behaviour, fn, type FunctionRef } from "../calls/function.ts";
import { FPUT } from "../fs/fdtable.ts";
import type { Kernel } from "../kernel.ts";
import { VM_SHARED, VM_SOFTDIRTY, VM_SPECIAL, VMA } from "./fields.ts";
import { type Mm, mmAt, PAGE, type Vma } from "./mm_struct.ts";

/** What is about to be mapped, as far as it decides whether a neighbour can grow over it. */
export interface Candidate {
  readonly start: Addr;
  readonly end: Addr;
  readonly flags: number;
  readonly file: Addr;
  readonly pgoff: number;
  /** Its `anon_vma`; 0: none yet. */
  readonly anonVma: Addr;
}

function alike(k: Kernel, area: Vma, { flags, file, anonVma }: Candidate): boolean {
  if (((area.flags ^ flags) & ~VM_SOFTDIRTY) !== 0 || (flags & VM_SPECIAL) !== 0) return false;
  // Shared anonymous memory is a file of its own each time.
  if (area.file !== file || area.shared !== null || file === 0 && (flags & VM_SHARED) !== 0) return false;
  const own = VMA.anonVma.get(k, area.address);
  return own === 0 || anonVma === 0 || own === anonVma;
}

/** Areas that can be one with what is about to be mapped: the one before it, the one behind it. */
export function neighbours(
  k: Kernel,
  mm: Mm,
  candidate: Candidate,
): { readonly before: Vma | undefined; readonly after: Vma | undefined } {
  const { start, end, pgoff } = candidate;
  const at = (address: Addr): Vma | undefined => {
    const area = mm.find(address);
    return area !== undefined && area.start <= address ? area : undefined;
  };
  const below = start === 0 ? undefined : at(start - 1);
  const above = at(end);
  const before = below !== undefined && below.end === start && alike(k, below, candidate) &&
      below.pgoff + (below.end - below.start) / PAGE === pgoff
    ? below
    : undefined;
  const after = above !== undefined && above.start === end && alike(k, above, candidate) &&
      above.pgoff === pgoff + (end - start) / PAGE
    ? above
    : undefined;
  return { before, after };
}

/** Lets `before` or `after`, or both as one, cover a range: the area that now does. The file of one that went is put. */
export function joinOver(
  k: Kernel,
  mm: Mm,
  range: { readonly start: Addr; readonly end: Addr },
  { before, after }: { readonly before: Vma | undefined; readonly after: Vma | undefined },
): Vma | undefined {
  if (before === undefined) {
    if (after !== undefined) mm.adjust(after, { start: range.start });
    return after;
  }
  if (after === undefined) {
    mm.adjust(before, { end: range.end });
    return before;
  }
  const { end, file } = after;
  if (VMA.anonVma.get(k, before.address) === 0) mm.inheritAnon(before, after);
  mm.together(() => {
    mm.remove(after);
    mm.adjust(before, { end });
  });
  if (file !== 0) k.call(FPUT, file);
  return before;
}

/** Grows an area over what is mapped now: 0. Which range, the caller has settled (`joinOver`). */
export const VMA_EXPAND: FunctionRef = behaviour(
  "vma_expand",
  [FPUT],
  (k, _mas, vma = 0, start = 0, end = 0, pgoff = 0) => {
    const mm = mmAt(k, VMA.mm.get(k, vma));
    const area = mm?.areaAt(vma);
    if (mm === undefined || area === undefined) return -12;
    const candidate = {
      start: area.end <= start ? area.end : start,
      end,
      flags: area.flags,
      file: area.file,
      pgoff,
      anonVma: VMA.anonVma.get(k, vma),
    };
    const next = area.start < start || area.start === start ? mm.find(end - 1) : undefined;
    const after = next !== undefined && next !== area && next.end === end ? next : undefined;
    if (area.start > start) joinOver(k, mm, { start, end: area.start }, { before: undefined, after: area });
    else if (after !== undefined) {
      joinOver(k, mm, { start: candidate.start, end: after.start }, { before: area, after });
    } else joinOver(k, mm, { start: candidate.start, end }, { before: area, after: undefined });
    return 0;
  },
);

/**
 * Tries to make a range whose flags change one with its neighbours: the `vm_area_struct` that then covers it, or 0. The
 * range is part of one area.
 */
export const VMA_MERGE: FunctionRef = behaviour(
  "vma_merge",
  [fn("__vma_adjust"), FPUT],
  (k, address = 0, _prev, start = 0, end = 0, flags = 0, anonVma = 0) => {
    const mm = mmAt(k, address);
    const area = mm?.find(start);
    if (mm === undefined || area === undefined || area.start > start) return 0;
    const candidate = {
      start,
      end,
      flags,
      file: area.file,
      pgoff: area.pgoff + (start - area.start) / PAGE,
      anonVma,
    };
    const found = neighbours(k, mm, candidate);
    const before = start === area.start ? found.before : undefined;
    const after = end === area.end ? found.after : undefined;
    if (before === undefined && after === undefined || area.shared !== null) return 0;
    k.call(fn("__vma_adjust"), (before ?? after as Vma).address, start, end);
    if (start === area.start && end === area.end) {
      const { file } = area;
      if (before !== undefined && VMA.anonVma.get(k, before.address) === 0) mm.inheritAnon(before, area);
      if (before === undefined && after !== undefined && VMA.anonVma.get(k, after.address) === 0) {
        mm.inheritAnon(after, area);
      }
      mm.together(() => mm.remove(area));
      const kept = joinOver(k, mm, { start, end }, { before, after });
      if (file !== 0) k.call(FPUT, file);
      return kept?.address ?? 0;
    }
    // A part of an area goes over to its neighbour.
    if (before !== undefined) {
      mm.together(() => {
        mm.adjust(area, { start: end });
        mm.adjust(before, { end });
      });
      return before.address;
    }
    mm.together(() => {
      mm.adjust(area, { end: start });
      mm.adjust(after as Vma, { start });
    });
    return (after as Vma).address;
  },
);
