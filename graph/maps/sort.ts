/**
 * The order in which a map's entries print: bpftrace's, made total. Ties keep the order of insertion.
 *
 * @module
 */

/** A signed 64-bit integer as the unsigned one with the same bits. */
export function unsignedOrder(value: number): number | bigint {
  return value < 0 ? BigInt.asUintN(64, BigInt(value)) : value;
}

/** Compares two numbers, exactly where one of them is a bigint. */
export function compareNumbers(a: number | bigint, b: number | bigint): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
