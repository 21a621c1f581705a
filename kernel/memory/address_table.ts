/**
 * A hash table by address. Kernel addresses are doubles beyond 32 bits, which a `Map` has to box and hash one by one;
 * here they lie side by side in a typed array.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";

/** Slots of an empty table. A power of two, as all sizes are. */
const FIRST = 64;

/** Values by address: like a `Map`, but without an order. NaN is no address. */
export class AddressTable<T> {
  /** NaN where a slot is free. */
  #keys = new Float64Array(FIRST).fill(NaN);
  #values: (T | undefined)[] = new Array<T | undefined>(FIRST).fill(undefined);
  #size = 0;

  /** Number of entries. */
  get size(): number {
    return this.#size;
  }

  /** The value at an address, if there is one. */
  get(address: Addr): T | undefined {
    const keys = this.#keys;
    const mask = keys.length - 1;
    for (let slot = hash(address) & mask;; slot = (slot + 1) & mask) {
      const key = keys[slot] as number;
      if (key === address) return this.#values[slot];
      if (key !== key) return undefined;
    }
  }

  /** All values, in an order that only the addresses decide. */
  values(): T[] {
    return this.#values.filter((value): value is T => value !== undefined);
  }

  /** Whether there is a value at an address. */
  has(address: Addr): boolean {
    return this.get(address) !== undefined;
  }

  /** Puts a value at an address. */
  set(address: Addr, value: T): void {
    if (this.#size * 2 >= this.#keys.length) this.#grow();
    const keys = this.#keys;
    const mask = keys.length - 1;
    let slot = hash(address) & mask;
    for (let key = keys[slot] as number; key === key && key !== address; key = keys[slot] as number) {
      slot = (slot + 1) & mask;
    }
    if (keys[slot] !== address) this.#size++;
    keys[slot] = address;
    this.#values[slot] = value;
  }

  /** Takes an entry out. False: there was none. */
  delete(address: Addr): boolean {
    const keys = this.#keys;
    const mask = keys.length - 1;
    let slot = hash(address) & mask;
    for (let key = keys[slot] as number; key !== address; key = keys[slot] as number) {
      if (key !== key) return false;
      slot = (slot + 1) & mask;
    }
    // Entries that were pushed on by this one move up, so that no search meets a gap.
    let gap = slot;
    for (let next = (gap + 1) & mask;; next = (next + 1) & mask) {
      const key = keys[next] as number;
      if (key !== key) break;
      const home = hash(key) & mask;
      if (((next - home) & mask) < ((next - gap) & mask)) continue;
      keys[gap] = key;
      this.#values[gap] = this.#values[next];
      gap = next;
    }
    keys[gap] = NaN;
    this.#values[gap] = undefined;
    this.#size--;
    return true;
  }

  #grow(): void {
    const keys = this.#keys;
    const values = this.#values;
    this.#keys = new Float64Array(keys.length * 2).fill(NaN);
    this.#values = new Array<T | undefined>(keys.length * 2).fill(undefined);
    this.#size = 0;
    keys.forEach((key, slot) => {
      if (key === key) this.set(key, values[slot] as T);
    });
  }
}

/** Objects are at least 8 bytes apart: lower bits say nothing. */
function hash(address: Addr): number {
  return Math.imul(address >>> 3, 0x9e3779b1) >>> 12;
}
