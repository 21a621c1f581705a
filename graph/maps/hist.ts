/**
 * `hist(n, bits)`: a histogram by powers of two, each power cut into `2^bits` equal buckets.
 *
 * @module
 */

import { type AggregateValue, type Bucket, type Cell, type HistogramScale, NO_PARTS } from "./cell.ts";
import { narrow } from "./total.ts";

/** Largest `bits` of a hist. */
export const MAX_HIST_BITS = 5;

/** Number of buckets that a hist of so many bits can have. */
export function histSize(bits: number): number {
  return wideIndex(2n ** 63n - 1n, bits) + 1;
}

/**
 * The bucket of a value: 0 for negative ones, `n + 1` below `2^bits`, then `2^bits` buckets per power of two.
 * `value` is an integer within ±2^53.
 */
export function histIndex(value: number, bits: number): number {
  if (value < 0) return 0;
  const n = 1 << bits;
  if (value < n) return value + 1;
  if (value < 0x80000000) {
    const shift = 31 - Math.clz32(value) - bits;
    return ((shift + 1) << bits) + ((value >> shift) & (n - 1)) + 1;
  }
  // From 2^31 up: the leading bit is in the high word, or is bit 31.
  const shift = 63 - Math.clz32(Math.floor(value / 2 ** 32)) - bits;
  return ((shift + 1) << bits) + (Math.floor(value / 2 ** shift) & (n - 1)) + 1;
}

/** The bucket of a value of any size; unsigned ones from 2^63 up are negative to a hist. */
export function wideIndex(value: bigint, bits: number): number {
  const signed = BigInt.asIntN(64, value);
  if (signed < 0n) return 0;
  if (signed <= BigInt(Number.MAX_SAFE_INTEGER)) return histIndex(Number(signed), bits);
  const shift = signed.toString(2).length - 1 - bits;
  return ((shift + 1) << bits) + (Number(signed >> BigInt(shift)) & ((1 << bits) - 1)) + 1;
}

/** Smallest value of the bucket at an index (1 and up). */
export function histLow(index: number, bits: number): bigint {
  const at = index - 1;
  const n = 1 << bits;
  if (at < n) return BigInt(at);
  return BigInt(n + (at & (n - 1))) << BigInt((at >> bits) - 1);
}

/** Cell of a `hist` map. */
export class HistCell implements Cell {
  parts: readonly unknown[] = NO_PARTS;
  dead = false;
  #count = 0;
  readonly #bits: number;
  readonly #counts: Float64Array;

  /** `bits` from 0 to `MAX_HIST_BITS`. */
  constructor(bits: number) {
    this.#bits = bits;
    this.#counts = new Float64Array(histSize(bits));
  }

  add(value: number): void {
    this.#count++;
    const index = histIndex(value, this.#bits);
    this.#counts[index] = this.#counts[index]! + 1;
  }

  addWide(value: bigint): void {
    this.#count++;
    const index = wideIndex(value, this.#bits);
    this.#counts[index] = this.#counts[index]! + 1;
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
    const bits = this.#bits;
    const scale: HistogramScale = { fn: "hist", bits };
    return { kind: "histogram", scale, buckets: trimmed(this.#counts, (index) => histBounds(index, bits)) };
  }

  sortValue(): number {
    return this.#count;
  }
}

/** The ends of the bucket at an index, both included. */
export function histBounds(index: number, bits: number): { min?: number | bigint; max?: number | bigint } {
  if (index === 0) return { max: -1 };
  return { min: narrow(histLow(index, bits)), max: narrow(histLow(index + 1, bits) - 1n) };
}

/** The buckets from the first to the last that is not empty. */
export function trimmed(
  counts: Float64Array,
  boundsOf: (index: number) => { min?: number | bigint; max?: number | bigint },
): readonly Bucket[] {
  let first = 0;
  let end = counts.length;
  while (first < end && counts[first] === 0) first++;
  while (end > first && counts[end - 1] === 0) end--;
  const buckets: Bucket[] = [];
  for (let index = first; index < end; index++) {
    buckets.push({ index, ...boundsOf(index), count: counts[index]! });
  }
  return buckets;
}
