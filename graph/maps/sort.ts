/**
 * The order in which a map's entries print: bpftrace's, made total. Ties keep the order of insertion.
 *
 * @module
 */

import type { Value } from "../value.ts";

/** A signed 64-bit integer as the unsigned one with the same bits. */
export function unsignedOrder(value: number | bigint): number | bigint {
  return value < 0 ? BigInt.asUintN(64, BigInt(value)) : value;
}

/** Compares two numbers, exactly where one of them is a bigint. */
export function compareNumbers(a: number | bigint, b: number | bigint): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/**
 * Compares two keys part by part: integers by value, strings by their characters, tuples by their parts. Keys of
 * other kinds stay in order of insertion.
 */
export function compareKeys(a: readonly Value[], b: readonly Value[]): number {
  for (let i = 0; i < a.length; i++) {
    const order = compareParts(a[i] ?? null, b[i] ?? null);
    if (order !== 0) return order;
  }
  return 0;
}

function compareParts(a: Value, b: Value): number {
  if (isNumeric(a) && isNumeric(b)) return compareNumbers(a, b);
  if (typeof a === "string" && typeof b === "string") return a < b ? -1 : a > b ? 1 : 0;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return 0;
  return a.kind === "tuple" && b.kind === "tuple" ? compareKeys(a.items, b.items) : 0;
}

function isNumeric(value: Value): value is number | bigint {
  return typeof value === "number" || typeof value === "bigint";
}
