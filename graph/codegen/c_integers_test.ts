/** C's 64-bit arithmetic against bigints that wrap: every operator, on values that are small, near 2^53 and near 2^64. */

import { assertEquals } from "@std/assert";
import fc from "fast-check";
import type { COperator } from "../ir.ts";
import { narrow } from "../maps/total.ts";
import { cBinaryValue, cUnaryValue, wrapValue } from "./c_integers.ts";

const OPERATORS: readonly COperator[] = [
  "+",
  "-",
  "*",
  "/",
  "%",
  "&",
  "|",
  "^",
  "<<",
  ">>",
  "==",
  "!=",
  "<",
  "<=",
  ">",
  ">=",
];

const edges = [0n, 1n, 2n, 31n, 63n, 64n, 2n ** 31n, 2n ** 32n, 2n ** 53n, 2n ** 63n, 2n ** 64n - 1n];
const words = fc.oneof(
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 64n - 1n }),
  fc.bigInt({ min: -(2n ** 53n) - 4n, max: 2n ** 53n + 4n }),
  fc.bigInt({ min: -100n, max: 100n }),
  fc.tuple(fc.constantFrom(...edges), fc.bigInt({ min: -2n, max: 2n })).map(([edge, by]) => edge + by),
  fc.constantFrom(...edges.map((edge) => -edge)),
);

function reference(operator: COperator, signed: boolean, left: bigint, right: bigint): bigint | boolean {
  const cut = signed ? BigInt.asIntN : BigInt.asUintN;
  const [a, b] = [cut(64, left), cut(64, right)];
  const places = BigInt.asUintN(6, b);
  switch (operator) {
    case "+":
      return cut(64, a + b);
    case "-":
      return cut(64, a - b);
    case "*":
      return cut(64, a * b);
    case "/":
      return b === 0n ? 0n : cut(64, a / b);
    case "%":
      return b === 0n ? a : cut(64, a % b);
    case "&":
      return cut(64, a & b);
    case "|":
      return cut(64, a | b);
    case "^":
      return cut(64, a ^ b);
    case "<<":
      return cut(64, a << places);
    case ">>":
      return cut(64, a >> places);
    case "==":
      return a === b;
    case "!=":
      return a !== b;
    case "<":
      return a < b;
    case "<=":
      return a <= b;
    case ">":
      return a > b;
    default:
      return a >= b;
  }
}

const plain = (value: bigint | boolean) => typeof value === "bigint" ? narrow(value) : value;

Deno.test("operators give what 64-bit integers give, and numbers wherever those are exact", () => {
  fc.assert(
    fc.property(fc.constantFrom(...OPERATORS), fc.boolean(), words, words, (operator, signed, a, b) => {
      const got = cBinaryValue(operator, signed, narrow(a), narrow(b));
      assertEquals(got, plain(reference(operator, signed, a, b)), `${a} ${operator} ${b}, signed ${signed}`);
    }),
    { seed: 1, numRuns: 20_000 },
  );
});

Deno.test("negation, inversion and casts wrap", () => {
  fc.assert(
    fc.property(words, fc.boolean(), fc.constantFrom(1, 2, 4, 8), (value, signed, size) => {
      const cut = signed ? BigInt.asIntN : BigInt.asUintN;
      assertEquals(cUnaryValue("cInvert", signed, narrow(value)), narrow(cut(64, ~value)));
      assertEquals(cUnaryValue("cNegate", true, narrow(value)), narrow(BigInt.asIntN(64, -value)));
      assertEquals(wrapValue(narrow(value), size, signed), narrow(cut(size * 8, value)));
    }),
    { seed: 2, numRuns: 5_000 },
  );
});

Deno.test("division by zero is 0, a remainder by zero the dividend, as in BPF programs", () => {
  assertEquals(cBinaryValue("/", true, 7, 0), 0);
  assertEquals(cBinaryValue("%", false, 7, 0), 7);
  assertEquals(cBinaryValue("/", true, -7, 2), -3);
  assertEquals(cBinaryValue("%", true, -7, 2), -1);
});
