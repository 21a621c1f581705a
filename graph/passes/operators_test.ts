import { assertEquals } from "@std/assert";
import { coreImage } from "../../image/load.ts";
import { type Diagnostic, reporter } from "../diagnostic.ts";
import type { BinaryOperator, Expr } from "../nodes.ts";
import { typeText } from "../types.ts";
import { MapTypes } from "./map_types.ts";
import { resolveExpr } from "./resolve.ts";

const image = await coreImage("x86_64");

const COMM: Expr = { op: "builtin", name: "comm" };
const PID: Expr = { op: "builtin", name: "pid" };
const TASK: Expr = { op: "builtin", name: "curtask" };
const STACK: Expr = { op: "kstack", depth: 3 };

function literal(value: string | number | boolean | bigint | null): Expr {
  return { op: "literal", value };
}

function check(expr: Expr): { readonly type: string; readonly found: readonly string[] } {
  const found: Diagnostic[] = [];
  const ir = resolveExpr(expr, {
    image,
    at: { point: { kind: "kprobe", target: "vfs_open", offset: 0 }, name: "kprobe:vfs_open" },
    functions: 1,
    locals: new Map(),
    c: false,
    maps: new MapTypes([]),
    entry: undefined,
    inside: { loop: false, block: false },
    report: reporter(found, "p"),
  });
  return { type: typeText(ir.type, image), found: found.map((d) => d.message) };
}

function binary(left: Expr, operator: BinaryOperator, right: Expr): Expr {
  return { op: "binary", operator, left, right };
}

Deno.test("types of operators", () => {
  const cases: readonly (readonly [expr: Expr, type: string])[] = [
    [binary(PID, "+", literal(1)), "int64"],
    [binary(PID, "/", literal(2)), "number"],
    [binary(PID, "&", literal(7)), "int32"],
    [binary(PID, ">>>", literal(7)), "uint32"],
    [binary(PID, "<", literal(7)), "bool"],
    [binary(COMM, "+", PID), "string"],
    [binary(COMM, "==", literal("cat")), "bool"],
    [binary(TASK, "==", literal(null)), "bool"],
    [binary(TASK, "!=", literal(0)), "bool"],
    [binary(PID, "&&", COMM), "unknown"],
    [{ op: "unary", operator: "!", operand: COMM }, "bool"],
    [{ op: "unary", operator: "~", operand: PID }, "int32"],
    [{ op: "cond", test: PID, then: literal("a"), else: COMM }, "string"],
    [{ op: "call", fn: "trunc", args: [binary(PID, "/", literal(2))] }, "int64"],
    [{ op: "call", fn: "length", args: [STACK] }, "int64"],
    [{ op: "tuple", items: [PID, COMM] }, "(uint32, string)"],
  ];
  for (const [expr, type] of cases) assertEquals(check(expr), { type, found: [] });
});

Deno.test("operators on types that they do not take", () => {
  const cases: readonly (readonly [expr: Expr, message: string])[] = [
    [binary(COMM, "==", literal(5)), "Comparing string with int64 is always false"],
    [binary(PID, "!=", literal("5")), "Comparing uint32 with string is always true"],
    [binary(PID, "==", literal(5n)), "Comparing uint32 with bigint is always false"],
    [binary(literal(true), "==", PID), "Comparing bool with uint32 is always false"],
    [binary(COMM, "<", PID), '"<" does not take string and uint32'],
    [binary(COMM, "-", PID), '"-" does not take string and uint32'],
    [
      binary(COMM, "==", literal("systemd-journald")),
      'Comparing comm with "systemd-journald" is always false',
    ],
    [binary(STACK, "+", literal("x")), '"+" does not take stack and string'],
    [binary(PID, "+", literal(1n)), '"+" does not take uint32 and bigint'],
    [{ op: "unary", operator: "-", operand: STACK }, '"-" does not take stack'],
    [
      { op: "call", fn: "startsWith", args: [PID, COMM] },
      '"startsWith" takes two strings, not (uint32, string)',
    ],
    [{ op: "call", fn: "ksym", args: [COMM] }, '"ksym" takes an address, not (string)'],
    [{ op: "template", parts: ["x", STACK] }, "Cannot join a stack into a string"],
  ];
  for (const [expr, message] of cases) assertEquals(check(expr).found, [message]);
});

Deno.test("a pointer as a condition is warned about, since JavaScript takes objects for true", () => {
  assertEquals(check({ op: "unary", operator: "!", operand: TASK }).found.length, 1);
  assertEquals(
    check({ op: "unary", operator: "!", operand: { op: "field", base: TASK, name: "isNull" } }).found,
    [],
  );
});

Deno.test("what is known only when it runs may go anywhere", () => {
  const opaque: Expr = { op: "opaque", fn: 0, source: "c => x", reason: "x" };
  for (const operator of ["+", "-", "==", "<", "&&"] as const) {
    assertEquals(check(binary(opaque, operator, PID)).found, []);
  }
});
