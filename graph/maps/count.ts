/**
 * `count()`: how often.
 *
 * @module
 */

import type { AggregateValue, Cell } from "./cell.ts";

/** Cell of a `count` map. */
export class CountCell implements Cell {
  updates = 0;

  add(_value: number): void {
    this.updates++;
  }

  reset(): void {
    this.updates = 0;
  }

  snapshot(): AggregateValue {
    return this.updates;
  }

  sortValue(): number {
    return this.updates;
  }
}
