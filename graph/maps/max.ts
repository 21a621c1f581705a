/**
 * `max(n)`: the largest value seen.
 *
 * @module
 */

import { type AggregateValue, type Cell, NO_PARTS } from "./cell.ts";
import { unsignedOrder } from "./sort.ts";

/** Cell of a `max` map. Values compare as signed integers. */
export class MaxCell implements Cell {
  parts: readonly unknown[] = NO_PARTS;
  dead = false;
  updated = false;
  #max: number | bigint = 0;

  add(value: number): void {
    if (!this.updated || value > this.#max) this.#max = value;
    this.updated = true;
  }

  addWide(value: bigint): void {
    if (!this.updated || value > this.#max) this.#max = value;
    this.updated = true;
  }

  get(): number | bigint {
    return this.#max;
  }

  reset(): void {
    this.updated = false;
    this.#max = 0;
  }

  snapshot(): AggregateValue {
    return this.#max;
  }

  /** bpftrace sorts these as unsigned numbers: negative values come last. */
  sortValue(): number | bigint {
    return unsignedOrder(this.#max);
  }
}
