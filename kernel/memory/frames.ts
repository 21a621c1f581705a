/**
 * Page frames of physical memory, handed out in blocks of 2^order pages, and addresses in vmalloc space.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import type { ArchModel } from "../arch/model.ts";
import type { Memory } from "./memory.ts";
import { PAGE_SIZE } from "./page.ts";

/** Physical memory below this is the kernel's own image and what booting took. */
const FIRST_FREE = 0x1000000;
/** The image's end counts in steps of this: an image that knows fewer symbols gives the same addresses. */
const IMAGE_STEP = 0x4000000;

/** Told of blocks that are taken and given back; `gfp` as the taker said it, 0 where it said nothing. */
export interface FrameObserver {
  taken(frame: Addr, order: number, gfp: number): void;
  given(frame: Addr, order: number): void;
}

/** Blocks of page frames, named by their address in the direct map. Freed blocks are used again, last freed first. */
export class PageFrames {
  /** Pages that are in use. */
  inUse = 0;
  /** Pages taken and given back since the machine started: `inUse` is their difference. */
  taken = 0;
  /** See `taken`. */
  given = 0;
  /** Who is told; null while nobody cares. */
  observer: FrameObserver | null = null;
  readonly #base: Addr;
  readonly #end: Addr;
  readonly #imageStart: Addr;
  readonly #imageEnd: Addr;
  readonly #free = new Map<number, Addr[]>();
  #next: Addr;

  constructor(arch: ArchModel, memory: Memory) {
    this.#base = arch.layout.directMap;
    this.#end = this.#base + arch.layout.directMapSize;
    // On i386 the kernel image lies in the direct map itself.
    const image = memory.regions.filter((r) => r.name.startsWith("kernel"));
    this.#imageStart = Math.min(...image.map((r) => r.start));
    this.#imageEnd = Math.ceil(Math.max(...image.map((r) => r.end)) / IMAGE_STEP) * IMAGE_STEP;
    const inside = this.#imageStart >= this.#base && this.#imageStart < this.#end;
    this.#next = inside ? this.#imageEnd : this.#base + FIRST_FREE;
  }

  /** A block of 2^order pages, aligned to its size. Contents are whatever they were; fresh ones are zero. */
  alloc(order = 0, gfp = 0): Addr {
    const frame = this.#free.get(order)?.pop() ?? this.#fresh(order);
    this.taken += 1 << order;
    this.inUse += 1 << order;
    this.observer?.taken(frame, order, gfp);
    return frame;
  }

  #fresh(order: number): Addr {
    const size = PAGE_SIZE * 2 ** order;
    const start = this.#base + Math.ceil((this.#next - this.#base) / size) * size;
    if (start + size > this.#end) {
      throw new RangeError(`Cannot allocate ${size} bytes: the modeled machine's memory is used up`);
    }
    this.#next = start + size;
    return start;
  }

  /** Gives a block back. */
  free(address: Addr, order = 0): void {
    this.given += 1 << order;
    this.inUse -= 1 << order;
    this.observer?.given(address, order);
    const list = this.#free.get(order);
    if (list === undefined) this.#free.set(order, [address]);
    else list.push(address);
  }
}

/** Areas of vmalloc space: kernel stacks and large buffers, each followed by a page that faults. */
export class Vmalloc {
  readonly #memory: Memory;
  readonly #end: Addr;
  readonly #free = new Map<string, Addr[]>();
  readonly #sizes = new Map<Addr, string>();
  #next: Addr;

  constructor(arch: ArchModel, memory: Memory) {
    this.#memory = memory;
    this.#end = arch.layout.vmallocEnd;
    // Where the kernel image itself lies in vmalloc space (arm64), areas begin after it.
    const image = memory.regions.filter((r) => r.name.startsWith("kernel") && r.end <= this.#end);
    this.#next = Math.max(
      arch.layout.vmalloc,
      ...image.map((r) => Math.ceil(r.end / IMAGE_STEP) * IMAGE_STEP),
    );
  }

  /** Maps `size` bytes (rounded up to pages), aligned to `align`. They read as zeros. */
  alloc(size: number, align = PAGE_SIZE): Addr {
    const bytes = Math.ceil(size / PAGE_SIZE) * PAGE_SIZE;
    const kind = `${bytes}/${align}`;
    let start = this.#free.get(kind)?.pop();
    if (start === undefined) {
      start = Math.ceil(this.#next / align) * align;
      if (start + bytes + PAGE_SIZE > this.#end) {
        throw new RangeError(`Cannot allocate ${size} bytes: vmalloc space is used up`);
      }
      this.#next = start + bytes + PAGE_SIZE;
    }
    this.#sizes.set(start, kind);
    this.#memory.mapPages(start, bytes);
    return start;
  }

  /** Unmaps an area. Throws where `address` is none. */
  free(address: Addr): void {
    const kind = this.#sizes.get(address);
    if (kind === undefined) throw new Error(`Cannot vfree ${address}: no area begins there`);
    this.#sizes.delete(address);
    this.#memory.unmapPages(address, Number(kind.split("/")[0]));
    const list = this.#free.get(kind);
    if (list === undefined) this.#free.set(kind, [address]);
    else list.push(address);
  }
}
