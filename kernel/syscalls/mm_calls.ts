/**
 * System calls that map memory.
 *
 * @module
 */

import type { Kernel } from "../kernel.ts";
import { recorded } from "../fs/recorded.ts";
import { brk, BRK_CALLS } from "../mm/brk.ts";
import { MM } from "../mm/fields.ts";
import { DO_MADVISE } from "../mm/madvise.ts";
import { KSYS_MMAP_PGOFF } from "../mm/mmap.ts";
import { mmAt, PAGE } from "../mm/mm_struct.ts";
import { DO_MPROTECT_PKEY } from "../mm/mprotect.ts";
import { mremap, MREMAP_CALLS } from "../mm/mremap.ts";
import { implyMapped, VM_MUNMAP } from "../mm/munmap.ts";
import { loadUser } from "../process/user_load.ts";
import { syscall } from "./define.ts";
import { EFAULT, EINVAL, ENOSPC } from "./errno.ts";

/** A word of user space as an address: i386's are unsigned. */
function address(k: Kernel, word: number): number {
  return k.image.pointerSize === 4 ? word >>> 0 : word;
}

/** The error that a recorded call returned: it changed nothing. Undefined where it succeeded, or nothing is recorded. */
function failed(k: Kernel): number | undefined {
  const ret = recorded(k)?.ret;
  return ret !== undefined && ret < 0 && ret >= -4095 ? ret : undefined;
}

/** In a replay: a call that succeeded found its range mapped. */
function imply(k: Kernel, start: number, length: number): void {
  const mm = mmAt(k, k.current.mm);
  const ret = recorded(k)?.ret;
  if (ret === undefined || mm === undefined || failed(k) !== undefined || !(length > 0)) return;
  const from = Math.floor(start / PAGE) * PAGE;
  const end = Math.ceil((start + length) / PAGE) * PAGE;
  if (from >= 0 && end <= k.arch.layout.userEnd && end - from < 2 ** 40) implyMapped(k, mm, from, end);
}

/** The same for what a loader makes read-only: the first pages of a program's data, of which there are more. */
function implySegment(k: Kernel, start: number, length: number): void {
  const mm = mmAt(k, k.current.mm);
  if (
    mm === undefined || recorded(k)?.ret !== 0 || !(length > 0) ||
    mm.overlapping(start, start + length).length > 0
  ) {
    return imply(k, start, length);
  }
  const end = Math.ceil((start + length) / PAGE) * PAGE;
  const behind = mm.overlapping(end, end + PAGE).length > 0 ? 0 : PAGE;
  if (end <= k.arch.layout.userEnd) implyMapped(k, mm, start, end + behind, MM.exeFile.get(k, mm.address));
}

syscall(
  "mmap",
  ["ulong", "ulong", "ulong", "ulong", "int", "ulong"],
  [KSYS_MMAP_PGOFF],
  (k, addr = 0, len = 0, prot, flags, fd, offset = 0) => {
    if (offset % PAGE !== 0) return -EINVAL;
    return k.call(KSYS_MMAP_PGOFF, address(k, addr), address(k, len), prot, flags, fd, offset / PAGE);
  },
);
// i386's mmap2: the offset comes in pages.
syscall(
  "mmap_pgoff",
  ["ulong", "ulong", "ulong", "ulong", "int", "ulong"],
  [KSYS_MMAP_PGOFF],
  (k, addr = 0, len = 0, prot, flags, fd, pgoff) =>
    k.call(KSYS_MMAP_PGOFF, address(k, addr), address(k, len), prot, flags, fd, pgoff),
);
// i386's first mmap: six words in memory.
syscall("old_mmap", ["ulong"], [KSYS_MMAP_PGOFF], (k, at = 0) => {
  const words = [0, 1, 2, 3, 4, 5].map((i) => loadUser(k, address(k, at) + 4 * i, 4, false));
  if (words.some((word) => Number.isNaN(word))) return -EFAULT;
  const [addr = 0, len = 0, prot = 0, flags = 0, fd = 0, offset = 0] = words;
  if (offset % PAGE !== 0) return -EINVAL;
  return k.call(KSYS_MMAP_PGOFF, addr, len, prot, flags, fd | 0, offset / PAGE);
});
syscall("munmap", ["ulong", "ulong"], [VM_MUNMAP], (k, start = 0, len = 0) => {
  return k.call(VM_MUNMAP, address(k, start), address(k, len), 1);
});
for (const name of ["mprotect", "pkey_mprotect"]) {
  syscall(
    name,
    ["ulong", "ulong", "ulong", "int"],
    [DO_MPROTECT_PKEY],
    (k, start = 0, len = 0, prot, pkey) => {
      const from = address(k, start);
      const size = address(k, len);
      implySegment(k, from, size);
      const error = failed(k);
      if (error !== undefined && error !== -EINVAL) return error;
      return k.call(DO_MPROTECT_PKEY, from, size, prot, name === "mprotect" ? -1 : pkey);
    },
  );
}
// No CPU here has protection keys.
syscall(
  "pkey_alloc",
  ["ulong", "ulong"],
  [],
  (_k, flags = 0, rights = 0) => flags !== 0 || (rights & ~3) !== 0 ? -EINVAL : -ENOSPC,
);
syscall("pkey_free", ["int"], [], () => -EINVAL);
syscall(
  "mremap",
  ["ulong", "ulong", "ulong", "ulong", "ulong"],
  MREMAP_CALLS,
  (k, addr = 0, oldLen = 0, newLen = 0, flags = 0, to = 0) => {
    const from = address(k, addr);
    const error = failed(k);
    if (error === undefined) imply(k, from, address(k, oldLen));
    else if (error !== -EFAULT && error !== -EINVAL) return error;
    return mremap(k, from, address(k, oldLen), address(k, newLen), flags, address(k, to));
  },
);
syscall(
  "remap_file_pages",
  ["ulong", "ulong", "ulong", "ulong", "ulong"],
  [],
  (k, start = 0, size = 0, prot = 0) => {
    if (prot !== 0) return -EINVAL;
    const from = Math.floor(address(k, start) / PAGE) * PAGE;
    const length = Math.floor(address(k, size) / PAGE) * PAGE;
    const area = mmAt(k, k.current.mm)?.find(from);
    // Only shared mappings; they are mapped anew.
    if (length <= 0 || area === undefined || area.start > from || (area.flags & 8) === 0) return -EINVAL;
    return 0;
  },
);
syscall("madvise", ["ulong", "ulong", "int"], [DO_MADVISE], (k, start = 0, len = 0, advice) => {
  const from = address(k, start);
  const size = address(k, len);
  imply(k, from, size);
  return failed(k) ?? k.call(DO_MADVISE, k.current.mm, from, size, advice);
});
syscall("brk", ["ulong"], BRK_CALLS, (k, wanted = 0) => brk(k, address(k, wanted)));
