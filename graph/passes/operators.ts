/**
 * Pass: which operators take which types, and what they yield. The rules are JavaScript's, since an opaque function
 * runs as JavaScript and must give the same; what JavaScript would make of mixed types by conversion (comparing text
 * with a number) is reported instead.
 *
 * @module
 */

import type { Ir } from "../ir.ts";
import { FUNCTIONS } from "../functions/table.ts";
import type { FunctionName } from "../functions/names.ts";
import type { BinaryOperator, CallName, Span } from "../nodes.ts";
import { functionType } from "./function_calls.ts";
import {
  BIGINT,
  BOOL,
  FLOAT,
  INT32,
  INT64,
  isNumber,
  maybe,
  STRING,
  surely,
  typeText,
  UINT32,
  UNKNOWN,
  type ValueType,
} from "../types.ts";
import type { Scope } from "./scope.ts";

/** Type of `left operator right`; reports where the operator does not take them. */
export function binaryType(
  operator: BinaryOperator,
  left: Ir,
  right: Ir,
  span: Span | undefined,
  scope: Scope,
): ValueType {
  const [l, r] = [left.type, right.type];
  switch (operator) {
    case "&&":
    case "||":
      return join(l, r);
    case "??":
      return join(l.kind === "null" ? r : surely(l), r);
    case "==":
    case "!=":
      checkEquality(operator, l, r, span, scope);
      checkComm(operator, left, right, scope);
      checkComm(operator, right, left, scope);
      return BOOL;
    case "<":
    case "<=":
    case ">":
    case ">=":
      checkOrder(operator, l, r, span, scope);
      return BOOL;
    case "+":
      if (l.kind === "string" || r.kind === "string") return concatType(l, r, span, scope);
      return arithmetic(operator, l, r, span, scope);
    default:
      return arithmetic(operator, l, r, span, scope);
  }
}

/** The type that holds both: theirs if they agree, else `unknown` (numbers agree with each other). */
export function join(a: ValueType, b: ValueType): ValueType {
  if (a.kind === "never") return b;
  if (b.kind === "never") return a;
  if (a.maybe === true || b.maybe === true) return maybe(join(surely(a), surely(b)));
  if (a.kind === "null") return b.kind === "null" ? a : maybe(b);
  if (b.kind === "null") return maybe(a);
  if (isNumber(a) && isNumber(b)) {
    if (a.kind === "int" && b.kind === "int") return a.size === b.size && a.signed === b.signed ? a : INT64;
    return FLOAT;
  }
  if (a.kind === "pointer" && b.kind === "pointer") return a.to === b.to || a.to.id === b.to.id ? a : UNKNOWN;
  if (a.kind === "tuple" && b.kind === "tuple" && a.items.length === b.items.length) {
    return { kind: "tuple", items: a.items.map((item, i) => join(item, b.items[i] ?? UNKNOWN)) };
  }
  if (a.kind === "record" && b.kind === "record" && sameNames(a.fields, b.fields)) {
    const fields = a.fields.map(({ name, type }, i) => ({
      name,
      type: join(type, b.fields[i]?.type ?? UNKNOWN),
    }));
    return { kind: "record", fields };
  }
  const plain = a.kind !== "struct" && a.kind !== "array" && a.kind !== "tuple" && a.kind !== "record";
  return a.kind === b.kind && plain ? a : UNKNOWN;
}

function sameNames(
  a: readonly { readonly name: string }[],
  b: readonly { readonly name: string }[],
): boolean {
  return a.length === b.length && a.every(({ name }, i) => name === b[i]?.name);
}

/** Reports a comparison that can come out one way only. */
export function checkEquality(
  operator: string,
  l: ValueType,
  r: ValueType,
  span: Span | undefined,
  scope: Scope,
): void {
  if (l.kind === "unknown" || r.kind === "unknown" || comparable(l, r)) return;
  const always = operator === "==" ? "false" : "true";
  scope.report(
    "error",
    `Comparing ${typeText(l, scope.image)} with ${typeText(r, scope.image)} is always ${always}`,
    {
      span,
      hint: hintFor(l, r),
    },
  );
}

/** Longest comm: `TASK_COMM_LEN` without its NUL. */
const MAX_COMM = 15;

function checkComm(operator: string, comm: Ir, text: Ir, scope: Scope): void {
  if (
    comm.op !== "builtin" || comm.name !== "comm" || text.op !== "const" || typeof text.value !== "string"
  ) return;
  if (new TextEncoder().encode(text.value).length <= MAX_COMM) return;
  scope.report(
    "warning",
    `Comparing comm with "${text.value}" is always ${operator === "==" ? "false" : "true"}`,
    {
      span: text.span,
      hint: `the kernel keeps ${MAX_COMM} bytes of a program's name: "${text.value.slice(0, MAX_COMM)}"`,
    },
  );
}

function comparable(l: ValueType, r: ValueType): boolean {
  if (isNumber(l) && isNumber(r) || l.kind === "never" || r.kind === "never") return true;
  const address = (t: ValueType) => t.kind === "pointer" || t.kind === "int" || t.kind === "null";
  if ((l.kind === "pointer" || r.kind === "pointer") && address(l) && address(r)) return true;
  if (l.kind === "null" || r.kind === "null") return true;
  return l.kind === r.kind && (l.kind === "string" || l.kind === "bool" || l.kind === "bigint");
}

function hintFor(l: ValueType, r: ValueType): string | undefined {
  const kinds = [l.kind, r.kind];
  if (kinds.includes("string") && (kinds.includes("int") || kinds.includes("pointer"))) {
    return "str(…) makes a string of an address";
  }
  if (kinds.includes("bigint")) return "write the number without n";
  if (kinds.includes("bool") && kinds.includes("int")) return "compare with true or false";
  if (kinds.includes("struct")) return "compare one of its fields";
  return undefined;
}

