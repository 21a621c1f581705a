import { assertEquals } from "@std/assert";
import type { Ir } from "../ir.ts";
import { BOOL, INT64, STRING, UINT32, UNKNOWN } from "../types.ts";
import { irText } from "../expr_text.ts";
import { fold, foldSteps } from "./fold.ts";

const PID: Ir = { op: "builtin", name: "pid", type: UINT32 };

function number(value: number): Ir {
  return { op: "const", value, type: INT64 };
}

function binary(left: Ir, operator: "+" | "&&" | "||" | "??" | "==", right: Ir): Ir {
  return { op: "binary", operator, left, right, type: INT64 };
}

Deno.test("constants are computed, the rest stays", () => {
  const cases: readonly (readonly [ir: Ir, text: string])[] = [
    [binary(number(1), "+", number(2)), "3"],
    [binary(binary(number(1), "+", number(2)), "+", PID), "3 + pid"],
    [binary(number(0), "&&", PID), "0"],
    [binary(number(1), "&&", PID), "pid"],
    [binary(number(1), "||", PID), "1"],
    [binary(number(0), "??", PID), "0"],
    [binary(PID, "&&", number(0)), "pid && 0"],
    [{ op: "cond", test: number(1), then: PID, else: number(2), type: UINT32 }, "pid"],
    [{ op: "template", parts: ["a", number(1), PID, "b", number(2)], type: STRING }, "`a1${pid}b2`"],
    [{ op: "template", parts: ["a", number(1)], type: STRING }, '"a1"'],
  ];
  for (const [ir, text] of cases) assertEquals(irText(fold(ir)), text);
});

Deno.test("what stands for an error is no constant", () => {
  const failed: Ir = { op: "const", value: 0, type: UNKNOWN };
  assertEquals(irText(fold(binary(failed, "&&", PID))), "0 && pid");
});

Deno.test("offsets of nested structs add up", () => {
  const inner: Ir = { op: "address", address: PID, offset: 8, index: undefined, scale: 0, type: INT64 };
  const outer: Ir = { op: "address", address: inner, offset: 16, index: number(2), scale: 4, type: INT64 };
  assertEquals(
    irText(fold({ op: "load", address: outer, offset: 1, size: 4, signed: false, type: UINT32 })),
    "u32[pid + 33]",
  );
});

Deno.test("a filter that is always true goes, one that is always false is reported", () => {
  const found: string[] = [];
  const yes: Ir = { op: "const", value: true, type: BOOL };
  const no: Ir = { op: "const", value: false, type: BOOL };
  const steps = foldSteps(
    [{ op: "filter", test: yes }, { op: "filter", test: no }],
    (_, message) => found.push(message),
  );
  assertEquals([steps.length, found], [1, ["This filter is always false, so nothing after it runs"]]);
});
