/**
 * Pages that processes map: page frames with what they hold, shared by the address spaces that map them.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import { type Page, PagePool } from "./page.ts";

/** What a page is: anonymous memory, a private or shared view of a file, shared memory, or the page of zeros. */
export type PageKind = "anon" | "file" | "shmem" | "zero";

/** Where address spaces get their pages, and give them back. */
export interface PageSource {
  /** A page of zeros that nobody maps yet. */
  take(kind: PageKind): UserPage;
  /** Nobody maps it any more. */
  release(page: UserPage): void;
}

/** One page. Its contents are made when somebody first looks: most pages of a large program never are looked at. */
export class UserPage {
  /** Address of its frame in the direct map; 0 where the address space stands alone (tests). */
  readonly frame: Addr;
  readonly kind: PageKind;
  /** Address of its `struct page` where that is not its frame's: the page cache has it. 0 where nothing has. */
  struct: Addr = 0;
  /** How many page tables map it: `_mapcount` + 1. */
  mapcount = 0;
  /** The page that it was put in place of, which is what is counted: a copy with breakpoints in it. */
  standsFor: UserPage | null = null;
  /** Makes what it holds when somebody first looks; null: zeros. */
  fill: ((bytes: Uint8Array<ArrayBuffer>) => void) | null = null;
  /** Somebody may write to it through a shared mapping, or could. */
  written = false;
  /** Told when nobody maps it any more, before its frame is given back. */
  unmapped: (() => void) | null = null;
  readonly #make: () => Page;
  #page: Page | null = null;

  constructor(frame: Addr, kind: PageKind, make: () => Page) {
    this.frame = frame;
    this.kind = kind;
    this.#make = make;
  }

  /** The page that counts: itself, or what it stands for. */
  get real(): UserPage {
    return this.standsFor ?? this;
  }

  /** Its bytes. */
  get page(): Page {
    if (this.#page === null) {
      this.#page = this.#make();
      this.fill?.(this.#page.bytes);
    }
    return this.#page;
  }

  /** Whether it may hold anything but zeros. */
  get looked(): boolean {
    return this.#page !== null || this.fill !== null;
  }
}

/** Pages without frames, for address spaces that belong to no kernel. */
export class LoosePages implements PageSource {
  readonly #pool = new PagePool();

  take(kind: PageKind): UserPage {
    return new UserPage(0, kind, () => this.#pool.take());
  }

  release(): void {}
}
