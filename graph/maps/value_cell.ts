/**
 * A plain value under a key: what was stored last.
 *
 * @module
 */

import { type AggregateValue, type Cell, NO_PARTS } from "./cell.ts";

/** Cell of a map of plain values. It holds them as handlers do; the map knows how they show. */
export class ValueCell implements Cell {
  parts: readonly unknown[] = NO_PARTS;
  dead = false;
  updated = false;
  /** What was stored; `undefined` before. */
  value: unknown = undefined;

  /** Stores a value. */
  set(value: unknown): void {
    this.value = value;
    this.updated = true;
  }

  add(value: number): void {
    this.set(value);
  }

  addWide(value: bigint): void {
    this.set(value);
  }

  reset(): void {
    this.value = undefined;
    this.updated = false;
  }

  get(): number | bigint {
    return typeof this.value === "number" || typeof this.value === "bigint" ? this.value : 0;
  }

  snapshot(): AggregateValue {
    return this.get();
  }

  sortValue(): number | bigint {
    return this.get();
  }
}
