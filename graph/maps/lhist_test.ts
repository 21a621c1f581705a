import { assertEquals } from "@std/assert";
import { LhistCell, lhistIndex } from "./lhist.ts";

Deno.test("lhistIndex puts what is outside into the first and the last bucket", () => {
  const cases: readonly (readonly [value: number, min: number, max: number, step: number, index: number])[] =
    [
      [-1, 0, 100, 10, 0],
      [0, 0, 100, 10, 1],
      [9, 0, 100, 10, 1],
      [10, 0, 100, 10, 2],
      [99, 0, 100, 10, 10],
      [100, 0, 100, 10, 11],
      [1e15, 0, 100, 10, 11],
      [-10, -10, 10, 5, 1],
      [-1, -10, 10, 5, 2],
    ];
  for (const [value, min, max, step, index] of cases) {
    assertEquals(lhistIndex(value, min, max, step), index, `lhistIndex(${value}, ${min}, ${max}, ${step})`);
  }
});

Deno.test("an lhist's open buckets have one end", () => {
  const cell = new LhistCell({ min: 0, max: 20, step: 10 });
  for (const value of [-1, 5, 25]) cell.add(value);
  assertEquals(cell.snapshot(), {
    kind: "histogram",
    scale: { fn: "lhist", min: 0, max: 20, step: 10 },
    buckets: [
      { index: 0, max: -1, count: 1 },
      { index: 1, min: 0, max: 9, count: 1 },
      { index: 2, min: 10, max: 19, count: 0 },
      { index: 3, min: 20, count: 1 },
    ],
  });
});
