/**
 * Mapping a program's segments: `fs/binfmt_elf.c`.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import { behaviour, type FunctionRef } from "../calls/function.ts";
import type { Kernel } from "../kernel.ts";
import { pagesOf, PROGRAM_BASE, type Segment } from "../mm/exec_layout.ts";
import { MM, VM_WRITE } from "../mm/fields.ts";
import { VM_MMAP_PGOFF } from "../mm/mmap.ts";
import { mmAt, PAGE } from "../mm/mm_struct.ts";
import { EINVAL } from "../syscalls/errno.ts";

const MAP_PRIVATE = 2;
const MAP_FIXED = 0x10;
const MAP_FIXED_NOREPLACE = 0x100000;

/** Maps `len` bytes of a file from byte `offset`: the address, or -errno. */
export const VM_MMAP: FunctionRef = behaviour(
  "vm_mmap",
  [VM_MMAP_PGOFF],
  (k, file = 0, addr = 0, len = 0, prot = 0, flag = 0, offset = 0) =>
    offset % PAGE === 0 ? k.call(VM_MMAP_PGOFF, file, addr, len, prot, flag, offset / PAGE) : -EINVAL,
);

/** Maps one segment. Its program header isn't modeled: `eppnt` is the index of the segment. */
export const ELF_MAP: FunctionRef = behaviour(
  "elf_map",
  [VM_MMAP],
  (k, file = 0, addr = 0, _eppnt, prot = 0, type = 0) => {
    const segment = segmentAt(k, file);
    return k.call(VM_MMAP, file, addr, segment.pages * PAGE, prot, type, segment.offset);
  },
);

/** Maps one segment of a program, and clears what lies behind its file's end. */
export const ELF_LOAD: FunctionRef = behaviour(
  "elf_load",
  [ELF_MAP],
  (k, file = 0, addr = 0, eppnt = 0, prot = 0, type = 0, total = 0) =>
    k.call(ELF_MAP, file, addr, eppnt, prot, type, total),
);

/** `padzero`: the last page of a segment is the program's own from now on. */
function clearRest(k: Kernel, end: Addr): void {
  k.current.userSpace?.touchWritable((end - 1 - (end - 1) % PAGE) / PAGE);
}

/** Where the loading of a file stands, by the file. */
const progress = new WeakMap<Kernel, { file: Addr; segments: readonly Segment[]; index: number }>();

function segmentAt(k: Kernel, file: Addr): { readonly pages: number; readonly offset: number } {
  const at = progress.get(k);
  if (at?.file !== file) return { pages: 1, offset: 0 };
  const { segments, index } = at;
  return { pages: segments[index]?.pages ?? 1, offset: pagesOf(segments.slice(0, index)) * PAGE };
}

/** Loads the segments of a file through `operation`: 0 or -errno. Sets code and heap bounds for the program itself. */
export function loadSegments(
  k: Kernel,
  operation: FunctionRef,
  file: Addr,
  segments: readonly Segment[],
  program: boolean,
): number {
  const mm = mmAt(k, k.current.mm);
  if (mm === undefined) return -EINVAL;
  const size = pagesOf(segments) * PAGE;
  let base = program ? PROGRAM_BASE[k.image.arch] : 0;
  let offset = 0;
  for (const [index, segment] of segments.entries()) {
    progress.set(k, { file, segments, index });
    const first = index === 0;
    const fixed = first ? (program ? MAP_FIXED_NOREPLACE : 0) : MAP_FIXED;
    const place = base + offset;
    // The first segment of an interpreter goes where all of it fits.
    const addr = first && !program
      ? k.current.userSpace?.findFree(size, MM.mmapBase.get(k, mm.address)) ?? 0
      : place;
    const at = k.call(
      operation,
      file,
      addr,
      Number.NaN,
      segment.flags & 7,
      MAP_PRIVATE | fixed,
      first ? size : 0,
    );
    if (at < 0) return at;
    if (first) base = at;
    offset += segment.pages * PAGE;
    // What lies behind the end of the file's data is cleared.
    if ((segment.flags & VM_WRITE) !== 0) clearRest(k, at + segment.pages * PAGE);
  }
  progress.delete(k);
  if (program) {
    MM.startCode.set(k, mm.address, base);
    MM.endCode.set(k, mm.address, base + size);
    MM.startBrk.set(k, mm.address, base + size);
    MM.brk.set(k, mm.address, base + size);
  }
  return 0;
}
