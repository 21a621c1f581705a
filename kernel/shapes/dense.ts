/**
 * Tables by number that are filled in no order.
 *
 * @module
 */

/** Stores `value` at `index` and gives it back. Gaps are filled: an array with holes far apart is looked up by hashing. */
export function storeAt<T>(table: (T | undefined)[], index: number, value: T): T {
  while (table.length < index) table.push(undefined);
  table[index] = value;
  return value;
}
