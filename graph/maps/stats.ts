/**
 * `stats(n)`: count, average and total.
 *
 * @module
 */

import type { AggregateValue, Cell } from "./cell.ts";
import { Total } from "./total.ts";

/** Cell of a `stats` map. */
export class StatsCell implements Cell {
  #count = 0;
  readonly #total = new Total();

  add(value: number): void {
    this.#count++;
    this.#total.add(value);
  }

  reset(): void {
    this.#count = 0;
    this.#total.reset();
  }

  get updated(): boolean {
    return this.#count > 0;
  }

  snapshot(): AggregateValue {
    return {
      kind: "stats",
      count: this.#count,
      average: this.#total.average(this.#count),
      total: this.#total.get(),
    };
  }

  sortValue(): number | bigint {
    return this.#total.average(this.#count);
  }
}
