/**
 * The address space: what kernel code and probes read and write.
 *
 * @module
 */

import type { Addr, KernelImage } from "../../image/model.ts";
import type { ArchModel } from "../arch/model.ts";
import { AddressTable } from "./address_table.ts";
import { MemoryFault } from "./fault.ts";
import { type Page, PAGE_SHIFT, PAGE_SIZE, PagePool } from "./page.ts";
import { decode, deposit, encode, encodeInto, fetch, joined, pair } from "./page_data.ts";
import { kernelRegions, pageDown, pageUp, type Region } from "./regions.ts";
import { TextMemory } from "./text.ts";
import type { UserSpace } from "./user_space.ts";

/** Most bytes that are cleared word by word: few are cleared sooner so. */
const SMALL = 512;
/** Pages whose place is remembered, by the low bits of their number; tags are the pages' addresses. A power of two. */
const CACHED = 8192;

/**
 * Byte-addressable memory of one kernel, and of the process that runs on it (`user`).
 *
 * Three ways in: `load…`/`store…` are kernel code's own accesses: they throw `MemoryFault` at a bad pointer (user
 * pages are faulted in). `probeRead…` is for probes: no exception, NaN or null for a fault. Values are signed numbers;
 * 8 bytes always read as the signed word (so pointers are exact), and outside ±2^53 raise a `RangeError` that names
 * `readBig`.
 * On i386 an address may be given signed or unsigned. Words are little endian on all architectures here.
 */
export class Memory {
  readonly arch: ArchModel;
  readonly regions: readonly Region[];
  /** Kernel text, and the patches in it. */
  readonly text: TextMemory;
  /** User memory of the running process; null for kernel threads. The scheduler switches it. */
  user: UserSpace | null = null;

  /** By the pages' addresses. */
  readonly #pages = new AddressTable<Page>();
  readonly #pool = new PagePool();
  /** Page numbers mapped by `mapPages` inside regions of areas. */
  readonly #mapped = new Set<number>();
  readonly #tags = new Float64Array(CACHED).fill(NaN);
  readonly #cached: (Page | null)[] = new Array<Page | null>(CACHED).fill(null);
  readonly #writeTags = new Float64Array(CACHED).fill(NaN);
  readonly #wide: boolean;
  readonly #userEnd: number;

  constructor(image: KernelImage, arch: ArchModel) {
    this.arch = arch;
    this.#wide = arch.wordSize === 8;
    this.#userEnd = arch.layout.userEnd;
    this.regions = kernelRegions(image, arch);
    this.text = new TextMemory(image, arch, (address) => {
      return this.#pages.get(pageDown(address)) ?? null;
    });
  }

  /** The region that holds a kernel address. */
  regionAt(address: Addr): Region | undefined {
    const at = this.#normal(address);
    return this.regions.find((r) => at >= r.start && at < r.end);
  }

  /** Whether an address belongs to user space by its value. */
  isUser(address: Addr): boolean {
    return address >= 0 && address < this.#userEnd;
  }

  /** Maps pages in vmalloc, modules or fixmap space; they read as zeros. */
  mapPages(start: Addr, length: number): void {
    for (let key = pageDown(start) / PAGE_SIZE; key < pageUp(start + length) / PAGE_SIZE; key++) {
      this.#mapped.add(key);
    }
  }

  /** The page at a kernel address: what the kernel reads and writes there. */
  pageOf(address: Addr): Page {
    return this.#reader(Math.floor(address / PAGE_SIZE), address);
  }

