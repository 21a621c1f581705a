/**
 * Advice about memory: `mm/madvise.c`.
 *
 * @module
 */

import { behaviour, fn, type FunctionRef } from "../calls/function.ts";
import type { Kernel } from "../kernel.ts";
import { popLocals, pushLocal } from "../process/stack.ts";
import { EACCES, EFAULT, EINVAL, ENOMEM, EPERM } from "../syscalls/errno.ts";
import {
  VM_DONTCOPY,
  VM_DONTDUMP,
  VM_HUGEPAGE,
  VM_IO,
  VM_LOCKED,
  VM_MERGEABLE,
  VM_NOHUGEPAGE,
  VM_PFNMAP,
  VM_RAND_READ,
  VM_SEQ_READ,
  VM_SHARED,
  VM_WIPEONFORK,
  VM_WRITE,
  VMA,
} from "./fields.ts";
import { type Mm, mmAt, PAGE, type Vma } from "./mm_struct.ts";
import { SPLIT_VMA_CHECKED } from "./munmap.ts";
import { FOLL_WRITE, GET_USER_PAGES } from "./populate.ts";
import { VMA_MERGE } from "./vma_merge.ts";
import { ZAP_PAGE_RANGE_SINGLE } from "./zap.ts";

const NORMAL = 0;
const RANDOM = 1;
const SEQUENTIAL = 2;
const WILLNEED = 3;
const DONTNEED = 4;
const FREE = 8;
const REMOVE = 9;
const POPULATE_READ = 22;
const POPULATE_WRITE = 23;
const DONTNEED_LOCKED = 24;
const HWPOISON = 100;
const SOFT_OFFLINE = 101;

/** Advice that changes an area's flags: bits to set, bits to clear. */
const FLAGS: ReadonlyMap<number, readonly [set: number, clear: number]> = new Map([
  [NORMAL, [0, VM_RAND_READ | VM_SEQ_READ]],
  [RANDOM, [VM_RAND_READ, VM_SEQ_READ]],
  [SEQUENTIAL, [VM_SEQ_READ, VM_RAND_READ]],
  [10, [VM_DONTCOPY, 0]],
  [11, [0, VM_DONTCOPY]],
  [12, [VM_MERGEABLE, 0]],
  [13, [0, VM_MERGEABLE]],
  [14, [VM_HUGEPAGE, VM_NOHUGEPAGE]],
  [15, [VM_NOHUGEPAGE, VM_HUGEPAGE]],
  [16, [VM_DONTDUMP, 0]],
  [17, [0, VM_DONTDUMP]],
  [18, [VM_WIPEONFORK, 0]],
  [19, [0, VM_WIPEONFORK]],
]);
/** `MADV_COLD`, `MADV_PAGEOUT`, `MADV_COLLAPSE`: nothing that a later access would see. */
const HINTS = new Set([20, 21, 25]);
const KNOWN = new Set([
  ...FLAGS.keys(),
  ...HINTS,
  WILLNEED,
  DONTNEED,
  FREE,
  REMOVE,
  POPULATE_READ,
  POPULATE_WRITE,
  DONTNEED_LOCKED,
]);

/** Whether the pages of an area may be given up. */
const VALID = behaviour("madvise_dontneed_free_valid_vma", [], (k, vma = 0, _start, _end, advice = 0) => {
  const flags = VMA.flags.get(k, vma);
  const forbidden = VM_PFNMAP | (advice === DONTNEED_LOCKED ? 0 : VM_LOCKED);
  return (flags & forbidden) === 0 ? 1 : 0;
});

/** Gives up pages that are not shared; what a program wrote may come back until memory is short. */
const FREE_SINGLE = behaviour(
  "madvise_free_single_vma",
  [ZAP_PAGE_RANGE_SINGLE],
  (k, vma = 0) => VMA.file.get(k, vma) !== 0 ? -EINVAL : 0,
);

/** Functions that `madvise` calls itself. */
const CALLS = [
  fn("blk_start_plug"),
  fn("find_vma_prev"),
  fn("find_vma"),
  VALID,
  fn("userfaultfd_remove"),
  ZAP_PAGE_RANGE_SINGLE,
  FREE_SINGLE,
  fn("vfs_fadvise"),
  fn("hugepage_madvise"),
  fn("ksm_madvise"),
  VMA_MERGE,
  SPLIT_VMA_CHECKED,
  GET_USER_PAGES,
  fn("blk_finish_plug"),
];

/** `madvise`: 0 or -errno. */
export const DO_MADVISE: FunctionRef = behaviour(
  "do_madvise",
  CALLS,
  (k, address = 0, start = 0, lenIn = 0, advice = 0) => {
    const mm = mmAt(k, address);
    if (mm === undefined) return -EINVAL;
    if (advice === HWPOISON || advice === SOFT_OFFLINE) return k.current.uid === 0 ? -EINVAL : -EPERM;
    if (!KNOWN.has(advice) || start % PAGE !== 0) return -EINVAL;
    const len = Math.ceil(lenIn / PAGE) * PAGE;
    if (len < 0 || start < 0 || start + len > k.arch.layout.userEnd && len > 0) {
      return len < 0 ? -EINVAL : -ENOMEM;
    }
    if (len === 0) return 0;
    const end = start + len;
    if (advice === POPULATE_READ || advice === POPULATE_WRITE) return populate(k, mm, start, end, advice);
    const mark = k.current.locals;
    const plug = pushLocal(k, 64);
    k.call(fn("blk_start_plug"), plug);
    const error = walk(k, mm, start, end, advice);
    k.call(fn("blk_finish_plug"), plug);
    popLocals(k, mark);
    return error;
  },
);

