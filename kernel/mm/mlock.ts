/**
 * Memory that stays: `mm/mlock.c`.
 *
 * @module
 */

import { behaviour, fn, type FunctionRef } from "../calls/function.ts";
import type { Kernel } from "../kernel.ts";
import { EAGAIN, EFAULT, EINVAL, ENOMEM } from "../syscalls/errno.ts";
import { MM, VM_LOCKED, VM_LOCKONFAULT, VM_SPECIAL, VMA } from "./fields.ts";
import { setFlags } from "./madvise.ts";
import { mmAt, PAGE } from "./mm_struct.ts";
import { MM_POPULATE } from "./populate.ts";
import { SPLIT_VMA_CHECKED } from "./munmap.ts";
import { VMA_MERGE } from "./vma_merge.ts";

/** `RLIMIT_MEMLOCK` of who may not do everything: 8 MiB. */
const LIMIT = 8 * 2 ** 20;
const MCL_CURRENT = 1;
const MCL_FUTURE = 2;
const MCL_ONFAULT = 4;

/** Locks or unlocks a part of one area: 0 or -errno. */
export const MLOCK_FIXUP: FunctionRef = behaviour(
  "mlock_fixup",
  [VMA_MERGE, SPLIT_VMA_CHECKED],
  (k, _mas, vma = 0, _prev, start = 0, end = 0, ...rest) => {
    const mm = mmAt(k, VMA.mm.get(k, vma));
    const area = mm?.areaAt(vma);
    const flags = rest[0] ?? 0;
    if (mm === undefined || area === undefined || (area.flags & VM_SPECIAL) !== 0) return 0;
    return setFlags(k, mm, area, start, end, flags);
  },
);

/** Sets or clears the lock of all areas of a range: 0 or -errno. */
export const APPLY_VMA_LOCK_FLAGS: FunctionRef = behaviour(
  "apply_vma_lock_flags",
  [MLOCK_FIXUP],
  (k, start = 0, len = 0, flags = 0) => {
    const mm = mmAt(k, k.current.mm);
    const end = start + len;
    if (start < 0 && end > 0) return -EINVAL;
    if (end === start) return 0;
    if (mm === undefined || start < 0) return -ENOMEM;
    for (let at = start; at < end;) {
      const area = mm.find(at);
      if (area === undefined || area.start > at) return -ENOMEM;
      const to = Math.min(end, area.end);
      const wanted = (area.flags & ~(VM_LOCKED | VM_LOCKONFAULT)) | flags;
      const error = k.calls.callN(MLOCK_FIXUP, [Number.NaN, area.address, Number.NaN, at, to, wanted]);
      if (error !== 0) return error;
      at = to;
    }
    return 0;
  },
);

/** `mlock`, `mlock2`: 0 or -errno. */
export const DO_MLOCK: FunctionRef = behaviour(
  "do_mlock",
  [APPLY_VMA_LOCK_FLAGS, MM_POPULATE],
  (k, start = 0, len = 0, flags = 0) => {
    const from = Math.floor(start / PAGE) * PAGE;
    const size = Math.ceil((len + start - from) / PAGE) * PAGE;
    if (MM.lockedVm.get(k, k.current.mm) * PAGE + size > LIMIT && k.current.uid !== 0) return -ENOMEM;
    const error = k.call(APPLY_VMA_LOCK_FLAGS, from, size, flags);
    if (error !== 0) return error;
    const populated = k.call(MM_POPULATE, from, size, 0);
    return populated === -EFAULT ? -ENOMEM : populated === -ENOMEM ? -EAGAIN : populated;
  },
);

/** `munlock`: 0 or -errno. */
export function munlock(k: Kernel, start: number, len: number): number {
  const from = Math.floor(start / PAGE) * PAGE;
  return k.call(APPLY_VMA_LOCK_FLAGS, from, Math.ceil((len + start - from) / PAGE) * PAGE, 0);
}

/** Locks what is mapped, what will be mapped, or neither any more. */
const APPLY_MLOCKALL_FLAGS = behaviour("apply_mlockall_flags", [MLOCK_FIXUP], (k, flags = 0) => {
  const mm = mmAt(k, k.current.mm);
  if (mm === undefined) return -EINVAL;
  const lock = VM_LOCKED | ((flags & MCL_ONFAULT) !== 0 ? VM_LOCKONFAULT : 0);
  const future = MM.defFlags.get(k, mm.address) & ~(VM_LOCKED | VM_LOCKONFAULT);
  MM.defFlags.set(k, mm.address, (flags & MCL_FUTURE) !== 0 ? future | lock : future);
  if ((flags & MCL_FUTURE) !== 0 && (flags & MCL_CURRENT) === 0) return 0;
  for (const area of [...mm.areas]) {
    const wanted = (area.flags & ~(VM_LOCKED | VM_LOCKONFAULT)) | ((flags & MCL_CURRENT) !== 0 ? lock : 0);
    k.calls.callN(MLOCK_FIXUP, [Number.NaN, area.address, Number.NaN, area.start, area.end, wanted]);
  }
  return 0;
});

/** Functions that `mlockall` and `munlockall` call. */
export const MLOCKALL_CALLS: readonly FunctionRef[] = [APPLY_MLOCKALL_FLAGS, fn("__mm_populate")];

/** `mlockall`: 0 or -errno. */
export function mlockall(k: Kernel, flags: number): number {
  if (flags === 0 || (flags & ~7) !== 0 || flags === MCL_ONFAULT) return -EINVAL;
  const { mm, uid } = k.current;
  if (uid !== 0 && (flags & MCL_CURRENT) !== 0 && MM.totalVm.get(k, mm) * PAGE > LIMIT) return -ENOMEM;
  const error = k.call(APPLY_MLOCKALL_FLAGS, flags);
  if (error === 0 && (flags & MCL_CURRENT) !== 0) k.call(MM_POPULATE, 0, k.arch.layout.userEnd, 1);
  return error;
}

/** `munlockall`: 0. */
export function munlockall(k: Kernel): number {
  return k.call(APPLY_MLOCKALL_FLAGS, 0);
}
