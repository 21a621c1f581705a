/**
 * Swap space: which slots of it are taken. A machine has none unless a workload adds some (`swapon`).
 *
 * @module
 */

import type { Kernel } from "../kernel.ts";
import { symbolAddress } from "../process/objects.ts";

/** The swap space of one machine. */
export class SwapSpace {
  /** Pages that it holds. */
  readonly pages: number;
  readonly #taken = new Map<number, number>();
  #next = 1;
  readonly #free: number[] = [];

  /** Slot 0 holds the header. */
  constructor(pages: number) {
    this.pages = pages;
  }

  /** Slots in use. */
  get used(): number {
    return this.#taken.size;
  }

  /** A free slot, or -1. */
  take(): number {
    const slot = this.#free.pop() ?? (this.#next < this.pages ? this.#next++ : -1);
    if (slot >= 0) this.#taken.set(slot, 1);
    return slot;
  }

  /** Another address space has the slot's page, too. */
  share(slot: number): void {
    this.#taken.set(slot, (this.#taken.get(slot) ?? 0) + 1);
  }

  /** An address space lets go of a slot. */
  give(slot: number): void {
    const count = (this.#taken.get(slot) ?? 0) - 1;
    if (count > 0) this.#taken.set(slot, count);
    else if (this.#taken.delete(slot)) this.#free.push(slot);
  }
}

const spaces = new WeakMap<Kernel, SwapSpace>();

/** Gives the machine swap space of `pages` pages. */
export function swapOn(k: Kernel, pages: number): SwapSpace {
  const space = new SwapSpace(pages);
  spaces.set(k, space);
  publish(k);
  return space;
}

/** The machine's swap space, if it has any. */
export function swapSpace(k: Kernel): SwapSpace | undefined {
  return spaces.get(k);
}

/** A slot is not needed any more. */
export function freeSlot(k: Kernel, slot: number): void {
  spaces.get(k)?.give(slot);
  publish(k);
}

/** Writes the counters that probes read. */
export function publish(k: Kernel): void {
  const space = spaces.get(k);
  const total = symbolAddress(k, "total_swap_pages");
  const free = symbolAddress(k, "nr_swap_pages");
  if (space === undefined || total === 0 || free === 0) return;
  k.memory.writeWord(total, space.pages - 1);
  k.memory.writeWord(free, space.pages - 1 - space.used);
}
