/**
 * Captured expressions against JavaScript itself: each random expression runs compiled, and as the arrow function that
 * it stands for. Both must give the same, as a function that cannot be captured runs as it is.
 */

import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { coreImage } from "../image/load.ts";
import { compile } from "./compile.ts";
import { ProgramError } from "./diagnostic.ts";
import { exprText } from "./expr_text.ts";
import type { BinaryOperator, Expr, Program } from "./nodes.ts";
import type { Value } from "./value.ts";
import { PlainHit } from "./plain_hit.ts";

const image = await coreImage("x86_64");

const numbers = fc.oneof(
  fc.constantFrom(0, 1, -1, 2, 31, 32, 2 ** 31, 2 ** 32, -(2 ** 33) - 1, 0.5, 1e9),
  fc.integer(),
);
const strings = fc.constantFrom("", "cat", "ca", "t", "a`$b${c}\\", '"\n', "7");

const ARITHMETIC: readonly BinaryOperator[] = ["+", "-", "*", "/", "%", "&", "|", "^", "<<", ">>", ">>>"];
const ORDER: readonly BinaryOperator[] = ["<", "<=", ">", ">=", "==", "!="];

function binary(
  operators: readonly BinaryOperator[],
  left: fc.Arbitrary<Expr>,
  right: fc.Arbitrary<Expr>,
): fc.Arbitrary<Expr> {
  return fc.record({
    op: fc.constant("binary" as const),
    operator: fc.constantFrom(...operators),
    left,
    right,
  });
}

function cond(test: fc.Arbitrary<Expr>, branch: fc.Arbitrary<Expr>): fc.Arbitrary<Expr> {
  return fc.record({ op: fc.constant("cond" as const), test, then: branch, else: branch });
}

const { num, text, bool } = fc.letrec<{ num: Expr; text: Expr; bool: Expr }>((tie) => ({
  num: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    fc.record({ op: fc.constant("literal" as const), value: numbers }),
    fc.constantFrom<Expr>(
      { op: "builtin", name: "pid" },
      { op: "builtin", name: "nsecs" },
      { op: "argn", index: 0 },
      { op: "argn", index: 1 },
    ),
    binary(ARITHMETIC, tie("num"), tie("num")),
    binary(["&&", "||", "??"], tie("num"), tie("num")),
    cond(tie("bool"), tie("num")),
    fc.record({
      op: fc.constant("unary" as const),
      operator: fc.constantFrom("-" as const, "~", "+"),
      operand: tie("num"),
    }),
    fc.record({
      op: fc.constant("call" as const),
      fn: fc.constantFrom("trunc" as const, "floor"),
      args: fc.tuple(tie("num")),
    }),
    fc.record({
      op: fc.constant("call" as const),
      fn: fc.constant("length" as const),
      args: fc.tuple(tie("text")),
    }),
  ),
  text: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    fc.record({ op: fc.constant("literal" as const), value: strings }),
    fc.constantFrom<Expr>({ op: "builtin", name: "comm" }, { op: "builtin", name: "func" }),
    binary(["+"], tie("text"), fc.oneof(tie("text"), tie("num"), tie("bool"))),
    binary(["&&", "||"], tie("text"), tie("text")),
    cond(tie("bool"), tie("text")),
    fc.record({
      op: fc.constant("template" as const),
      parts: fc.array(
        fc.oneof(strings.filter((s) => !/[`$\\\n"]/.test(s)), tie("num"), tie("text"), tie("bool")),
        { maxLength: 3 },
      ),
    }),
  ),
  bool: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    fc.record({ op: fc.constant("literal" as const), value: fc.boolean() }),
    binary(ORDER, tie("num"), tie("num")),
    binary(ORDER, tie("text"), tie("text")),
    binary(["==", "!=", "&&", "||"], tie("bool"), tie("bool")),
    fc.record({
      op: fc.constant("unary" as const),
      operator: fc.constant("!" as const),
      operand: fc.oneof(tie("bool"), tie("num"), tie("text")),
    }),
    fc.record({
      op: fc.constant("call" as const),
      fn: fc.constantFrom("startsWith" as const, "endsWith", "includes"),
      args: fc.tuple(tie("text"), tie("text")),
    }),
  ),
}));

const hits = fc.record({
  pid: fc.nat(),
  nsecs: fc.maxSafeNat(),
  comm: fc.constantFrom("cat", "dd", ""),
  func: fc.constantFrom("vfs_open", "t"),
  args: fc.tuple(fc.integer(), fc.maxSafeInteger()),
});

type HitRecord = { pid: number; nsecs: number; comm: string; func: string; args: [number, number] };

/** What the arrow function `c => expr` gives. */
function asJavaScript(expr: Expr, hit: HitRecord): Value {
  const context = { ...hit, arg: (n: number) => hit.args[n] };
  return Function("c", `return ${exprText(expr)};`)(context) as Value;
}

function programOf(expr: Expr): Program {
  return {
    graph: {
      version: 2,
      probes: [{
        name: "p",
        point: { kind: "kprobe", target: "vfs_open", offset: 0 },
        // Twice, so that what is shared between the two is tested as well.
        steps: [{ op: "print", parts: [expr] }, {
          op: "print",
          parts: [{ op: "cond", test: expr, then: expr, else: expr }],
        }],
      }],
      maps: [],
    },
    functions: [],
  };
}

Deno.test("a captured expression gives what JavaScript gives", () => {
  fc.assert(
    fc.property(fc.oneof(num, text, bool), hits, (expr, values) => {
      const hit = new PlainHit(values);
      compile(programOf(expr), image).attachments[0]?.handler(hit);
      const expected = asJavaScript(expr, values);
      assertEquals(hit.printed, [[expected], [expected]]);
      for (const times of hit.asked.values()) assertEquals(times <= 2, true);
    }),
    { numRuns: 400 },
  );
});

Deno.test("expressions of mixed types either compile and agree with JavaScript, or are refused with a sentence", () => {
  const mixed = binary([...ARITHMETIC, ...ORDER], fc.oneof(num, text, bool), fc.oneof(num, text, bool));
  fc.assert(
    fc.property(mixed, hits, (expr, values) => {
      const hit = new PlainHit(values);
      try {
        compile(programOf(expr), image).attachments[0]?.handler(hit);
      } catch (error) {
        if (!(error instanceof ProgramError)) throw error;
        assertEquals(/always (true|false)|does not take/.test(error.message), true);
        return;
      }
      assertEquals(hit.printed[0], [asJavaScript(expr, values)]);
    }),
    { numRuns: 200 },
  );
});
