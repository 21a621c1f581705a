/**
 * `sum(n)`: the total.
 *
 * @module
 */

import type { AggregateValue, Cell } from "./cell.ts";
import { Total } from "./total.ts";

/** Cell of a `sum` map. */
export class SumCell implements Cell {
  updates = 0;
  readonly #total = new Total();

  add(value: number): void {
    this.updates++;
    this.#total.add(value);
  }

  reset(): void {
    this.updates = 0;
    this.#total.reset();
  }

  snapshot(): AggregateValue {
    return this.#total.get();
  }

  sortValue(): number | bigint {
    return this.#total.get();
  }
}
