/**
 * Where address spaces get their pages: frames of the machine, with a `struct page` each.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import type { Kernel } from "../kernel.ts";
import { singlePage } from "../memory/page.ts";
import { type PageKind, type PageSource, UserPage } from "../memory/user_page.ts";
import { GFP_COMP, GFP_HIGHUSER_MOVABLE } from "./gfp.ts";
import { freePages } from "./page_alloc.ts";
import { frameOf, PAGE_STRUCT, pageStruct, PG_LRU, PG_SWAPBACKED, PG_UPTODATE } from "./page_struct.ts";

const sources = new WeakMap<Kernel, PageSource>();

/** Pages that carry no frame of their own: file pages belong to the page cache, the page of zeros to the kernel. */
function framed(kind: PageKind): boolean {
  return kind === "anon" || kind === "shmem";
}

/** The `UserPage` of a page that was just allocated. */
export function userPage(k: Kernel, page: Addr, kind: PageKind): UserPage {
  const frame = frameOf(k, page);
  PAGE_STRUCT.mapcount.set(k, page, 0);
  PAGE_STRUCT.flags.set(k, page, PG_UPTODATE | PG_LRU | (kind === "file" ? 0 : PG_SWAPBACKED));
  return new UserPage(frame, kind, () => {
    const bytes = k.memory.pageOf(frame);
    bytes.bytes.fill(0);
    return bytes;
  });
}

/** A page of a file, or the page of zeros. */
export function cachePage(k: Kernel, kind: "file" | "zero"): UserPage {
  return sourceOf(k).take(kind);
}

/** Where the address spaces of a kernel get their pages. */
export function sourceOf(k: Kernel): PageSource {
  let source = sources.get(k);
  if (source === undefined) sources.set(k, source = new KernelPages(k));
  return source;
}

class KernelPages implements PageSource {
  readonly #k: Kernel;

  constructor(k: Kernel) {
    this.#k = k;
  }

  take(kind: PageKind): UserPage {
    const k = this.#k;
    if (!framed(kind)) return new UserPage(0, kind, singlePage);
    const frame = k.slab.frames.alloc(0, GFP_HIGHUSER_MOVABLE | GFP_COMP);
    return userPage(k, pageStruct(k, frame), kind);
  }

  release(page: UserPage): void {
    if (page.frame !== 0) freePages(this.#k, pageStruct(this.#k, page.frame));
  }
}
