/**
 * `sum(n)`: the total.
 *
 * @module
 */

import { type AggregateValue, type Cell, NO_PARTS } from "./cell.ts";
import { Total } from "./total.ts";

/** Cell of a `sum` map. It is a total itself, not a holder of one: one object less on the way of every hit. */
export class SumCell extends Total implements Cell {
  parts: readonly unknown[] = NO_PARTS;
  dead = false;
  updated = false;

  override add(value: number): void {
    this.updated = true;
    super.add(value);
  }

  override addWide(value: bigint): void {
    this.updated = true;
    super.addWide(value);
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
