/**
 * `struct ftrace_hash`: sets of functions in the order in which the kernel lists them.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import { hashLong } from "../kprobes/hash.ts";

/** Buckets of a hash that is being changed (`FTRACE_HASH_DEFAULT_BITS`), and most that one has. */
const CHANGING_BITS = 10;
const MOST_BITS = 12;

/** A function of a set. */
interface Entry {
  readonly name: string;
  readonly address: Addr;
}

/** A set of functions. */
export class FtraceHash {
  readonly #wordSize: 4 | 8;
  #bits = 0;
  #buckets: Entry[][] = [[]];

  constructor(wordSize: 4 | 8) {
    this.#wordSize = wordSize;
  }

  /** Names, bucket by bucket. */
  names(): readonly string[] {
    return this.#buckets.flatMap((bucket) => bucket.map(({ name }) => name));
  }

  /** Adds and removes functions: the kernel copies the set into a larger one first, and into a fitting one then. */
  change(added: readonly Entry[], removed: ReadonlySet<string>): void {
    const entries = this.#buckets.flat();
    this.#fill(CHANGING_BITS, entries);
    for (const entry of added) this.#insert(entry);
    const left = this.#buckets.flat().filter(({ name }) => !removed.has(name));
    const half = left.length >> 1;
    this.#fill(half === 0 ? 0 : Math.min(32 - Math.clz32(half), MOST_BITS), left);
  }

  #fill(bits: number, entries: readonly Entry[]): void {
    this.#bits = bits;
    this.#buckets = Array.from({ length: 1 << bits }, () => []);
    for (const entry of entries) this.#insert(entry);
  }

  /** The newest stands first. */
  #insert(entry: Entry): void {
    this.#buckets[hashLong(entry.address, this.#bits, this.#wordSize)]?.unshift(entry);
  }
}
