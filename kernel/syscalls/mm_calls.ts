/**
 * System calls that map memory.
 *
 * @module
 */

import type { Kernel } from "../kernel.ts";
import { brk, BRK_CALLS } from "../mm/brk.ts";
import { KSYS_MMAP_PGOFF } from "../mm/mmap.ts";
import { mmAt, PAGE } from "../mm/mm_struct.ts";
import { DO_MPROTECT_PKEY, implyMapped, VM_MUNMAP } from "../mm/munmap.ts";
import { syscall } from "./define.ts";
import { EINVAL } from "./errno.ts";

/** A word of user space as an address: i386's are unsigned. */
function address(k: Kernel, word: number): number {
  return k.image.pointerSize === 4 ? word >>> 0 : word;
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
syscall("munmap", ["ulong", "ulong"], [VM_MUNMAP], (k, start = 0, len = 0) => {
  return k.call(VM_MUNMAP, address(k, start), address(k, len), 1);
});
syscall("mprotect", ["ulong", "ulong", "ulong"], [DO_MPROTECT_PKEY], (k, start = 0, len = 0, prot) => {
  const from = address(k, start);
  const size = address(k, len);
  const mm = mmAt(k, k.current.mm);
  if (k.current.request?.recorded?.ret === 0 && mm !== undefined && size > 0) {
    implyMapped(mm, from, from + Math.ceil(size / PAGE) * PAGE);
  }
  return k.call(DO_MPROTECT_PKEY, from, size, prot, -1);
});
syscall("brk", ["ulong"], BRK_CALLS, (k, wanted = 0) => brk(k, address(k, wanted)));
