/**
 * A process's half of the address space.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import { type Page, PAGE_SIZE } from "./page.ts";
import { PageMap } from "./page_map.ts";
import { pageDown, pageUp } from "./regions.ts";
import { LoosePages, type PageSource, type UserPage } from "./user_page.ts";

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

/**
 * Told when an access finds no page, or one that must not be written: the kernel's page fault. It maps what the access
 * needs; where it does not, the access gets a page by itself if it lies in an area.
 */
export type Faulter = (space: UserSpace, address: Addr, write: boolean) => void;

const PROT_WRITE = 2;

/**
 * User memory: areas, and the pages of them that were touched. The kernel's own copies (`copy_from_user`) fault pages
 * in; a probe's read of a page that nobody touched faults, as `bpf_probe_read_user` does.
 */
export class UserSpace {
  #areas: UserArea[] = [];
  /** Guarded are those that a write must not change yet: shared with a fork's other half, or with a file. */
  readonly #pages = new PageMap();
  /** See `hold`. */
  readonly #held = new Map<number, UserPage>();
  readonly #source: PageSource;
  #lastKey = NaN;
  #lastPage: Page | null = null;
  #lastWritable = false;
  /** The kernel's page fault; null: pages simply appear. */
  faulter: Faulter | null = null;

  /** `source`: where pages come from; by default they have no frames. */
  constructor(source: PageSource = new LoosePages()) {
    this.#source = source;
  }

