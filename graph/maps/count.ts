/**
 * `count()`: how often.
 *
 * @module
 */

import type { AggregateValue, Cell } from "./cell.ts";

/** Cell of a `count` map. */
export class CountCell implements Cell {
  #count = 0;

  add(_value: number): void {
    this.#count++;
  }

  reset(): void {
    this.#count = 0;
  }

  get updated(): boolean {
    return this.#count > 0;
  }

  snapshot(): AggregateValue {
    return this.#count;
  }

  sortValue(): number {
    return this.#count;
  }
}
