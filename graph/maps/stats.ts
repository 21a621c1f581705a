/**
 * `stats(n)`: count, average and total.
 *
 * @module
 */

import type { AggregateValue, Cell } from "./cell.ts";
import { Total } from "./total.ts";

/** Cell of a `stats` map. */
export class StatsCell implements Cell {
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
    return {
      kind: "stats",
      count: this.updates,
      average: this.#total.average(this.updates),
      total: this.#total.get(),
    };
  }

  sortValue(): number | bigint {
    return this.#total.average(this.updates);
  }
}
