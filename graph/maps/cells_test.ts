import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import type { Aggregation } from "../nodes.ts";
import { type AggregateValue, toInteger } from "./cell.ts";
import { newCell } from "./cells.ts";

function aggregate(aggregation: Aggregation, values: readonly number[]): AggregateValue {
  const cell = newCell(aggregation);
  for (const value of values) cell.add(value);
  return cell.snapshot();
}

Deno.test("each aggregation over the same values", () => {
  const values = [3, -4, 10, 0];
  assertEquals(aggregate({ fn: "count" }, values), 4);
  assertEquals(aggregate({ fn: "sum" }, values), 9);
  assertEquals(aggregate({ fn: "avg" }, values), 2);
  assertEquals(aggregate({ fn: "min" }, values), -4);
  assertEquals(aggregate({ fn: "max" }, values), 10);
  assertEquals(aggregate({ fn: "stats" }, values), { kind: "stats", count: 4, average: 2, total: 9 });
});

Deno.test("a single value is its own min and max, also below zero", () => {
  assertEquals(aggregate({ fn: "max" }, [-7]), -7);
  assertEquals(aggregate({ fn: "min" }, [7]), 7);
});

Deno.test("an average drops the fraction toward zero", () => {
  assertEquals(aggregate({ fn: "avg" }, [-1, -2]), -1);
  assertEquals(aggregate({ fn: "avg" }, []), 0);
});

Deno.test("totals beyond 2^53 stay exact, and wrap at 64 bits", () => {
  const big = Number.MAX_SAFE_INTEGER;
  assertEquals(aggregate({ fn: "sum" }, [big, big, 1]), 2n * BigInt(big) + 1n);
  assertEquals(aggregate({ fn: "sum" }, [big, big, -big]), big);
  assertEquals(aggregate({ fn: "stats" }, [big, big]), {
    kind: "stats",
    count: 2,
    average: big,
    total: 2n * BigInt(big),
  });
  fc.assert(fc.property(fc.array(fc.maxSafeInteger(), { maxLength: 40 }), (values) => {
    const exact = BigInt.asIntN(64, values.reduce((sum, value) => sum + BigInt(value), 0n));
    assertEquals(BigInt(toBig(aggregate({ fn: "sum" }, values))), exact);
  }));
});

function toBig(value: AggregateValue): number | bigint {
  if (typeof value === "object") throw new Error("a number was expected");
  return value;
}

Deno.test("reset forgets", () => {
  for (const fn of ["count", "sum", "avg", "min", "max", "stats"] as const) {
    const cell = newCell({ fn });
    cell.add(-9);
    cell.reset();
    assertEquals(cell.updated, false);
    cell.add(5);
    const expected: AggregateValue = fn === "stats"
      ? { kind: "stats", count: 1, average: 5, total: 5 }
      : fn === "count"
      ? 1
      : 5;
    assertEquals(cell.snapshot(), expected);
  }
});

Deno.test("fractions, booleans, bigints and pointers become integers", () => {
  const values = [1.9, -1.9, -0.5, true, false, 7n, 2n ** 53n - 1n, { address: 16 }, {
    address: 2n ** 64n - 1n,
  }];
  assertEquals(values.map(toInteger), [1, -1, 0, 1, 0, 7, 2 ** 53 - 1, 16, -1]);
});

Deno.test("what a map cannot hold is an error that names it", () => {
  for (const value of [NaN, Infinity, -Infinity, 1e300, 2 ** 53, -(2 ** 53), 2n ** 53n, -(2n ** 64n)]) {
    assertThrows(
      () => toInteger(value),
      RangeError,
      `Cannot add ${value} to a map: it takes numbers within ±2^53`,
    );
  }
  const others: readonly (readonly [value: unknown, named: string])[] = [
    ["12", '"12"'],
    [null, "null"],
    [undefined, "undefined"],
    [[1], "an array"],
    [{}, "an object"],
    [Symbol("x"), "a symbol"],
  ];
  for (const [value, named] of others) {
    assertThrows(() => toInteger(value), TypeError, `Cannot add ${named} to a map`);
  }
});
