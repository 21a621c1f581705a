/**
 * The ring buffer of one CPU: pages that fill up, of which the oldest is given up for a new one.
 *
 * @module
 */

import type { TraceEntry } from "./trace_entry.ts";

/** Bytes of a record's own header, and of the length behind it that large ones need. */
const EVENT_HEADER = 4;
const LENGTH_WORD = 4;
const MAX_SMALL_DATA = 112;
/** A record so many nanoseconds behind the last one needs words for the difference. */
const LARGE_DELTA = 2 ** 27;
const TIME_EXTEND = 8;

interface Page {
  readonly entries: TraceEntry[];
  /** Bytes of each. */
  readonly sizes: number[];
  /** Entries already consumed, from the front, and their bytes. */
  taken: number;
  takenBytes: number;
  bytes: number;
}

/** The records of one CPU, oldest first. */
export class CpuBuffer {
  readonly #pageBytes: number;
  /** The page that a consuming reader took out of the ring: nothing overwrites it. */
  #reader: Page | null = null;
  #pages: Page[] = [];
  #maxPages: number;
  /** Records given up for newer ones. */
  overrun = 0;
  /** Records consumed by readers. */
  read = 0;
  /** Records refused because old ones may not be given up. */
  dropped = 0;
  /** Records that were lost right before the one that was taken last. */
  lost = 0;
  /** Lost records of which a reader knows. */
  #toldOverrun = 0;
  #count = 0;
  #lastTime = 0;

  /** `pageBytes` data bytes a page, `maxPages` of them. */
  constructor(pageBytes: number, maxPages: number) {
    this.#pageBytes = pageBytes;
    this.#maxPages = maxPages;
  }

  /** Pages that there is room for. */
  get maxPages(): number {
    return this.#maxPages;
  }

  /** Records that can be read. */
  get count(): number {
    return this.#count;
  }

  /** Bytes that the records take. */
  get bytes(): number {
    let sum = 0;
    for (const page of this.#all()) sum += page.bytes - page.takenBytes;
    return sum;
  }

  /** Time stamp of the oldest page in the ring, or 0. */
  get oldest(): number {
    return (this.#pages[0] ?? this.#reader)?.entries[0]?.time ?? 0;
  }

  /** Adds a record whose data takes `size` bytes. False when the buffer is full and keeps what it has. */
  push(entry: TraceEntry, size: number, overwrite: boolean): boolean {
    const own = EVENT_HEADER + (size > MAX_SMALL_DATA ? LENGTH_WORD : 0) + ((size + 3) & ~3);
    let bytes = entry.time - this.#lastTime >= LARGE_DELTA ? own + TIME_EXTEND : own;
    // A reader may hold the page that is being filled.
    let page = this.#pages.at(-1) ?? this.#reader;
    if (page === null || page.bytes + bytes > this.#pageBytes) {
      if (this.#pages.length >= this.#maxPages) {
        if (!overwrite) {
          this.dropped++;
          return false;
        }
        this.#drop();
      }
      page = { entries: [], sizes: [], taken: 0, takenBytes: 0, bytes: 0 };
      this.#pages.push(page);
    }
    // A page begins with a time stamp of its own.
    if (page.entries.length === 0) bytes = own;
    page.entries.push(entry);
    page.sizes.push(bytes);
    page.bytes += bytes;
    this.#lastTime = entry.time;
    this.#count++;
    return true;
  }

  /** The records, oldest first, without consuming them. */
  *entries(): Generator<TraceEntry, void, void> {
    for (const page of this.#all()) {
      for (let i = page.taken; i < page.entries.length; i++) yield page.entries[i] as TraceEntry;
    }
  }

  /** Consumes the oldest record; `lost` then tells of records that were lost before it. */
  take(): TraceEntry | undefined {
    this.lost = 0;
    let page = this.#reader;
    if (page === null || page.taken >= page.entries.length) {
      page = this.#pages.shift() ?? null;
      if (page === null) return undefined;
      this.#reader = page;
      this.lost = this.overrun - this.#toldOverrun;
      this.#toldOverrun = this.overrun;
    }
    page.takenBytes += page.sizes[page.taken] ?? 0;
    this.#count--;
    this.read++;
    return page.entries[page.taken++];
  }

  /** Forgets everything, counters too. */
  clear(): void {
    this.#reader = null;
    this.#pages = [];
    this.#count = 0;
    this.#lastTime = 0;
    this.#toldOverrun = 0;
    this.overrun = 0;
    this.read = 0;
    this.dropped = 0;
    this.lost = 0;
  }

  /** Changes how many pages there are; what no longer fits is forgotten, oldest first. */
  resize(maxPages: number): void {
    this.#maxPages = maxPages;
    while (this.#pages.length > maxPages) this.#drop();
  }

  *#all(): Generator<Page, void, void> {
    if (this.#reader !== null) yield this.#reader;
    yield* this.#pages;
  }

  #drop(): void {
    const page = this.#pages.shift();
    if (page === undefined) return;
    this.#count -= page.entries.length;
    this.overrun += page.entries.length;
  }
}