  /** Unmaps what `mapPages` mapped: accesses fault again. */
  unmapPages(start: Addr, length: number): void {
    for (let key = pageDown(start) / PAGE_SIZE; key < pageUp(start + length) / PAGE_SIZE; key++) {
      const page = key * PAGE_SIZE;
      this.#mapped.delete(key);
      if (this.#pages.get(page) === undefined) continue;
      this.#pages.delete(page);
      const slot = key & (CACHED - 1);
      this.#tags[slot] = NaN;
      this.#writeTags[slot] = NaN;
    }
  }

  // Kernel code's own accesses.

  /** Reads an integer of 1, 2, 4 or 8 bytes. */
  load(address: Addr, size: number, signed: boolean): number {
    // Integer operations on the low bits alone: they hold the offset and the slot, whatever the address's sign.
    const low = address | 0;
    const offset = low & (PAGE_SIZE - 1);
    const slot = (low >>> PAGE_SHIFT) & (CACHED - 1);
    const base = address - offset;
    if (offset + size > PAGE_SIZE) return this.#loadAcross(address, size, signed);
    const page = this.#tags[slot] === base
      ? this.#cached[slot] as Page
      : this.#reader(base / PAGE_SIZE, address);
    // Fields are aligned almost always.
    if ((offset & 3) !== 0 || size < 4) return fetch(page.view, offset, size, signed);
    const { halves } = page;
    const at = page.start + (offset >> 2);
    const half = halves[at] as number;
    return size === 8 ? pair(half, halves[at + 1] as number) : signed ? half : half >>> 0;
  }

  /** Writes an integer of 1, 2, 4 or 8 bytes, modulo its size. */
  store(address: Addr, size: number, value: number): void {
    const low = address | 0;
    const offset = low & (PAGE_SIZE - 1);
    const slot = (low >>> PAGE_SHIFT) & (CACHED - 1);
    const base = address - offset;
    if (offset + size > PAGE_SIZE) return this.#storeAcross(address, size, value);
    const page = this.#writeTags[slot] === base
      ? this.#cached[slot] as Page
      : this.#writer(base / PAGE_SIZE, address);
    if ((offset & 3) !== 0 || size < 4) {
      deposit(page.view, offset, size, value);
      return;
    }
    const { halves } = page;
    const at = page.start + (offset >> 2);
    halves[at] = value;
    if (size === 8) halves[at + 1] = Math.floor(value * (1 / 0x100000000));
  }

  /** Reads an unsigned byte. */
  readU8(address: Addr): number {
    return this.load(address, 1, false);
  }

  /** Reads an unsigned 16-bit integer. */
  readU16(address: Addr): number {
    return this.load(address, 2, false);
  }

  /** Reads an unsigned 32-bit integer. */
  readU32(address: Addr): number {
    return this.load(address, 4, false);
  }

  /** Reads a signed 32-bit integer. */
  readS32(address: Addr): number {
    return this.load(address, 4, true);
  }

  /** Reads an integer of 1, 2, 4 or 8 bytes: the same as `load`. */
  readInt(address: Addr, size: number, signed: boolean): number {
    return this.load(address, size, signed);
  }

  /** Reads a signed word of the architecture. */
  readWord(address: Addr): number {
    return this.load(address, this.#wide ? 8 : 4, true);
  }

  /** Reads a pointer: signed on 64-bit kernels, unsigned on i386. */
  readPointer(address: Addr): Addr {
    return this.#wide ? this.load(address, 8, true) : this.load(address, 4, false);
  }

  /** Reads an integer of 1 to 8 bytes, exact. */
  readBig(address: Addr, size: number, signed: boolean): bigint {
    if (size <= 4) return BigInt(this.load(address, size, signed));
    const low = BigInt(this.load(address, 4, false));
    const high = BigInt(this.load(address + 4, size - 4, signed));
    return (high << 32n) | low;
  }

  /** Writes one byte. */
  writeU8(address: Addr, value: number): void {
    this.store(address, 1, value);
  }

  /** Writes a 16-bit integer. */
  writeU16(address: Addr, value: number): void {
    this.store(address, 2, value);
  }

  /** Writes a 32-bit integer. */
  writeU32(address: Addr, value: number): void {
    this.store(address, 4, value);
  }

  /** Writes a word of the architecture, modulo its size: numbers and pointers alike. */
  writeWord(address: Addr, value: number): void {
    this.store(address, this.#wide ? 8 : 4, value);
  }

  /** Writes an integer of 4 or 8 bytes, exact. */
  writeBig(address: Addr, size: number, value: bigint): void {
    this.store(address, 4, Number(BigInt.asIntN(32, value)));
    if (size === 8) this.store(address + 4, 4, Number(BigInt.asIntN(32, value >> 32n)));
  }

  /** Copies bytes out. */
  readBytes(address: Addr, length: number): Uint8Array<ArrayBuffer> {
    const out = new Uint8Array(length);
    this.copyBytes(address, out);
    return out;
  }

  /** Fills `out` with the bytes at an address. */
  copyBytes(address: Addr, out: Uint8Array): void {
    const length = out.length;
    let done = 0;
    while (done < length) {
      const key = Math.floor((address + done) / PAGE_SIZE);
      const offset = address + done - key * PAGE_SIZE;
      const part = Math.min(PAGE_SIZE - offset, length - done);
      out.set(this.#reader(key, address + done).bytes.subarray(offset, offset + part), done);
      done += part;
    }
  }

  /** Copies bytes in. */
  writeBytes(address: Addr, bytes: Uint8Array): void {
    let done = 0;
    while (done < bytes.length) {
      const key = Math.floor((address + done) / PAGE_SIZE);
      const offset = address + done - key * PAGE_SIZE;
      const part = Math.min(PAGE_SIZE - offset, bytes.length - done);
      this.#writer(key, address + done).bytes.set(bytes.subarray(done, done + part), offset);
      done += part;
    }
  }

  /** Sets `length` bytes to `value`. */
  fill(address: Addr, length: number, value: number): void {
    if (length <= SMALL && ((address | length) & 3) === 0 && value === 0) return this.#zero(address, length);
    let done = 0;
    while (done < length) {
      const key = Math.floor((address + done) / PAGE_SIZE);
      const offset = address + done - key * PAGE_SIZE;
      const part = Math.min(PAGE_SIZE - offset, length - done);
      this.#writer(key, address + done).bytes.fill(value, offset, offset + part);
      done += part;
    }
  }

  /** Clears a few words. */
  #zero(address: Addr, length: number): void {
    const offset = (address | 0) & (PAGE_SIZE - 1);
    if (offset + length > PAGE_SIZE) {
      const first = PAGE_SIZE - offset;
      this.#zero(address, first);
      return this.#zero(address + first, length - first);
    }
    const { halves, start } = this.#writer((address - offset) / PAGE_SIZE, address);
    const at = start + (offset >> 2);
    for (let i = 0; i < length >> 2; i++) halves[at + i] = 0;
  }

  /** Reads `length` bytes as UTF-8. */
  readText(address: Addr, length: number): string {
    const key = Math.floor(address / PAGE_SIZE);
    const offset = address - key * PAGE_SIZE;
    if (offset + length > PAGE_SIZE) return decode(this.readBytes(address, length));
    return decode(this.#reader(key, address).bytes, offset, offset + length);
  }

  /** Reads a NUL-terminated string of at most `max` bytes, as UTF-8. */
  readString(address: Addr, max = PAGE_SIZE): string {
    const text = this.#string(address, max, true);
    if (text === null) throw new MemoryFault(address, "read", this.arch.wordSize);
    return text;
  }

  /** Writes a string as UTF-8 with a NUL; cut to `size` bytes (NUL included) where given. Gives the bytes written. */
  writeString(address: Addr, text: string, size = Infinity): number {
    const key = Math.floor(address / PAGE_SIZE);
    const offset = address - key * PAGE_SIZE;
    if (offset + text.length < PAGE_SIZE && text.length < size) {
      const { bytes } = this.#writer(key, address);
      if (encodeInto(text, bytes, offset)) {
        bytes[offset + text.length] = 0;
        return text.length + 1;
      }
    }
    const encoded = encode(text);
    const length = Math.min(encoded.length, size - 1);
    this.writeBytes(address, encoded.length === length ? encoded : encoded.subarray(0, length));
    this.store(address + length, 1, 0);
    return length + 1;
  }

  // Probes' accesses.

  /** Reads an integer of 1, 2, 4 or 8 bytes; NaN where it faults. A user page that nobody touched faults. */
  probeReadInt(address: Addr, size: number, signed: boolean): number {
    const low = address | 0;
    const offset = low & (PAGE_SIZE - 1);
    const slot = (low >>> PAGE_SHIFT) & (CACHED - 1);
    const base = address - offset;
    const key = base / PAGE_SIZE;
    if (offset + size > PAGE_SIZE) {
      const next = this.#find(key + 1, false);
      return next === null || this.#find(key, false) === null ? NaN : this.#loadAcross(address, size, signed);
    }
    const page = this.#tags[slot] === base ? this.#cached[slot] as Page : this.#find(key, false);
    return page === null ? NaN : fetch(page.view, offset, size, signed);
  }

  /** Reads an integer of up to 8 bytes, exact; null where it faults. */
  probeReadBig(address: Addr, size: number, signed: boolean): bigint | null {
    return this.readable(address, size) ? this.readBig(address, size, signed) : null;
  }

  /** Copies bytes out; null where any of them faults. */
  probeReadBytes(address: Addr, length: number): Uint8Array<ArrayBuffer> | null {
    return this.readable(address, length) ? this.readBytes(address, length) : null;
  }

  /** Reads a NUL-terminated string of at most `max` bytes, as UTF-8; null where it faults. */
  probeReadString(address: Addr, max: number): string | null {
    return this.#string(address, max, false);
  }

  /** Whether a probe could read that range. */
  readable(address: Addr, length: number): boolean {
    const last = Math.floor((address + Math.max(length, 1) - 1) / PAGE_SIZE);
    for (let key = Math.floor(address / PAGE_SIZE); key <= last; key++) {
      if (this.#find(key, false) === null) return false;
    }
    return address === address;
  }

  // Pages.

  #reader(key: number, address: Addr): Page {
    const slot = key & (CACHED - 1);
    if (this.#tags[slot] === key * PAGE_SIZE) return this.#cached[slot] as Page;
    const page = this.#find(key, true);
    if (page === null) throw new MemoryFault(address, "read", this.arch.wordSize);
    return page;
  }

  #writer(key: number, address: Addr): Page {
    const slot = key & (CACHED - 1);
    if (this.#writeTags[slot] === key * PAGE_SIZE) return this.#cached[slot] as Page;
    const at = this.#wide || key >= 0 ? key : key + 0x100000;
    if (at >= 0 && at * PAGE_SIZE < this.#userEnd) {
      const page = this.user?.touchWritable(at) ?? null;
      if (page === null) throw new MemoryFault(address, "write", this.arch.wordSize);
      return page;
    }
    const page = this.#find(key, true);
    if (page === null || this.regionAt(at * PAGE_SIZE)?.mapped === "text") {
      throw new MemoryFault(address, "write", this.arch.wordSize);
    }
    this.#writeTags[slot] = key * PAGE_SIZE;
    return page;
  }

  /** The page with that number, or null. `touch` faults in user pages. */
  #find(key: number, touch: boolean): Page | null {
    const slot = key & (CACHED - 1);
    if (this.#tags[slot] === key * PAGE_SIZE) return this.#cached[slot] as Page;
    const at = this.#wide || key >= 0 ? key : key + 0x100000;
    if (at >= 0 && at * PAGE_SIZE < this.#userEnd) {
      const user = this.user;
      return user === null ? null : touch ? user.touch(at) : user.present(at);
    }
    const page = this.#pages.get(at * PAGE_SIZE) ?? this.#materialise(at);
    if (page !== null) {
      this.#tags[slot] = key * PAGE_SIZE;
      this.#cached[slot] = page;
      this.#writeTags[slot] = NaN;
    }
    return page;
  }

  #materialise(key: number): Page | null {
    const address = key * PAGE_SIZE;
    const region = this.regionAt(address);
    if (region === undefined) return null;
    if (region.mapped === "areas" && !this.#mapped.has(key)) {
      return this.regions.some((r) =>
          r !== region && r.mapped === "all" && address >= r.start && address < r.end
        )
        ? this.#add(key)
        : null;
    }
    const page = this.#add(key);
    if (region.mapped === "text") this.text.fill(address, page.bytes);
    return page;
  }

  #add(key: number): Page {
    const page = this.#pool.take();
    this.#pages.set(key * PAGE_SIZE, page);
    return page;
  }

  #normal(address: Addr): Addr {
    return this.#wide || address >= 0 ? address : address + 0x100000000;
  }

  #loadAcross(address: Addr, size: number, signed: boolean): number {
    let low = 0;
    let high = 0;
    for (let i = 0; i < size; i++) {
      const byte = this.load(address + i, 1, false);
      if (i < 4) low |= byte << (8 * i);
      else high |= byte << (8 * (i - 4));
    }
    if (size === 8) return pair(low, high);
    const shift = 32 - 8 * size;
    return signed ? low << shift >> shift : low << shift >>> shift;
  }

  #storeAcross(address: Addr, size: number, value: number): void {
    const high = Math.floor(value / 0x100000000) | 0;
    for (let i = 0; i < size; i++) {
      this.store(address + i, 1, i < 4 ? value >> (8 * i) : high >> (8 * (i - 4)));
    }
  }

  #string(address: Addr, max: number, touch: boolean): string | null {
    let before: Uint8Array | null = null;
    let done = 0;
    while (done < max) {
      const key = Math.floor((address + done) / PAGE_SIZE);
      const page = this.#find(key, touch);
      if (page === null) return null;
      const start = address + done - key * PAGE_SIZE;
      const stop = Math.min(PAGE_SIZE, start + max - done);
      let end = start;
      while (end < stop && page.bytes[end] !== 0) end++;
      const whole = end < stop || done + end - start >= max;
      // Most strings lie in one page.
      if (whole && before === null) return decode(page.bytes, start, end);
      const part = page.bytes.subarray(start, end);
      if (whole) return decode(before === null ? part : joined(before, part));
      before = before === null ? part : joined(before, part);
      done += end - start;
    }
    return "";
  }
}
