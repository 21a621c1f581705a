/**
 * Pages: what memory is made of.
 *
 * @module
 */

/** Bytes of a page, on every architecture here. */
export const PAGE_SIZE = 4096;
/** Its logarithm. */
export const PAGE_SHIFT = 12;

/** One page's contents. */
export interface Page {
  readonly view: DataView<ArrayBuffer>;
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** The same in aligned halves of a word: hosts that Deno runs on are little-endian too. */
  readonly halves: Int32Array<ArrayBuffer>;
}

/** Pages are cut out of larger buffers: fewer, cheaper allocations. */
const PAGES_PER_BUFFER = 64;

/** The page at an offset of a buffer. */
export function pageAt(buffer: ArrayBuffer, offset: number): Page {
  return {
    view: new DataView(buffer, offset, PAGE_SIZE),
    bytes: new Uint8Array(buffer, offset, PAGE_SIZE),
    halves: new Int32Array(buffer, offset, PAGE_SIZE / 4),
  };
}

/** Hands out zeroed pages. */
export class PagePool {
  #buffer = new ArrayBuffer(0);
  #used = PAGES_PER_BUFFER;
  #count = 0;

  /** Pages handed out so far. */
  get count(): number {
    return this.#count;
  }

  /** A fresh page of zeros. */
  take(): Page {
    if (this.#used === PAGES_PER_BUFFER) {
      this.#buffer = new ArrayBuffer(PAGES_PER_BUFFER * PAGE_SIZE);
      this.#used = 0;
    }
    const offset = this.#used++ * PAGE_SIZE;
    this.#count++;
    return pageAt(this.#buffer, offset);
  }
}
