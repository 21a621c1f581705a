/**
 * How `printk` shows pointers.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import { KeyedRandom, keyOf } from "../time/random.ts";

const PTR_KEY = keyOf("ptr_key");
/** Addresses of the last page are error codes (`IS_ERR`), and print as they are. */
const MAX_ERRNO = 4095;

/** Prints the pointers of one kernel: `%p` as a hash that is the same for the same seed and pointer, `%px` as it is. */
export class PointerFormat {
  readonly #random: KeyedRandom;
  readonly #wordSize: 4 | 8;
  readonly #hashes: boolean;

  /** `hashes`: whether `%p` hides the pointer. */
  constructor(seed: number, wordSize: 4 | 8, hashes: boolean) {
    this.#random = new KeyedRandom(seed);
    this.#wordSize = wordSize;
    this.#hashes = hashes;
  }

  /** `%p`: a 32-bit hash, padded with zeros to a pointer's width. NULL and error pointers are not hidden. */
  hashed(address: Addr): string {
    const isError = address < 0
      ? address >= -MAX_ERRNO
      : this.#wordSize === 4 && address >= 2 ** 32 - MAX_ERRNO;
    if (!this.#hashes || address === 0 || isError) return this.plain(address);
    return this.#random.u32(PTR_KEY, address).toString(16).padStart(2 * this.#wordSize, "0");
  }

  /** `%px`: the pointer itself, padded with zeros. */
  plain(address: Addr): string {
    return BigInt.asUintN(8 * this.#wordSize, BigInt(address)).toString(16).padStart(2 * this.#wordSize, "0");
  }

  /** `%lx` of an address: without padding. */
  hex(address: Addr): string {
    return BigInt.asUintN(8 * this.#wordSize, BigInt(address)).toString(16);
  }
}