/** Area by area; what is not mapped is an error only at the end. */
function walk(k: Kernel, mm: Mm, start: number, end: number, advice: number): number {
  let unmapped = 0;
  let first = true;
  for (let at = start; at < end; first = false) {
    const vma = first
      ? (k.call(fn("find_vma_prev"), mm.address, at), mm.find(at)?.address)
      : k.call(fn("find_vma"), mm.address, at);
    const area = vma === undefined || vma === 0 ? undefined : mm.areaAt(vma);
    if (area === undefined) return -ENOMEM;
    if (area.start > at) {
      unmapped = -ENOMEM;
      at = area.start;
      if (at >= end) break;
    }
    const to = Math.min(area.end, end);
    const error = advise(k, mm, area, at, to, advice);
    if (error !== 0) return error;
    at = to;
  }
  return unmapped;
}

function advise(k: Kernel, mm: Mm, area: Vma, start: number, end: number, advice: number): number {
  switch (advice) {
    case DONTNEED:
    case DONTNEED_LOCKED:
    case FREE:
      if (k.call(VALID, area.address, start, Number.NaN, advice) === 0) return -EINVAL;
      k.call(fn("userfaultfd_remove"), area.address, start, end);
      if (advice === FREE) return k.call(FREE_SINGLE, area.address, start, end);
      k.call(ZAP_PAGE_RANGE_SINGLE, area.address, start, end - start, 0);
      return 0;
    case WILLNEED:
      if (area.file === 0) return 0;
      k.call(fn("vfs_fadvise"), area.file, area.pgoff * PAGE + start - area.start, end - start, 3);
      return 0;
    case REMOVE: {
      if ((area.flags & VM_LOCKED) !== 0) return -EINVAL;
      const ops = k.vfs.files.get(area.file)?.ops;
      if (ops === undefined || ops === null) return -EINVAL;
      if ((area.flags & (VM_SHARED | VM_WRITE)) !== (VM_SHARED | VM_WRITE)) return -EACCES;
      k.current.userSpace?.drop(start, end - start);
      const inode = k.vfs.files.get(area.file)?.inode;
      inode?.write(area.pgoff * PAGE + start - area.start, new Uint8Array(end - start));
      return 0;
    }
  }
  if (HINTS.has(advice)) return (area.flags & (VM_LOCKED | VM_PFNMAP)) !== 0 ? -EINVAL : 0;
  const [set, clear] = FLAGS.get(advice) ?? [0, 0];
  if (advice === 18 && (area.file !== 0 || (area.flags & VM_SHARED) !== 0)) return -EINVAL;
  if (advice === 11 && (area.flags & VM_IO) !== 0) return -EINVAL;
  if (advice === 14 || advice === 15) k.call(fn("hugepage_madvise"), area.address, Number.NaN, advice);
  if (advice === 12 || advice === 13) k.call(fn("ksm_madvise"), area.address, start, end, advice, Number.NaN);
  return setFlags(k, mm, area, start, end, ((area.flags | set) & ~clear) >>> 0);
}

/** Changes the flags of a part of an area (`madvise_update_vma`, `mlock_fixup`): 0 or -errno. */
export function setFlags(k: Kernel, mm: Mm, area: Vma, start: number, end: number, flags: number): number {
  if (flags === area.flags) return 0;
  const prev = mm.overlapping(area.start - 1, area.start)[0]?.address ?? 0;
  const anonVma = VMA.anonVma.get(k, area.address);
  if (k.calls.callN(VMA_MERGE, [mm.address, prev, start, end, flags, anonVma]) !== 0) return 0;
  if (start > area.start) {
    const error = k.call(SPLIT_VMA_CHECKED, mm.address, area.address, start, 1);
    if (error !== 0) return error;
  }
  if (end < area.end) {
    const error = k.call(SPLIT_VMA_CHECKED, mm.address, area.address, end, 0);
    if (error !== 0) return error;
  }
  mm.adjust(area, { flags });
  return 0;
}

/** `madvise_populate`: faults the pages in, and says why it can't. */
function populate(k: Kernel, mm: Mm, start: number, end: number, advice: number): number {
  for (let at = start; at < end;) {
    const area = mm.find(at);
    if (area === undefined || area.start > at) return -ENOMEM;
    const to = Math.min(end, area.end);
    const gup = advice === POPULATE_WRITE ? FOLL_WRITE : 0;
    const done = k.calls.callN(GET_USER_PAGES, [mm.address, at, (to - at) / PAGE, gup, 0, 0, 0]);
    if (done < (to - at) / PAGE) return done === -EFAULT || done >= 0 ? -EINVAL : done;
    at = to;
  }
  return 0;
}
