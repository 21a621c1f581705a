/**
 * Slots for the code that optimised probes jump to, as the kernel's cache of instruction slots gives them out.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";

/** Bytes of a slot: the template, and the displaced instructions inside it. */
export const DETOUR_SIZE = 0x200;
/** Bytes at the end of module space that belong to the slots: modules lie below. */
export const DETOUR_SPACE = 0x200000;

/** The slots of one kernel. The lowest free one is given out, so that text follows from what was probed in which order. */
export class DetourSlots {
  readonly #start: Addr;
  readonly #used = new Set<number>();
  /** No slot below this one is free. */
  #lowest = 0;

  /** `modulesEnd`: where module space ends. */
  constructor(modulesEnd: Addr) {
    this.#start = modulesEnd - DETOUR_SPACE;
  }

  /** A slot's address; null when all are in use: such a probe stays a breakpoint. */
  take(): Addr | null {
    const slots = DETOUR_SPACE / DETOUR_SIZE;
    while (this.#used.has(this.#lowest)) this.#lowest++;
    if (this.#lowest >= slots) return null;
    this.#used.add(this.#lowest);
    return this.#start + this.#lowest++ * DETOUR_SIZE;
  }

  /** A slot is free again. */
  giveBack(address: Addr): void {
    const slot = (address - this.#start) / DETOUR_SIZE;
    if (this.#used.delete(slot)) this.#lowest = Math.min(this.#lowest, slot);
  }
}
