import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { HistCell, histIndex, histLow, MAX_HIST_BITS } from "./hist.ts";

Deno.test("histIndex follows bpftrace's table for powers of two", () => {
  const cases: readonly (readonly [value: number, bits: number, index: number])[] = [
    [-1, 0, 0],
    [-(2 ** 40), 3, 0],
    [0, 0, 1],
    [1, 0, 2],
    [2, 0, 3],
    [3, 0, 3],
    [4, 0, 4],
    [1023, 0, 11],
    [1024, 0, 12],
    [2 ** 31 - 1, 0, 32],
    [2 ** 31, 0, 33],
    [2 ** 32, 0, 34],
    [2 ** 52, 0, 54],
    [0, 2, 1],
    [3, 2, 4],
    [4, 2, 5],
    [7, 2, 8],
    [8, 2, 9],
    [9, 2, 9],
    [10, 2, 10],
    [31, 5, 32],
    [32, 5, 33],
  ];
  for (const [value, bits, index] of cases) {
    assertEquals(histIndex(value, bits), index, `histIndex(${value}, ${bits})`);
  }
});

Deno.test("every value lies inside the bounds of its bucket", () => {
  fc.assert(fc.property(
    fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }),
    fc.integer({ min: 0, max: MAX_HIST_BITS }),
    (value, bits) => {
      const index = histIndex(value, bits);
      return histLow(index, bits) <= BigInt(value) && BigInt(value) < histLow(index + 1, bits);
    },
  ));
});

Deno.test("a hist keeps the buckets from the first to the last that is not empty", () => {
  const cell = new HistCell(0);
  for (const value of [-5, 0, 4, 5]) cell.add(value);
  assertEquals(cell.snapshot(), {
    kind: "histogram",
    scale: { fn: "hist", bits: 0 },
    buckets: [
      { index: 0, max: -1, count: 1 },
      { index: 1, min: 0, max: 0, count: 1 },
      { index: 2, min: 1, max: 1, count: 0 },
      { index: 3, min: 2, max: 3, count: 0 },
      { index: 4, min: 4, max: 7, count: 2 },
    ],
  });
  assertEquals(cell.sortValue(), 4);
  cell.reset();
  assertEquals(cell.updated, false);
});

Deno.test("the largest bucket's bounds are exact", () => {
  const cell = new HistCell(5);
  cell.add(Number.MAX_SAFE_INTEGER);
  const snapshot = cell.snapshot();
  const index = histIndex(Number.MAX_SAFE_INTEGER, 5);
  assertEquals(typeof snapshot === "object" && snapshot.kind === "histogram" && snapshot.buckets, [
    { index, min: 2 ** 52 + 31 * 2 ** 47, max: Number.MAX_SAFE_INTEGER, count: 1 },
  ]);
});