function checkOrder(
  operator: string,
  l: ValueType,
  r: ValueType,
  span: Span | undefined,
  scope: Scope,
): void {
  if (l.kind === "unknown" || r.kind === "unknown") return;
  const ordered = (t: ValueType) =>
    isNumber(t) || t.kind === "bool" || t.kind === "pointer" || t.kind === "bigint" || t.kind === "never";
  if (ordered(l) && ordered(r) || l.kind === "string" && r.kind === "string") return;
  mismatch(operator, l, r, span, scope);
}

function concatType(l: ValueType, r: ValueType, span: Span | undefined, scope: Scope): ValueType {
  for (const type of [l, r]) {
    if (!isText(type)) mismatch("+", l, r, span, scope);
  }
  return STRING;
}

/** True for what a string can be made of by joining. */
export function isText(type: ValueType): boolean {
  return !["struct", "array", "stack", "tuple", "record", "buffer"].includes(type.kind);
}

function arithmetic(
  operator: BinaryOperator,
  l: ValueType,
  r: ValueType,
  span: Span | undefined,
  scope: Scope,
): ValueType {
  if (l.kind === "unknown" || r.kind === "unknown") return UNKNOWN;
  if (l.kind === "bigint" && r.kind === "bigint") {
    return operator === ">>>" ? mismatch(operator, l, r, span, scope) : BIGINT;
  }
  const numeric = (t: ValueType) =>
    isNumber(t) || t.kind === "bool" || t.kind === "pointer" || t.kind === "never";
  if (!numeric(l) || !numeric(r)) return mismatch(operator, l, r, span, scope);
  switch (operator) {
    case "/":
      return FLOAT;
    case "&":
    case "|":
    case "^":
    case "<<":
    case ">>":
      if (wide(l) || wide(r)) warnWide(operator, span, scope);
      return INT32;
    case ">>>":
      if (wide(l)) warnWide(operator, span, scope);
      return UINT32;
    default:
      return l.kind === "float" || r.kind === "float" ? FLOAT : INT64;
  }
}

function wide(type: ValueType): boolean {
  return type.kind === "pointer";
}

function warnWide(operator: string, span: Span | undefined, scope: Scope): void {
  scope.report(
    "warning",
    `"${operator}" works on 32 bits, as everywhere in JavaScript: the upper half of the pointer is lost`,
    {
      span,
    },
  );
}

/** Reports an operator that does not take these types. */
export function mismatch(
  operator: string,
  l: ValueType,
  r: ValueType,
  span: Span | undefined,
  scope: Scope,
): ValueType {
  scope.report(
    "error",
    `"${operator}" does not take ${typeText(l, scope.image)} and ${typeText(r, scope.image)}`,
    {
      span,
      hint: hintFor(l, r),
    },
  );
  return UNKNOWN;
}

/** Warns where a pointer is tested for truth: JavaScript itself takes every object for true. */
export function checkTruth(ir: Ir, scope: Scope): void {
  if (ir.type.kind !== "pointer") return;
  scope.report(
    "warning",
    "This tests whether the address is 0, as C does; in a function that is not captured it is always true",
    {
      span: ir.span,
      hint: "isNull means the same in both",
    },
  );
}

/** Type of `operator operand`. */
export function unaryType(operator: string, operand: Ir, span: Span | undefined, scope: Scope): ValueType {
  const type = operand.type;
  if (operator === "!") {
    checkTruth(operand, scope);
    return BOOL;
  }
  if (type.kind === "unknown") return UNKNOWN;
  if (isNumber(type) || type.kind === "bool" || type.kind === "pointer" || type.kind === "never") {
    if (operator === "~") return INT32;
    return type.kind === "float" ? FLOAT : INT64;
  }
  if (type.kind === "bigint" && operator !== "+") return BIGINT;
  if (type.kind === "string" && operator === "+") return FLOAT;
  scope.report("error", `"${operator}" does not take ${typeText(type, scope.image)}`, { span });
  return UNKNOWN;
}

/** Type of a call; reports wrong arguments. */
export function callType(
  fn: CallName | FunctionName,
  args: readonly Ir[],
  span: Span | undefined,
  scope: Scope,
): ValueType {
  const refuse = (expected: string): void => {
    const given = args.map((a) => typeText(a.type, scope.image)).join(", ");
    scope.report("error", `"${fn}" takes ${expected}, not (${given})`, { span });
  };
  const is = (index: number, ...kinds: ValueType["kind"][]): boolean => {
    const kind = args[index]?.type.kind;
    return kind !== undefined && (kind === "unknown" || kinds.includes(kind));
  };
  const known = FUNCTIONS.get(fn);
  if (known !== undefined) return functionType(known, args, span, scope);
  switch (fn) {
    case "startsWith":
    case "endsWith":
    case "includes":
      if (args.length !== 2 || !is(0, "string") || !is(1, "string")) refuse("two strings");
      return BOOL;
    case "str":
      if (
        args.length < 1 || args.length > 2 || !is(0, "pointer", "int", "string", "array") ||
        args.length === 2 && !is(1, "int")
      ) {
        refuse("an address and at most a length");
      }
      return STRING;
    case "ksym":
    case "usym":
      if (args.length !== 1 || !is(0, "pointer", "int")) refuse("an address");
      return STRING;
    case "length":
      if (args.length !== 1 || !is(0, "string", "stack", "array", "tuple")) {
        refuse("a string, an array or a stack");
      }
      return INT64;
    case "trunc":
    case "floor":
      if (args.length !== 1 || !is(0, "int", "float", "bool")) refuse("a number");
      return INT64;
    default:
      return UNKNOWN;
  }
}
