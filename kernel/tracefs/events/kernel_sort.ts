/**
 * The kernel's `sort()`: a heap sort, which puts equal elements in an order of its own.
 *
 * @module
 */

/**
 * Sorts in place as `lib/sort.c` does, step by step, so that equal elements end where they do in the kernel; gives the same
 * array.
 *
 * ```ts
 * import { kernelSort } from "./kernel_sort.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const hits = [["1", 1], ["21", 1], ["56", 1], ["63", 1]] as [string, number][];
 * assertEquals(kernelSort(hits, (a, b) => a[1] - b[1]).map(([key]) => key), ["21", "56", "63", "1"]);
 * ```
 */
export function kernelSort<T>(items: T[], compare: (a: T, b: T) => number): T[] {
  const at = (index: number): T => items[index] as T;
  const swap = (a: number, b: number): void => {
    [items[a], items[b]] = [at(b), at(a)];
  };
  let rest = items.length;
  let building = rest >> 1;
  if (building === 0) return items;
  for (;;) {
    if (building > 0) building--;
    else if (--rest > 0) swap(0, rest);
    else return items;
    const root = building;
    // Down to a leaf, then back up to where the root belongs.
    let place = root;
    let left = 2 * place + 1;
    while (left + 1 < rest) {
      place = compare(at(left), at(left + 1)) >= 0 ? left : left + 1;
      left = 2 * place + 1;
    }
    if (left + 1 === rest) place = left;
    while (place !== root && compare(at(root), at(place)) >= 0) place = parent(place);
    const target = place;
    while (place !== root) {
      place = parent(place);
      swap(place, target);
    }
  }
}

function parent(index: number): number {
  return (index - 1) >> 1;
}
