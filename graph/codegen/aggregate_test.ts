/** What maps take in: the value itself, or an error that names it, from captured functions and from opaque ones alike. */

import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { coreImage } from "../../image/load.ts";
import { compile } from "../compile.ts";
import { applyBinary } from "../evaluate.ts";
import type { Aggregation, BinaryOperator, Expr, Program } from "../nodes.ts";
import { PlainHit } from "../plain_hit.ts";

const image = await coreImage("x86_64");

/** What a map holds after one hit, or the message of the error. */
function aggregated(aggregation: Aggregation, value: Expr, word: number, result?: unknown): unknown {
  const program: Program = {
    graph: {
      version: 2,
      probes: [{
        name: "p",
        point: { kind: "kprobe", target: "vfs_read", offset: 0 },
        steps: [{ op: "aggregate", map: "m", key: [], value }],
      }],
      maps: [{ name: "m", aggregation, keyParts: 0 }],
    },
    functions: [() => result],
  };
  const compiled = compile(program, image);
  try {
    compiled.attachments[0]?.handler(new PlainHit({ args: [word] }));
  } catch (error) {
    return String(error);
  }
  return compiled.snapshot()[0]?.entries[0]?.value;
}

const OPAQUE: Expr = { op: "opaque", fn: 0, source: "() => result", reason: "it is from outside" };
const AGGREGATIONS: readonly Aggregation[] = [
  { fn: "sum" },
  { fn: "avg" },
  { fn: "min" },
  { fn: "max" },
  { fn: "stats" },
  { fn: "hist", bits: 2 },
  { fn: "lhist", min: 0, max: 100, step: 10 },
];

const words = fc.oneof(fc.constantFrom(0, 1, -1, 2 ** 52, Number.MAX_SAFE_INTEGER), fc.maxSafeInteger());
const literals = fc.oneof(
  fc.constantFrom(0, 1e300, -1e300, 2 ** 53, 0.5),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
);

Deno.test("no value is changed on its way into a map", () => {
  fc.assert(
    fc.property(
      words,
      literals,
      fc.constantFrom<BinaryOperator>("+", "-", "*", "/", "%"),
      fc.constantFrom(...AGGREGATIONS),
      (word, by, operator, aggregation) => {
        const value = Number(applyBinary(operator, word, by));
        const expr: Expr = {
          op: "binary",
          operator,
          left: { op: "argn", index: 0 },
          right: { op: "literal", value: by },
        };
        const whole = Math.trunc(value) + 0;
        const expected = Number.isSafeInteger(whole)
          ? aggregated(aggregation, { op: "literal", value: whole }, 0)
          : `RangeError: Cannot add ${value} to a map: it takes numbers within ±2^53`;
        assertEquals(aggregated(aggregation, expr, word), expected);
        assertEquals(aggregated(aggregation, OPAQUE, 0, value), expected);
        if (aggregation.fn === "sum" && Number.isSafeInteger(whole)) assertEquals(expected, whole);
      },
    ),
    { numRuns: 300, seed: 20261122 },
  );
});

Deno.test("an opaque function that gives no number is an error", () => {
  assertEquals(
    aggregated({ fn: "hist", bits: 0 }, OPAQUE, 0, undefined),
    "TypeError: Cannot add undefined to a map: it takes numbers, booleans and pointers",
  );
  assertEquals(aggregated({ fn: "sum" }, OPAQUE, 0, 12n), 12);
});
