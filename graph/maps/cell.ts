/**
 * What a map holds under one key. One file per aggregation implements it; generated handlers call `add` and nothing
 * else, so that the engine can inline it.
 *
 * Map values are 64-bit integers, as in bpftrace: a fraction is dropped toward zero, and a total beyond ±2^53 goes on
 * exactly (as a bigint), wrapping at 64 bits.
 *
 * @module
 */

import { addressOf, type Value } from "../value.ts";

/** The aggregated value under one key. */
export interface Cell {
  /** Takes in one value, an integer within ±2^53 (`toInteger` makes one of other values). */
  add(value: number): void;
  /** Takes in an integer that is beyond ±2^53. */
  addWide(value: bigint): void;
  /** The value as an integer, where the aggregation is one: what a program reads. */
  get(): number | bigint;
  /** Back to the state before the first `add`. */
  reset(): void;
  /** True once `add` was called, until the next reset. */
  readonly updated: boolean;
  /** The value as plain data, at this moment. */
  snapshot(): AggregateValue;
  /** What bpftrace sorts this aggregation by, ascending. */
  sortValue(): number | bigint;
  /** The parts of its key; empty in a map without key. */
  parts: readonly unknown[];
  /** Its key was taken out of the map. */
  dead: boolean;
}

/** The parts of no key. */
export const NO_PARTS: readonly unknown[] = [];

/** A map's value under one key, as plain data. A total beyond ±2^53 is a bigint. */
export type AggregateValue = number | bigint | StatsValue | HistogramValue;

/** What a map shows under one key: an aggregated value, or in a map of plain values the one that was stored. */
export type MapValue = AggregateValue | Value;

/** What `stats` keeps. */
export interface StatsValue {
  /** `stats` */
  readonly kind: "stats";
  /** How many values were taken in. */
  readonly count: number;
  /** `total / count`, the fraction dropped. */
  readonly average: number | bigint;
  /** Their sum. */
  readonly total: number | bigint;
}

/** What `hist` and `lhist` keep: the buckets from the first to the last that is not empty. */
export interface HistogramValue {
  /** `histogram` */
  readonly kind: "histogram";
  /** How its buckets are cut. */
  readonly scale: HistogramScale;
  /** In order, without gaps. */
  readonly buckets: readonly Bucket[];
}

/** How a histogram's buckets are cut. */
export type HistogramScale =
  | { readonly fn: "hist"; readonly bits: number }
  | { readonly fn: "lhist"; readonly min: number; readonly max: number; readonly step: number };

/** A bucket: `min` to `max`, both included. No `min`: everything below; no `max`: everything above. */
export interface Bucket {
  /** Its place among all buckets of the scale. */
  readonly index: number;
  /** Least value in it. */
  readonly min?: number | bigint;
  /** Greatest value in it. */
  readonly max?: number | bigint;
  /** How many values fell into it. */
  readonly count: number;
}

/**
 * A value as the integer that a map takes in: fractions dropped, booleans 0 or 1, pointers their address.
 *
 * @throws {RangeError} For a number or bigint that is not within ±2^53, and for NaN.
 * @throws {TypeError} For anything else.
 */
export function toInteger(value: unknown): number {
  if (typeof value === "number") {
    // Adding 0 turns -0 into 0.
    const whole = Math.trunc(value) + 0;
    if (whole >= -Number.MAX_SAFE_INTEGER && whole <= Number.MAX_SAFE_INTEGER) return whole;
    throw outOfRange(value);
  }
  switch (typeof value) {
    case "bigint": {
      const near = Number(value);
      if (Number.isSafeInteger(near)) return near;
      throw outOfRange(value);
    }
    case "boolean":
      return value ? 1 : 0;
    case "object": {
      const address = value === null ? undefined : addressOf(value);
      if (address !== undefined) return address;
    }
  }
  throw new TypeError(`Cannot add ${named(value)} to a map: it takes numbers, booleans and pointers`);
}

function outOfRange(value: number | bigint): RangeError {
  return new RangeError(`Cannot add ${value} to a map: it takes numbers within ±2^53`);
}

function named(value: unknown): string {
  if (typeof value === "string") {
    return JSON.stringify(value.length > 60 ? `${value.slice(0, 57)}...` : value);
  }
  if (value === null || value === undefined) return String(value);
  return Array.isArray(value) ? "an array" : typeof value === "object" ? "an object" : `a ${typeof value}`;
}
