/**
 * `sum(n)`: the total.
 *
 * @module
 */

import type { AggregateValue, Cell } from "./cell.ts";
import { Total } from "./total.ts";

/** Cell of a `sum` map. It is a total itself, not a holder of one: one object less on the way of every hit. */
export class SumCell extends Total implements Cell {
  updated = false;

  override add(value: number): void {
    this.updated = true;
    super.add(value);
  }

  override reset(): void {
    this.updated = false;
    super.reset();
  }

  snapshot(): AggregateValue {
    return this.get();
  }

  sortValue(): number | bigint {
    return this.get();
  }
}
