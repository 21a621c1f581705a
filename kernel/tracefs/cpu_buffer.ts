/**
 * The ring buffer of one CPU: pages that fill up, of which the oldest is given up for a new one.
 *
 * @module
 */

import type { TraceEntry } from "./trace_entry.ts";

/** Bytes of a record's own header in the ring buffer. */
const EVENT_HEADER = 4;

interface Page {
  readonly entries: TraceEntry[];
  /** Entries already consumed, from the front. */
  taken: number;
  bytes: number;
}

/** The records of one CPU, oldest first. */
export class CpuBuffer {
  readonly #pageBytes: number;
  #pages: Page[] = [];
  #maxPages: number;
  /** Records given up for newer ones. */
  overrun = 0;
  /** Records consumed by readers. */
  read = 0;
  /** Records refused because old ones may not be given up. */
  dropped = 0;
  /** Records lost since the last consuming read. */
  lost = 0;
  #count = 0;

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
    return this.#pages.reduce((sum, page) => sum + page.bytes, 0);
  }

  /** Time of the oldest record, or 0. */
  get oldest(): number {
    for (const entry of this.entries()) return entry.time;
    return 0;
  }

  /** Adds a record whose data takes `size` bytes. False when the buffer is full and keeps what it has. */
  push(entry: TraceEntry, size: number, overwrite: boolean): boolean {
    const bytes = EVENT_HEADER + ((size + 3) & ~3);
    let page = this.#pages.at(-1);
    if (page === undefined || page.bytes + bytes > this.#pageBytes) {
      if (this.#pages.length >= this.#maxPages) {
        if (!overwrite) {
          this.dropped++;
          return false;
        }
        this.#drop();
      }
      page = { entries: [], taken: 0, bytes: 0 };
      this.#pages.push(page);
    }
    page.entries.push(entry);
    page.bytes += bytes;
    this.#count++;
    return true;
  }

  /** The records, oldest first, without consuming them. */
  *entries(): Generator<TraceEntry, void, void> {
    for (const page of this.#pages) {
      for (let i = page.taken; i < page.entries.length; i++) yield page.entries[i] as TraceEntry;
    }
  }

  /** The oldest record, or undefined. */
  peek(): TraceEntry | undefined {
    const page = this.#front();
    return page?.entries[page.taken];
  }

  /** Consumes the oldest record. */
  take(): TraceEntry | undefined {
    const page = this.#front();
    if (page === undefined) return undefined;
    const entry = page.entries[page.taken++];
    this.#count--;
    this.read++;
    return entry;
  }

  /** Forgets everything, counters too. */
  clear(): void {
    this.#pages = [];
    this.#count = 0;
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

  #front(): Page | undefined {
    let page = this.#pages[0];
    while (page !== undefined && page.taken >= page.entries.length && this.#pages.length > 1) {
      this.#pages.shift();
      page = this.#pages[0];
    }
    return page;
  }

  #drop(): void {
    const page = this.#pages.shift();
    if (page === undefined) return;
    const left = page.entries.length - page.taken;
    this.#count -= left;
    this.overrun += left;
    this.lost += left;
  }
}
