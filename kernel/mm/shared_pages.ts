/**
 * Pages of shared mappings: one per file and offset, whoever maps it. What is written to them reaches the file when they
 * are written back: by `msync`, when the last mapping goes, when the process exits.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import type { Inode } from "../fs/inode.ts";
import type { Kernel } from "../kernel.ts";
import type { UserPage } from "../memory/user_page.ts";
import type { UserSpace } from "../memory/user_space.ts";
import type { FaultPlace } from "./fault_place.ts";
import type { Vma } from "./mm_struct.ts";
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
export function sharedPage(k: Kernel, { area, space, at, key }: FaultPlace): UserPage {
  if (area.shared !== null) return area.shared.page(area.pgoff + (at - area.start) / PAGE);
  const pages = pagesOf(k, ownerOf(k, area));
  const index = area.pgoff + (at - area.start) / PAGE;
  let page = pages.get(index);
  if (page === undefined || page.mapcount === 0) {
    page = sourceOf(k).take("shmem");
    pages.set(index, page);
    if (area.file !== 0) fillLater(page, space, key);
  }
  return page;
}

/** The page of the page cache that a private mapping shows at a place, until it is written. */
export function filePage(k: Kernel, { area, space, at, key }: FaultPlace): UserPage {
  const pages = pagesOf(k, ownerOf(k, area));
  const index = area.pgoff + (at - area.start) / PAGE;
  let page = pages.get(index);
  if (page === undefined || page.mapcount === 0) {
    page = sourceOf(k).take("file");
    pages.set(index, page);
    if (area.file !== 0) fillLater(page, space, key);
  }
  return page;
}

/** What the file holds there, once somebody looks. */
function fillLater(page: UserPage, space: UserSpace, key: number): void {
  const fill = space.fillerOf(key);
  if (fill !== null) page.fill = fill;
}

/** Writes what a shared mapping's pages hold in `[start, end)` back to the file. */
export function writeBack(k: Kernel, area: Vma, start: Addr, end: Addr): number {
  const inode: Inode | null | undefined = k.vfs.files.get(area.file)?.inode;
  if (!inode) return 0;
  const pages = pagesOf(k, inode);
  let written = 0;
  for (let at = Math.max(start, area.start); at < Math.min(end, area.end); at += PAGE) {
    const offset = (area.pgoff + (at - area.start) / PAGE) * PAGE;
    const page = pages.get(offset / PAGE);
    if (page === undefined || page.mapcount === 0 || !page.looked) continue;
    const length = Math.min(PAGE, inode.size - offset);
    if (length <= 0) continue;
    inode.write(offset, page.page.bytes.subarray(0, length));
    written++;
  }
  return written;
}