  /** Pages that are present. */
  get resident(): number {
    return this.#pages.size;
  }

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
    this.#areas.splice(this.#firstEndingAbove(from), 0, area);
    return area;
  }

  /** Unmaps a range: areas are cut, pages are gone. */
  unmap(start: Addr, length: number): void {
    const from = pageDown(start);
    const end = pageUp(start + length);
    this.#recut(from, end, () => []);
    if (this.#held.size > 0) {
      for (const key of this.#held.keys()) {
        if (key * PAGE_SIZE >= from && key * PAGE_SIZE < end) this.#held.delete(key);
      }
    }
    this.drop(from, end - from);
  }

  /** Takes the pages of a range out; the areas stay. */
  drop(start: Addr, length: number): void {
    for (const { page } of this.take(start, length)) if (page.mapcount === 0) this.#source.release(page);
  }

  /**
   * Takes the pages of a range out of the page table (`zap_page_range`), by ascending address. Those that nobody maps any
   * more (`mapcount` 0) are the caller's to release.
   */
  take(start: Addr, length: number): { readonly key: number; readonly page: UserPage }[] {
    this.#forget();
    return this.pagesIn(start, start + length).map((key) => {
      const page = this.#pages.get(key) as UserPage;
      this.#pages.delete(key);
      if (--page.real.mapcount === 0) page.real.unmapped?.();
      return { key, page: page.real };
    });
  }

  /** Lets the area that begins at `from` begin at `start`, below it: a stack that grows. */
  grow(from: Addr, start: Addr): void {
    this.#forget();
    this.#areas = this.#areas.map((area) =>
      area.start === from ? { ...area, start, fillOffset: area.fillOffset + start - from } : area
    );
  }

  /** Changes the protection of what is mapped in a range. */
  protect(start: Addr, length: number, prot: number): void {
    this.#recut(pageDown(start), pageUp(start + length), (middle) => [{ ...middle, prot }]);
  }

  /** The area that holds an address. */
  areaAt(address: Addr): UserArea | undefined {
    const area = this.#areas[this.#firstEndingAbove(address)];
    return area !== undefined && area.start <= address ? area : undefined;
  }

  #firstEndingAbove(address: Addr): number {
    let low = 0;
    let high = this.#areas.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#areas[middle] as UserArea).end <= address) low = middle + 1;
      else high = middle;
    }
    return low;
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
    if (page === null) return null;
    this.#remember(key, page.page, this.areaAt(key * PAGE_SIZE));
    return page.page;
  }

  /** The page with that number, faulted in if it lies in an area; null where nothing is mapped. */
  touch(key: number): Page | null {
    if (key === this.#lastKey) return this.#lastPage;
    const address = key * PAGE_SIZE;
    let area = this.areaAt(address);
    let found = this.#pages.get(key);
    if (found === undefined) {
      this.faulter?.(this, address, false);
      area = this.areaAt(address);
      found = this.#pages.get(key);
    }
    if (area === undefined) return null;
    const page = (found ?? this.#appear(key, area)).page;
    this.#remember(key, page, area);
    return page;
  }

  /** Like `touch`, but null where the area may not be written. */
  touchWritable(key: number): Page | null {
    if (key === this.#lastKey && this.#lastWritable) return this.#lastPage;
    const address = key * PAGE_SIZE;
    let area = this.areaAt(address);
    let found = this.#pages.get(key);
    let guarded = this.#pages.guarded(key);
    if (found === undefined || guarded) {
      this.faulter?.(this, address, true);
      area = this.areaAt(address);
      found = this.#pages.get(key);
      guarded = this.#pages.guarded(key);
    }
    if (area === undefined || (area.prot & PROT_WRITE) === 0) return null;
    found ??= this.#appear(key, area);
    if (guarded) {
      this.#own(key, found);
      found = this.#pages.get(key) as UserPage;
    }
    const { page } = found;
    this.#remember(key, page, area);
    return page;
  }

  /** What is mapped at a page number. */
  pageAt(key: number): UserPage | undefined {
    return this.#pages.get(key);
  }

  /** Whether a write to a present page has to fault first. */
  writeProtected(key: number): boolean {
    return this.#pages.guarded(key);
  }

  /** Maps a page; what was mapped there is let go. Not writable: the next write faults. */
  install(key: number, page: UserPage, writable: boolean): void {
    this.#forget();
    const old = this.#pages.get(key);
    page.real.mapcount++;
    this.#pages.set(key, this.#held.size > 0 ? this.#standIn(key, page) : page, !writable);
    if (old !== undefined) this.#leave(old);
  }

  /** What is shown in place of a file's page. */
  #standIn(key: number, page: UserPage): UserPage {
    const held = page.kind === "file" ? this.#held.get(key) : undefined;
    if (held === undefined || held === page) return page;
    held.standsFor = page.real;
    return held;
  }

  /** Keeps a page for a place where none is present: what a fault maps there of a file is this one. */
  hold(key: number, page: UserPage): void {
    this.#held.set(key, page);
  }

  /** The page that is kept for a place. */
  heldAt(key: number): UserPage | undefined {
    return this.#held.get(key);
  }

  /** Lets a page that is present be written, or not. */
  allowWrite(key: number, writable: boolean): void {
    this.#forget();
    this.#pages.guard(key, !writable);
  }

  /** Moves the pages of a range elsewhere, as `move_page_tables` does. */
  movePages(from: Addr, to: Addr, length: number): void {
    this.#forget();
    for (const key of this.pagesIn(from, from + length)) {
      const page = this.#pages.get(key) as UserPage;
      const there = key + (to - from) / PAGE_SIZE;
      const guarded = this.#pages.guarded(key);
      this.#pages.delete(key);
      this.#pages.set(there, page, guarded);
    }
  }

  /** What fills the page of that number, as its area says a fresh one looks; null: zeros. */
  fillerOf(key: number): ((bytes: Uint8Array<ArrayBuffer>) => void) | null {
    const address = key * PAGE_SIZE;
    const area = this.areaAt(address);
    const fill = area?.fill ?? null;
    if (area === undefined || fill === null) return null;
    const offset = area.fillOffset + address - area.start;
    return (bytes) => fill(offset, bytes);
  }

  /**
   * A copy as fork makes: areas, and pages that both map from then on, those of them that `copies` says by their number. A
   * write to one that is not shared memory gives the writer its own.
   */
  fork(copies: (key: number) => boolean = () => true): UserSpace {
    const child = new UserSpace(this.#source);
    child.faulter = this.faulter;
    child.#areas = this.#areas.slice();
    for (const [key, page] of this.#held) child.#held.set(key, page);
    this.#forget();
    for (const key of this.#pages.keys()) {
      if (!copies(key)) continue;
      const page = this.#pages.get(key) as UserPage;
      const guarded = page.kind !== "shmem" || this.#pages.guarded(key);
      page.real.mapcount++;
      child.#pages.set(key, page, guarded);
      this.#pages.guard(key, guarded);
    }
    return child;
  }

  /** Unmaps everything. */
  clear(): void {
    this.#areas = [];
    for (const key of this.#pages.keys()) this.#leave(this.#pages.get(key) as UserPage);
    this.#pages.clear();
    this.#held.clear();
    this.#forget();
  }

  #leave(page: UserPage): void {
    const { real } = page;
    if (--real.mapcount > 0) return;
    real.unmapped?.();
    this.#source.release(real);
  }

  /** A page that nobody's fault brought: an address space without a kernel, or memory that stands for a program's own. */
  #appear(key: number, area: UserArea): UserPage {
    const page = this.#source.take(area.fill === null ? "anon" : "file");
    page.mapcount = 1;
    this.#pages.set(key, page, false);
    page.fill = this.fillerOf(key);
    return page;
  }

  /** A write to a page that others map too, without a fault: the writer gets a copy. */
  #own(key: number, page: UserPage): void {
    this.#pages.guard(key, false);
    if (page.mapcount === 1) return;
    const own = this.#source.take("anon");
    if (page.looked) own.page.bytes.set(page.page.bytes);
    own.mapcount = 1;
    this.#pages.set(key, own, false);
    this.#leave(page);
  }

  #remember(key: number, page: Page, area: UserArea | undefined): void {
    this.#lastKey = key;
    this.#lastPage = page;
    this.#lastWritable = area !== undefined && (area.prot & PROT_WRITE) !== 0 && !this.#pages.guarded(key);
  }

  #forget(): void {
    this.#lastKey = NaN;
    this.#lastPage = null;
  }

  #recut(from: Addr, end: Addr, change: (middle: UserArea) => UserArea[]): void {
    this.#forget();
    const areas = this.#areas;
    const first = this.#firstEndingAbove(from);
    let behind = first;
    while (behind < areas.length && (areas[behind] as UserArea).start < end) behind++;
    if (behind === first) return;
    const result: UserArea[] = [];
    for (let i = first; i < behind; i++) {
      const area = areas[i] as UserArea;
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
    areas.splice(first, behind - first, ...result);
  }

  /** Numbers of the pages that are present in `[from, end)`, page aligned, ascending. */
  pagesIn(from: Addr, end: Addr): number[] {
    return this.#pages.keys(from / PAGE_SIZE, end / PAGE_SIZE);
  }
}
