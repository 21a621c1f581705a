/**
 * Pages of mappings of files and of shared memory: one per file and offset, whoever maps it. What is written to them is
 * written to the file.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import { INODE } from "../fs/fields.ts";
import type { Inode } from "../fs/inode.ts";
import type { Kernel } from "../kernel.ts";
import type { UserPage } from "../memory/user_page.ts";
import type { FaultPlace } from "./fault_place.ts";
import { type Mm, mmAt, type Vma } from "./mm_struct.ts";
import { cachePageStruct, PAGE_STRUCT, PG_LRU, PG_UPTODATE } from "./page_struct.ts";
import { addMmCounter, counterOf } from "./rss.ts";
import { sourceOf } from "./user_pages.ts";

const PAGE = 4096;

/** Shared pages of one kernel: of files by their inode, of anonymous memory by what `shared` of the area is. */
const registries = new WeakMap<Kernel, WeakMap<object, Map<number, UserPage>>>();

function pagesOf(k: Kernel, owner: object): Map<number, UserPage> {
  let registry = registries.get(k);
  if (registry === undefined) registries.set(k, registry = new WeakMap());
  let pages = registry.get(owner);
  if (pages === undefined) registry.set(owner, pages = new Map());
  return pages;
}

/** The object whose pages an area shows. */
function ownerOf(k: Kernel, area: Vma): object {
  return k.vfs.files.get(area.file)?.inode ?? area;
}

/** The page that a shared mapping shows at a place. */
export function sharedPage(k: Kernel, { area, at }: FaultPlace): UserPage {
  if (area.shared !== null) return area.shared.page(area.pgoff + (at - area.start) / PAGE);
  const pages = pagesOf(k, ownerOf(k, area));
  const index = area.pgoff + (at - area.start) / PAGE;
  let page = pages.get(index);
  if (page === undefined || page.mapcount === 0) {
    page = sourceOf(k).take("shmem");
    pages.set(index, page);
    fillLater(k, page, area, index);
  }
  return page;
}

/** The page of the page cache that a private mapping shows at a place, until it is written. */
export function filePage(k: Kernel, { area, at }: FaultPlace): UserPage {
  const pages = pagesOf(k, ownerOf(k, area));
  const index = area.pgoff + (at - area.start) / PAGE;
  let page = pages.get(index);
  if (page === undefined || page.mapcount === 0) {
    const before = page;
    page = sourceOf(k).take("file");
    page.struct = before?.struct || newStruct(k, area, index);
    pages.set(index, page);
    fillLater(k, page, area, index);
  }
  return page;
}

/** The `struct page` of a page of a file. */
function newStruct(k: Kernel, area: Vma, index: number): Addr {
  const struct = cachePageStruct(k);
  const inode = k.vfs.files.get(area.file)?.inode?.address ?? 0;
  PAGE_STRUCT.flags.set(k, struct, PG_UPTODATE | PG_LRU);
  if (inode !== 0) PAGE_STRUCT.mapping.set(k, struct, INODE.mapping.get(k, inode));
  PAGE_STRUCT.index.set(k, struct, index);
  return struct;
}

/** What the file holds there, once somebody looks; from then on it is this page. */
function fillLater(k: Kernel, page: UserPage, area: Vma, index: number): void {
  const inode = k.vfs.files.get(area.file)?.inode;
  if (!inode) return;
  page.fill = (bytes) => {
    bytes.set(inode.read(index * PAGE, PAGE));
    inode.shownIn(index, page);
  };
}

/** Takes pages of a file from number `first` on out of all mappings (`unmap_mapping_range`): it was cut. */
export function unmapFrom(k: Kernel, inode: Inode, first: number): void {
  if ((registries.get(k)?.get(inode)?.size ?? 0) === 0) return;
  const seen = new Set<Addr>();
  for (const task of k.tasks.each()) {
    const mm = task.mm === 0 || seen.has(task.mm) ? undefined : mmAt(k, task.mm);
    if (mm === undefined || mm.space === null) continue;
    seen.add(mm.address);
    for (const area of mm.areas) {
      if (area.file === 0 || k.vfs.files.get(area.file)?.inode !== inode) continue;
      const start = area.start + Math.max(0, first - area.pgoff) * PAGE;
      if (start < area.end) unmapPart(k, mm, start, area.end);
    }
  }
}

/** Private copies go, too: nothing is left that could be behind the end. */
function unmapPart(k: Kernel, mm: Mm, start: Addr, end: Addr): void {
  const source = sourceOf(k);
  const counts = [0, 0, 0, 0];
  for (const { page } of mm.space?.take(start, end - start) ?? []) {
    const counter = counterOf(page.kind);
    counts[counter] = (counts[counter] ?? 0) - 1;
    if (page.mapcount === 0) source.release(page);
  }
  counts.forEach((count, member) => addMmCounter(k, mm.address, member, count));
}

/** A page of a file is clean again: the next write through a shared mapping faults (`page_mkclean`). */
export function protectPage(k: Kernel, inode: Inode, index: number): void {
  const page = registries.get(k)?.get(inode)?.get(index);
  if (page === undefined || page.mapcount === 0 || !page.written) return;
  for (const task of k.tasks.each()) {
    const mm = task.mm === 0 ? undefined : mmAt(k, task.mm);
    for (const area of mm?.areas ?? []) {
      if (area.file === 0 || k.vfs.files.get(area.file)?.inode !== inode) continue;
      const at = area.start + (index - area.pgoff) * PAGE;
      if (at < area.start || at >= area.end || mm?.space?.pageAt(at / PAGE)?.real !== page) continue;
      mm.space.allowWrite(at / PAGE, false);
    }
  }
}
