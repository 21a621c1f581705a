/**
 * `lhist(n, min, max, step)`: a histogram with buckets of equal width.
 *
 * @module
 */

import { type AggregateValue, type Cell, NO_PARTS } from "./cell.ts";
import { trimmed } from "./hist.ts";

/** Most buckets that an lhist may have, without the two for what is outside. */
export const MAX_LHIST_BUCKETS = 1000;

/** The bounds of an lhist. */
export interface LhistBounds {
  readonly min: number;
  readonly max: number;
  readonly step: number;
}

/** The bucket of an integer: 0 below `min`, the last one from `max` up. */
export function lhistIndex(value: number, min: number, max: number, step: number): number {
  if (value < min) return 0;
  if (value >= max) return 1 + Math.floor((max - min) / step);
  return 1 + Math.floor((value - min) / step);
}

/** Cell of an `lhist` map. */
export class LhistCell implements Cell {
  parts: readonly unknown[] = NO_PARTS;
  dead = false;
  #count = 0;
  readonly #min: number;
  readonly #max: number;
  readonly #step: number;
  readonly #counts: Float64Array;

  constructor(bounds: LhistBounds) {
    this.#min = bounds.min;
    this.#max = bounds.max;
    this.#step = bounds.step;
    this.#counts = new Float64Array(lhistIndex(bounds.max, bounds.min, bounds.max, bounds.step) + 1);
  }

  add(value: number): void {
    this.#count++;
    const index = lhistIndex(value, this.#min, this.#max, this.#step);
    this.#counts[index] = this.#counts[index]! + 1;
  }

  addWide(value: bigint): void {
    this.add(value < 0n ? -Infinity : Infinity);
  }

  get(): number {
    return this.#count;
  }

  reset(): void {
    this.#count = 0;
    this.#counts.fill(0);
  }

  get updated(): boolean {
    return this.#count > 0;
  }

  snapshot(): AggregateValue {
    const scale = { fn: "lhist", min: this.#min, max: this.#max, step: this.#step } as const;
    return { kind: "histogram", scale, buckets: trimmed(this.#counts, (index) => lhistBounds(index, scale)) };
  }

  sortValue(): number {
    return this.#count;
  }
}

/** The ends of the bucket at an index, both included; those at the ends are open. */
export function lhistBounds(index: number, bounds: LhistBounds): { min?: number; max?: number } {
  if (index === 0) return { max: bounds.min - 1 };
  if (index === lhistIndex(bounds.max, bounds.min, bounds.max, bounds.step)) return { min: bounds.max };
  const min = bounds.min + (index - 1) * bounds.step;
  return { min, max: min + bounds.step - 1 };
}
