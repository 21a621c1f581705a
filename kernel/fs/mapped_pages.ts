/**
 * Pages of a file that processes have mapped and looked at: what is written through a mapping shows in the file, and what is
 * written to the file shows in mappings, because both are the same page of the page cache.
 *
 * @module
 */

import { PAGE_SIZE } from "../memory/page.ts";
import type { UserPage } from "../memory/user_page.ts";
import type { Contents } from "./contents.ts";

/** A file's pages in memory that somebody maps, by their number. */
export class MappedPages {
  readonly #contents: Contents;
  readonly #pages = new Map<number, UserPage>();

  /** Of a file with these bytes. */
  constructor(contents: Contents) {
    this.#contents = contents;
  }

  /** Whether there are none. */
  get empty(): boolean {
    return this.#pages.size === 0;
  }

  /** A page was looked at for the first time. */
  add(index: number, page: UserPage): void {
    this.#pages.set(index, page);
  }

  /** Nobody maps a page any more: what was written to it stays in the file, up to its size. */
  remove(index: number, page: UserPage, size: number): void {
    if (this.#pages.get(index) !== page) return;
    this.#keep(index, page, size);
    this.#pages.delete(index);
  }

  /** Takes over what was written through mappings in `[pos, pos + count)`, before that is read. */
  collect(pos: number, count: number, size: number): void {
    for (const [index, page] of this.#pages) {
      const start = index * PAGE_SIZE;
      if (start < pos + count && start + PAGE_SIZE > pos) this.#keep(index, page, size);
    }
  }

  /** Bytes were written to the file at `pos`: mappings show them. */
  show(pos: number, bytes: Uint8Array): void {
    for (const [index, page] of this.#pages) {
      const start = index * PAGE_SIZE;
      const from = Math.max(pos, start);
      const end = Math.min(pos + bytes.length, start + PAGE_SIZE);
      if (from < end) page.page.bytes.set(bytes.subarray(from - pos, end - pos), from - start);
    }
  }

  /** The file was cut: what lies behind its end in the last page is zeros. */
  cut(size: number): void {
    for (const [index, page] of this.#pages) {
      const start = index * PAGE_SIZE;
      if (start + PAGE_SIZE > size) page.page.bytes.fill(0, Math.max(0, size - start));
    }
  }

  #keep(index: number, page: UserPage, size: number): void {
    const start = index * PAGE_SIZE;
    const length = Math.min(PAGE_SIZE, size - start);
    if (page.written && length > 0) this.#contents.write(start, page.page.bytes.subarray(0, length));
  }
}
