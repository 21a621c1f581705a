/**
 * `avg(n)`: the total divided by the count, the fraction dropped.
 *
 * @module
 */

import type { AggregateValue, Cell } from "./cell.ts";
import { Total } from "./total.ts";

/** Cell of an `avg` map. */
export class AvgCell implements Cell {
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
    return this.#total.average(this.updates);
  }

  sortValue(): number | bigint {
    return this.#total.average(this.updates);
  }
}
