/**
 * Shared anonymous memory: what the file behind it (`/dev/zero`) holds, as long as anybody maps any of it.
 *
 * @module
 */

import type { PageSource, UserPage } from "../memory/user_page.ts";

/** The pages of one piece of shared memory, and how many areas show it. */
export class SharedMemory {
  readonly #source: PageSource;
  readonly #pages = new Map<number, UserPage>();
  #areas = 0;

  constructor(source: PageSource) {
    this.#source = source;
  }

  /** Its page of that index: made when it is first wanted, and kept. */
  page(index: number): UserPage {
    let page = this.#pages.get(index);
    if (page === undefined) {
      page = this.#source.take("shmem");
      page.mapcount++;
      this.#pages.set(index, page);
    }
    return page;
  }

  /** Another area shows it. */
  shown(): void {
    this.#areas++;
  }

  /** An area is gone; the last one takes the pages with it. */
  hidden(): void {
    if (--this.#areas > 0) return;
    for (const page of this.#pages.values()) if (--page.mapcount === 0) this.#source.release(page);
    this.#pages.clear();
  }
}
