/**
 * `min(n)`: the smallest value seen.
 *
 * @module
 */

import { type AggregateValue, type Cell, NO_PARTS } from "./cell.ts";
import { unsignedOrder } from "./sort.ts";

/** Cell of a `min` map. Values compare as signed integers. */
export class MinCell implements Cell {
  parts: readonly unknown[] = NO_PARTS;
  dead = false;
  updated = false;
  #min: number | bigint = 0;

  add(value: number): void {
    if (!this.updated || value < this.#min) this.#min = value;
    this.updated = true;
  }

  addWide(value: bigint): void {
    if (!this.updated || value < this.#min) this.#min = value;
    this.updated = true;
  }

  get(): number | bigint {
    return this.#min;
  }

  reset(): void {
    this.updated = false;
    this.#min = 0;
  }

  snapshot(): AggregateValue {
    return this.#min;
  }

  /** bpftrace sorts these as unsigned numbers: negative values come last. */
  sortValue(): number | bigint {
    return unsignedOrder(this.#min);
  }
}
