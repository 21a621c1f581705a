/**
 * System calls that lock memory, ask what is present, and write mapped files back.
 *
 * @module
 */

import { fn } from "../calls/function.ts";
import { FPUT } from "../fs/fdtable.ts";
import { FILE } from "../fs/fields.ts";
import { recorded } from "../fs/recorded.ts";
import type { Kernel } from "../kernel.ts";
import { VM_LOCKED, VM_LOCKONFAULT, VM_SHARED } from "../mm/fields.ts";
import {
  APPLY_VMA_LOCK_FLAGS,
  DO_MLOCK,
  mlockall,
  MLOCKALL_CALLS,
  munlock,
  munlockall,
} from "../mm/mlock.ts";
import { mmAt, PAGE } from "../mm/mm_struct.ts";
import { implyMapped } from "../mm/munmap.ts";
import { blockingSyscall, syscall } from "./define.ts";
import { EBUSY, EFAULT, EINVAL, ENOMEM } from "./errno.ts";

const MS_ASYNC = 1;
const MS_INVALIDATE = 2;
const MS_SYNC = 4;
const FIND_VMA = fn("find_vma");
const VFS_FSYNC_RANGE = fn("vfs_fsync_range");

function address(k: Kernel, word: number): number {
  return k.image.pointerSize === 4 ? word >>> 0 : word;
}

/** In a replay: a call that succeeded found its range mapped. */
function imply(k: Kernel, start: number, length: number): void {
  const mm = mmAt(k, k.current.mm);
  const from = Math.floor(start / PAGE) * PAGE;
  const end = Math.ceil((start + length) / PAGE) * PAGE;
  if (recorded(k)?.ret === 0 && mm !== undefined && length > 0 && from >= 0 && end <= k.arch.layout.userEnd) {
    implyMapped(k, mm, from, end);
  }
}

syscall("mlock", ["ulong", "ulong"], [DO_MLOCK], (k, start = 0, len = 0) => {
  imply(k, address(k, start), address(k, len));
  return k.call(DO_MLOCK, address(k, start), address(k, len), VM_LOCKED);
});
syscall("mlock2", ["ulong", "ulong", "int"], [DO_MLOCK], (k, start = 0, len = 0, flags = 0) => {
  if ((flags & ~1) !== 0) return -EINVAL;
  imply(k, address(k, start), address(k, len));
  const lock = VM_LOCKED | ((flags & 1) !== 0 ? VM_LOCKONFAULT : 0);
  return k.call(DO_MLOCK, address(k, start), address(k, len), lock);
});
syscall("munlock", ["ulong", "ulong"], [APPLY_VMA_LOCK_FLAGS], (k, start = 0, len = 0) => {
  imply(k, address(k, start), address(k, len));
  return munlock(k, address(k, start), address(k, len));
});
syscall("mlockall", ["int"], MLOCKALL_CALLS, (k, flags = 0) => {
  const ret = recorded(k)?.ret;
  return ret !== undefined && ret < 0 ? ret : mlockall(k, flags);
});
syscall("munlockall", [], MLOCKALL_CALLS, (k) => munlockall(k));

syscall("mincore", ["ulong", "ulong", "ulong"], [], (k, start = 0, len = 0, vec = 0) => {
  const from = address(k, start);
  const size = address(k, len);
  const top = k.arch.layout.userEnd;
  if (from % PAGE !== 0) return -EINVAL;
  if (from < 0 || from + size > top || size < 0) return -ENOMEM;
  const pages = Math.ceil(size / PAGE);
  const at = address(k, vec);
  if (at < 0 || at + pages > top) return -EFAULT;
  imply(k, from, size);
  const mm = mmAt(k, k.current.mm);
  for (let i = 0; i < pages; i++) {
    const page = from + i * PAGE;
    const area = mm?.find(page);
    if (area === undefined || area.start > page) return -ENOMEM;
    const present = mm?.space?.pageAt(page / PAGE) !== undefined || area.file !== 0;
    if (k.memory.user?.areaAt(at + i) === undefined) return -EFAULT;
    k.memory.store(at + i, 1, present ? 1 : 0);
  }
  return 0;
});

blockingSyscall(
  "msync",
  ["ulong", "ulong", "int"],
  [FIND_VMA, VFS_FSYNC_RANGE, FPUT],
  function* (k, start = 0, len = 0, flags = 0) {
    const from = address(k, start);
    const size = address(k, len);
    if ((flags & ~(MS_ASYNC | MS_INVALIDATE | MS_SYNC)) !== 0 || from % PAGE !== 0) return -EINVAL;
    if ((flags & (MS_ASYNC | MS_SYNC)) === (MS_ASYNC | MS_SYNC)) return -EINVAL;
    const end = from + Math.ceil(size / PAGE) * PAGE;
    if (end < from || from < 0) return -ENOMEM;
    if (end === from) return 0;
    imply(k, from, size);
    const mm = mmAt(k, k.current.mm);
    let unmapped = 0;
    for (let at = from; at < end;) {
      const vma = k.call(FIND_VMA, k.current.mm, at);
      const area = mm?.areaAt(vma);
      if (area === undefined) return -ENOMEM;
      if (area.start > at) {
        unmapped = -ENOMEM;
        at = area.start;
        if (at >= end) break;
      }
      if ((flags & MS_INVALIDATE) !== 0 && (area.flags & VM_LOCKED) !== 0) return -EBUSY;
      const { file } = area;
      const to = Math.min(end, area.end);
      if ((flags & MS_SYNC) !== 0 && file !== 0 && (area.flags & VM_SHARED) !== 0) {
        const first = area.pgoff * PAGE + at - area.start;
        FILE.count.add(k, file, 1);
        const error = yield* k.calls.callBlocking(VFS_FSYNC_RANGE, file, first, first + to - at - 1, 1);
        k.call(FPUT, file);
        if (error < 0) return error;
      }
      at = to;
    }
    return unmapped;
  },
);
