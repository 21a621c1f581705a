/**
 * User addresses of a recording in the address space that replays it. A recording of a larger address space is moved:
 * what lay together stays together.
 *
 * @module
 */

import type { Addr, Arch } from "../../image/model.ts";
import type { StraceValue } from "./value.ts";

/** First address that is no user address. */
const USER_END: Readonly<Record<Arch, Addr>> = {
  x86_64: 0x7ffffffff000,
  arm64: 0x1000000000000,
  i386: 0xc0000000,
};
const BIT_47 = 2 ** 47;
/** i386: recorded windows of this size go to free windows of its own. */
const WINDOW = 2 ** 27;
const FIRST_WINDOW = 0x80000000 / WINDOW;
const LAST_WINDOW = 0xb8000000 / WINDOW;

/** Moves the addresses of one process. A child starts with a copy. */
export class AddressMap {
  readonly #arch: Arch;
  readonly #windows: Map<number, number>;

  constructor(arch: Arch, parent?: AddressMap) {
    this.#arch = arch;
    this.#windows = new Map(parent === undefined ? [] : parent.#windows);
  }

  /** A program was started afresh: nothing is mapped. */
  clear(): void {
    this.#windows.clear();
  }

  /** A printed number as it is here: addresses (printed in hexadecimal) are moved where they don't fit. */
  of(value: StraceValue & { readonly kind: "number" }): number {
    return value.text.startsWith("0x") ? this.move(value.value) : value.value;
  }

  /** An address, moved if this architecture's user space doesn't reach it. */
  move(address: Addr): Addr {
    if (!(address >= USER_END[this.#arch]) || address >= 2 ** 48) return address;
    if (this.#arch !== "i386") return address - BIT_47;
    // A 32-bit word that is no user address is data (or an error) and stays.
    if (address < 2 ** 32) return address;
    const window = Math.floor(address / WINDOW);
    let here = this.#windows.get(window);
    if (here === undefined) {
      const count = LAST_WINDOW - FIRST_WINDOW + 1;
      here = FIRST_WINDOW + this.#windows.size % count;
      this.#windows.set(window, here);
    }
    return here * WINDOW + address % WINDOW;
  }
}
