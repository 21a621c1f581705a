/**
 * Pages that a recorded program must have touched by itself: `strace` shows no page faults, yet what a program ran and
 * read is in memory when its address space goes. How much of an area that is, recordings of whole programs show: short
 * areas altogether, as 16 pages are mapped around each fault; of long ones of files more than half; of the heap what was
 * added last hardly at all.
 *
 * @module
 */

import type { Kernel } from "../kernel.ts";
import { MM, VM_EXEC, VM_GROWSDOWN, VM_READ, VM_SHARED, VM_WRITE } from "./fields.ts";
import type { Mm, Vma } from "./mm_struct.ts";
import { PAGE } from "./mm_struct.ts";
import { MM_ANONPAGES, MM_FILEPAGES, restoreMmCounter } from "./rss.ts";
import { sourceOf } from "./user_pages.ts";

/** Up to so many pages are present altogether, and which part of more: of a program's own text and constants. */
const PROGRAM = { text: [160, 0.78], constants: [90, 0.55] } as const;
/** The same of libraries. */
const LIBRARY = { text: [48, 0.6], constants: [16, 0.55] } as const;
/** Of memory of its own that is not the heap. */
const SHORT_DATA = 2;
const DATA_PART = 0.4;
const LONG_DATA = 32;
/** Pages of the heap's last growth, of long mappings, and of the stack. */
const FEW = 3;
const HEAP_GROWTH = 33;
const STACK = 4;

/** Brings in what the running task's recorded program has touched; nothing in a run that is no replay. */
export function implyTouchedPages(k: Kernel, mm: Mm): void {
  const { request } = k.current;
  const { space } = mm;
  if (space === null || (request !== null && request.recorded === undefined)) return;
  const brk = MM.brk.get(k, mm.address);
  const program = k.vfs.files.get(MM.exeFile.get(k, mm.address))?.inode;
  for (const area of mm.areas) {
    const kind = area.file === 0 ? "anon" : "file";
    const pages = (area.end - area.start) / PAGE;
    const parts = k.vfs.files.get(area.file)?.inode === program ? PROGRAM : LIBRARY;
    let missing = touched(area, pages, area.end === brk, parts) - space.pagesIn(area.start, area.end).length;
    const down = (area.flags & VM_GROWSDOWN) !== 0;
    let added = 0;
    for (let i = 0; i < pages && missing > 0; i++) {
      const key = area.start / PAGE + (down ? pages - 1 - i : i);
      if (space.pageAt(key) !== undefined) continue;
      space.install(key, sourceOf(k).take(kind), (area.flags & VM_WRITE) !== 0);
      missing--;
      added++;
    }
    restoreMmCounter(k, mm.address, kind === "anon" ? MM_ANONPAGES : MM_FILEPAGES, added);
  }
}

/** How many pages of an area a program touches. */
function touched(
  area: Vma,
  pages: number,
  isHeap: boolean,
  parts: typeof PROGRAM | typeof LIBRARY,
): number {
  const { flags } = area;
  if ((flags & (VM_READ | VM_WRITE | VM_EXEC)) === 0 || (flags & VM_SHARED) !== 0) return 0;
  if ((flags & VM_GROWSDOWN) !== 0) return Math.min(pages, STACK);
  if (area.file !== 0) {
    if ((flags & VM_WRITE) !== 0) return pages;
    return (flags & VM_EXEC) !== 0
      ? part(pages, parts.text[0], parts.text[1])
      : part(pages, parts.constants[0], parts.constants[1]);
  }
  if (isHeap && pages >= HEAP_GROWTH) return pages - HEAP_GROWTH + FEW;
  return pages > LONG_DATA ? FEW : part(pages, SHORT_DATA, DATA_PART);
}

function part(pages: number, short: number, of: number): number {
  return pages <= short ? pages : Math.max(short, Math.round(pages * of));
}
