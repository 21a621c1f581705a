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
export class Page {
  /**
   * Aligned halves of words, from `start` on: hosts that Deno runs on are little-endian, as the kernels here are. Pages
   * that were cut out of one buffer share the array, so that a machine of many pages has few of them.
   */
  readonly halves: Int32Array<ArrayBuffer>;
  /** Index of the page's first half. */
  readonly start: number;
  #view: DataView<ArrayBuffer> | null = null;
  #bytes: Uint8Array<ArrayBuffer> | null = null;

  constructor(halves: Int32Array<ArrayBuffer>, start: number) {
    this.halves = halves;
    this.start = start;
  }

  /** The page, for what is not aligned. */
  get view(): DataView<ArrayBuffer> {
    return this.#view ??= new DataView(this.halves.buffer, this.start * 4, PAGE_SIZE);
  }

  /** Its bytes. */
  get bytes(): Uint8Array<ArrayBuffer> {
    return this.#bytes ??= new Uint8Array(this.halves.buffer, this.start * 4, PAGE_SIZE);
  }
}

/** A page of its own. */
export function singlePage(): Page {
  return new Page(new Int32Array(PAGE_SIZE / 4), 0);
}

/** Pages are cut out of larger buffers: fewer, cheaper allocations. */
const PAGES_PER_BUFFER = 64;

/** Hands out zeroed pages. */
export class PagePool {
  #halves = new Int32Array(0);
  #used = PAGES_PER_BUFFER;
  #count = 0;

  /** Pages handed out so far. */
  get count(): number {
    return this.#count;
  }

  /** A fresh page of zeros. */
  take(): Page {
    if (this.#used === PAGES_PER_BUFFER) {
      this.#halves = new Int32Array(PAGES_PER_BUFFER * PAGE_SIZE / 4);
      this.#used = 0;
    }
    this.#count++;
    return new Page(this.#halves, this.#used++ * PAGE_SIZE / 4);
  }
}
