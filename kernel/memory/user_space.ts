/**
 * A process's half of the address space.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import { type Page, PAGE_SIZE, PagePool } from "./page.ts";
import { pageDown, pageUp } from "./regions.ts";

/** Fills a page when it is first touched: `offset` counts from the area's start (as mapped), `bytes` is one page. */
export type PageFiller = (offset: number, bytes: Uint8Array<ArrayBuffer>) => void;

/** A mapped range of user addresses. */
export interface UserArea {
  readonly start: Addr;
  /** Exclusive. */
  readonly end: Addr;
  /** `PROT_READ` 1, `PROT_WRITE` 2, `PROT_EXEC` 4. */
  readonly prot: number;
  /** What untouched pages hold; zeros without it. */
  readonly fill: PageFiller | null;
  /** Where `start` lies in what `fill` counts from. */
  readonly fillOffset: number;
}

const PROT_WRITE = 2;
const POOL = new PagePool();

/**
 * User memory: areas, and the pages of them that were touched. The kernel's own copies (`copy_from_user`) fault pages
 * in; a probe's read of a page that nobody touched faults, as `bpf_probe_read_user` does.
 */
export class UserSpace {
  #areas: UserArea[] = [];
  readonly #pages = new Map<number, Page>();
  #lastKey = NaN;
  #lastPage: Page | null = null;
  #lastWritable = false;

  /** Areas by ascending address. */
  get areas(): readonly UserArea[] {
    return this.#areas;
  }

  /** Maps `[start, start + length)`, page aligned; replaces what was mapped there. */
  map(start: Addr, length: number, prot: number, fill: PageFiller | null = null): UserArea {
    const from = pageDown(start);
    const end = pageUp(start + length);
    if (!(length > 0) || from < 0) {
      throw new RangeError(
        `Cannot map ${length} bytes at ${start}: an area needs a user address and a length`,
      );
    }
    this.unmap(from, end - from);
    const area: UserArea = { start: from, end, prot, fill, fillOffset: 0 };
    this.#areas.push(area);
    this.#areas.sort((a, b) => a.start - b.start);
    return area;
  }

  /** Unmaps a range: areas are cut, pages are gone. */
  unmap(start: Addr, length: number): void {
    const from = pageDown(start);
    const end = pageUp(start + length);
    this.#recut(from, end, () => []);
    for (const key of this.#keys(from, end)) this.#pages.delete(key);
  }

  /** Changes the protection of what is mapped in a range. */
  protect(start: Addr, length: number, prot: number): void {
    this.#recut(pageDown(start), pageUp(start + length), (middle) => [{ ...middle, prot }]);
  }

  /** The area that holds an address. */
  areaAt(address: Addr): UserArea | undefined {
    let low = 0;
    let high = this.#areas.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#areas[middle] as UserArea).end <= address) low = middle + 1;
      else high = middle;
    }
    const area = this.#areas[low];
    return area !== undefined && area.start <= address ? area : undefined;
  }

  /** A free range of `length` bytes, searched downwards from below `top`, as `mmap` does. -1 if there is none. */
  findFree(length: number, top: Addr, bottom: Addr = 0x10000): Addr {
    const size = pageUp(length);
    let end = pageDown(top);
    for (let i = this.#areas.length - 1; i >= 0; i--) {
      const area = this.#areas[i] as UserArea;
      if (area.start >= end) continue;
      if (area.end <= end - size) break;
      end = area.start;
    }
    return end - size >= bottom ? end - size : -1;
  }

  /** The page with that number (address / 4096) if it was touched, else null. */
  present(key: number): Page | null {
    if (key === this.#lastKey) return this.#lastPage;
    const page = this.#pages.get(key) ?? null;
    if (page !== null) this.#remember(key, page, this.areaAt(key * PAGE_SIZE));
    return page;
  }

  /** The page with that number, faulted in if it lies in an area; null where nothing is mapped. */
  touch(key: number): Page | null {
    if (key === this.#lastKey) return this.#lastPage;
    const address = key * PAGE_SIZE;
    const area = this.areaAt(address);
    if (area === undefined) return null;
    let page = this.#pages.get(key);
    if (page === undefined) {
      page = POOL.take();
      area.fill?.(area.fillOffset + address - area.start, page.bytes);
      this.#pages.set(key, page);
    }
    this.#remember(key, page, area);
    return page;
  }

  /** Like `touch`, but null where the area may not be written. */
  touchWritable(key: number): Page | null {
    const page = this.touch(key);
    return page !== null && this.#lastWritable ? page : null;
  }

  /** A copy of areas and touched pages, as fork makes. */
  fork(): UserSpace {
    const child = new UserSpace();
    child.#areas = this.#areas.slice();
    for (const [key, page] of this.#pages) {
      const copy = POOL.take();
      copy.bytes.set(page.bytes);
      child.#pages.set(key, copy);
    }
    return child;
  }

  /** Unmaps everything. */
  clear(): void {
    this.#areas = [];
    this.#pages.clear();
    this.#forget();
  }

  #remember(key: number, page: Page, area: UserArea | undefined): void {
    this.#lastKey = key;
    this.#lastPage = page;
    this.#lastWritable = area !== undefined && (area.prot & PROT_WRITE) !== 0;
  }

  #forget(): void {
    this.#lastKey = NaN;
    this.#lastPage = null;
  }

  #recut(from: Addr, end: Addr, change: (middle: UserArea) => UserArea[]): void {
    this.#forget();
    const result: UserArea[] = [];
    for (const area of this.#areas) {
      if (area.end <= from || area.start >= end) {
        result.push(area);
        continue;
      }
      const cut = (start: Addr, stop: Addr): UserArea => ({
        ...area,
        start,
        end: stop,
        fillOffset: area.fillOffset + start - area.start,
      });
      if (area.start < from) result.push(cut(area.start, from));
      result.push(...change(cut(Math.max(area.start, from), Math.min(area.end, end))));
      if (area.end > end) result.push(cut(end, area.end));
    }
    this.#areas = result;
  }

  /** Page numbers that are present in a range: by range or by table, whichever is shorter. */
  #keys(from: Addr, end: Addr): number[] {
    const first = from / PAGE_SIZE;
    const last = end / PAGE_SIZE;
    const keys: number[] = [];
    if (last - first < this.#pages.size) {
      for (let key = first; key < last; key++) if (this.#pages.has(key)) keys.push(key);
    } else {
      for (const key of this.#pages.keys()) if (key >= first && key < last) keys.push(key);
    }
    return keys;
  }
}
