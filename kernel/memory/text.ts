/**
 * Kernel text as memory: bytes made from the image when a page is first read, and the patches in them.
 *
 * @module
 */

import type { Addr, FunctionInfo, KernelImage } from "../../image/model.ts";
import type { ArchModel } from "../arch/model.ts";
import { type Page, PAGE_SIZE } from "./page.ts";
import { functionBytes } from "./text_bytes.ts";

/** Bytes of the longest patch: a call on x86. */
const LONGEST_PATCH = 5;

/** A place where text differs from what was built. */
export interface TextPatch {
  readonly address: Addr;
  readonly bytes: readonly number[];
}

/**
 * Text and its patches. Real bytes are not part of an image: direct calls and jumps are encoded as they are, ftrace
 * sites hold the NOP of an idle kernel, every other instruction is a canonical NOP of its length, and so is what
 * lies between functions.
 */
export class TextMemory {
  readonly #image: KernelImage;
  readonly #arch: ArchModel;
  readonly #pageAt: (address: Addr) => Page | null;
  readonly #patches = new Map<Addr, TextPatch>();
  #lastName = "";
  #lastBytes: Uint8Array<ArrayBuffer> = new Uint8Array(0);

  /** `pageAt` finds the page of an address if it exists already. */
  constructor(image: KernelImage, arch: ArchModel, pageAt: (address: Addr) => Page | null) {
    this.#image = image;
    this.#arch = arch;
    this.#pageAt = pageAt;
  }

  /** Patches in force, by address. */
  patches(): readonly TextPatch[] {
    return [...this.#patches.values()].sort((a, b) => a.address - b.address);
  }

  /** Whether text at that address is patched. */
  isPatched(address: Addr): boolean {
    return this.#patches.has(address);
  }

  /** Writes `bytes` over the text at `address`, until `restore`. A patch at the same address is replaced. */
  patch(address: Addr, bytes: readonly number[]): void {
    this.restore(address);
    this.#patches.set(address, { address, bytes });
    this.#write(address, bytes);
  }

  /** Puts back what was there before `patch`. Nothing happens where no patch is. */
  restore(address: Addr): void {
    const patch = this.#patches.get(address);
    if (patch === undefined) return;
    this.#patches.delete(address);
    this.#write(address, this.original(address, patch.bytes.length));
    // Patches that overlapped this one stay.
    for (let at = address - LONGEST_PATCH + 1; at < address + patch.bytes.length; at++) {
      const other = this.#patches.get(at);
      if (other !== undefined) this.#write(at, other.bytes);
    }
  }

  /** The unpatched bytes at an address. */
  original(address: Addr, length: number): readonly number[] {
    const bytes = new Uint8Array(length);
    this.#build(address, bytes);
    return [...bytes];
  }

  /** Fills one page of text, patches included. */
  fill(start: Addr, bytes: Uint8Array<ArrayBuffer>): void {
    this.#build(start, bytes);
    for (const patch of this.#patches.values()) {
      patch.bytes.forEach((byte, i) => {
        const at = patch.address + i - start;
        if (at >= 0 && at < PAGE_SIZE) bytes[at] = byte;
      });
    }
  }

  #write(address: Addr, bytes: readonly number[]): void {
    bytes.forEach((byte, i) => {
      const page = this.#pageAt(address + i);
      if (page !== null) page.bytes[(address + i) - Math.floor((address + i) / PAGE_SIZE) * PAGE_SIZE] = byte;
    });
  }

  /** Fills `bytes` with the unpatched text from `start` on. */
  #build(start: Addr, bytes: Uint8Array<ArrayBuffer>): void {
    const end = start + bytes.length;
    if (this.#arch.arch === "arm64") fillWords(start, bytes);
    else bytes.fill(0x90);
    let at = start;
    while (at < end) {
      const found = this.#image.symbolAt(at);
      if (found === undefined) {
        at = (Math.floor(at / 16) + 1) * 16;
        continue;
      }
      const { symbol } = found;
      const info = this.#image.func(symbol.name);
      if (info !== undefined && info.address === symbol.address) this.#copy(info, start, bytes);
      at = Math.max(symbol.address + symbol.size, at + 1);
    }
  }

  #copy(info: FunctionInfo, start: Addr, bytes: Uint8Array<ArrayBuffer>): void {
    if (info.name !== this.#lastName) {
      this.#lastBytes = functionBytes(this.#arch, info, (name) => this.#image.symbol(name)?.address);
      this.#lastName = info.name;
    }
    const text = this.#lastBytes;
    const from = Math.max(info.address, start);
    const to = Math.min(info.address + text.length, start + bytes.length);
    if (from < to) bytes.set(text.subarray(from - info.address, to - info.address), from - start);
  }
}

/** arm64's `nop`, little endian. */
const ARM64_NOP = [0x1f, 0x20, 0x03, 0xd5] as const;

function fillWords(start: Addr, bytes: Uint8Array<ArrayBuffer>): void {
  const phase = start - Math.floor(start / 4) * 4;
  for (let i = 0; i < bytes.length; i++) bytes[i] = ARM64_NOP[(i + phase) % 4] as number;
}
