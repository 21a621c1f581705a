/**
 * `min(n)`: the smallest value seen.
 *
 * @module
 */

import type { AggregateValue, Cell } from "./cell.ts";
import { unsignedOrder } from "./sort.ts";

/** Cell of a `min` map. Values compare as signed integers. */
export class MinCell implements Cell {
  updated = false;
  #min = 0;

  add(value: number): void {
    if (!this.updated || value < this.#min) this.#min = value;
    this.updated = true;
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
