/**
 * `count()`: how often.
 *
 * @module
 */

import { type AggregateValue, type Cell, NO_PARTS } from "./cell.ts";

/** Cell of a `count` map. */
export class CountCell implements Cell {
  parts: readonly unknown[] = NO_PARTS;
  dead = false;
  #count = 0;

  add(_value: number): void {
    this.#count++;
  }

  addWide(_value: bigint): void {
    this.#count++;
  }

  get(): number {
    return this.#count;
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
