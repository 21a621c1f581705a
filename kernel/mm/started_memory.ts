/**
 * The memory of a program that was running before anybody looked: what it had touched by then.
 *
 * @module
 */

import type { Addr, Arch } from "../../image/model.ts";
import { newFile, openOn } from "../fs/file.ts";
import { S_IFREG } from "../fs/modes.ts";
import type { Kernel } from "../kernel.ts";
import type { Task } from "../process/task.ts";
import { VM_EXEC, VM_GROWSDOWN, VM_MAY, VM_READ, VM_WRITE } from "./fields.ts";
import { type Mm, mmAt, PAGE, type Vma } from "./mm_struct.ts";
import { addMmCounter, MM_ANONPAGES, MM_FILEPAGES } from "./rss.ts";
import { filePage } from "./shared_pages.ts";
import { sourceOf } from "./user_pages.ts";
import { allocTables } from "./page_tables.ts";

/** The C library's file. */
export const LIBC: Readonly<Record<Arch, string>> = {
  x86_64: "/lib/x86_64-linux-gnu/libc.so.6",
  arm64: "/lib/aarch64-linux-gnu/libc.so.6",
  i386: "/lib/i386-linux-gnu/libc.so.6",
};
const LIBC_SIZE = 1926232;
/** Its segments in pages: headers, code, constants, data. */
const LIBC_SEGMENTS = [
  { pages: 38, flags: VM_READ | VM_MAY },
  { pages: 342, flags: VM_READ | VM_EXEC | VM_MAY },
  { pages: 83, flags: VM_READ | VM_MAY },
  { pages: 6, flags: VM_READ | VM_WRITE | VM_MAY },
] as const;
/** Pages that one fault in a file maps. */
const BLOCK = 16;
const STACK_PAGES = 3;

/** Gives a started program its C library, if it has one apart, and the pages that it must have touched. */
export function touchStarted(k: Kernel, task: Task, libc: boolean): void {
  const mm = mmAt(k, task.mm);
  const space = task.userSpace;
  if (mm === undefined || space === null || mm.areas.length === 0) return;
  if (libc) mapLibc(k, mm);
  for (const area of mm.areas) {
    if ((area.flags & VM_GROWSDOWN) !== 0) own(k, mm, area.end - STACK_PAGES * PAGE, area.end);
    else if (area.file !== 0 && (area.flags & VM_WRITE) !== 0) own(k, mm, area.start, area.end);
    else if (area.file !== 0) mapped(k, mm, area, libc ? 2 : 5);
  }
}

function mapLibc(k: Kernel, mm: Mm): void {
  const path = LIBC[k.image.arch];
  const dentry = k.vfs.makePath(path, { mode: S_IFREG | 0o755, size: LIBC_SIZE });
  const file = newFile(k, 0);
  openOn(k, file, dentry, k.vfs.mnt);
  const size = LIBC_SEGMENTS.reduce((sum, { pages }) => sum + pages, 0) * PAGE;
  const base =
    mm.space?.findFree(size, mm.areas.find((area) => area.file !== 0 && area.start > 2 ** 30)?.start ?? 0) ??
      -1;
  if (base < 0) return;
  let at = base;
  mm.together(() => {
    for (const { pages, flags } of LIBC_SEGMENTS) {
      const end = at + pages * PAGE;
      mm.insert({ start: at, end, flags, file: file.address, pgoff: (at - base) / PAGE });
      const pgoff = (at - base) / PAGE;
      const { inode } = dentry;
      mm.space?.map(at, pages * PAGE, flags & 7, (offset, bytes) => {
        if (inode !== null) bytes.set(inode.read(pgoff * PAGE + offset, bytes.length));
      });
      at = end;
    }
  });
  k.vfs.putFile(file.address);
}

/** A file's area but for the last block of each round: others have the same pages mapped, too. */
function mapped(k: Kernel, mm: Mm, area: Vma, round: number): void {
  const { space } = mm;
  if (space === null) return;
  let count = 0;
  for (let block = area.start, i = 0; block < area.end; block += BLOCK * PAGE, i++) {
    if (i % round === round - 1) continue;
    allocTables(k, mm.address, block);
    for (let at = block; at < Math.min(area.end, block + BLOCK * PAGE); at += PAGE) {
      const page = filePage(k, { mm, area, space, at, key: at / PAGE });
      if (page.mapcount === 0) page.mapcount = 1;
      space.install(at / PAGE, page, false);
      count++;
    }
  }
  addMmCounter(k, mm.address, MM_FILEPAGES, count);
}

function own(k: Kernel, mm: Mm, start: Addr, end: Addr): void {
  const { space } = mm;
  if (space === null) return;
  for (let at = start; at < end; at += PAGE) {
    allocTables(k, mm.address, at);
    space.install(at / PAGE, sourceOf(k).take("anon"), true);
  }
  addMmCounter(k, mm.address, MM_ANONPAGES, (end - start) / PAGE);
}
