/**
 * Evaluates the expressions of a `print fmt` over a record.
 *
 * @module
 */

import type { Arch, TracepointField } from "../../../image/model.ts";
import type { BytesReader } from "./bytes_reader.ts";
import type { CExpr } from "./c_expr.ts";

/** Bytes of the record that an expression points at. */
export interface RecordBytes {
  readonly start: number;
  readonly length: number;
  /** Bytes of an element. */
  readonly element: number;
  readonly signed: boolean;
}

/** A value: an integer of any sign, a text, or a part of the record. */
export type CValue = bigint | string | RecordBytes;

/** What evaluating needs to know. */
export interface CContext {
  readonly fields: ReadonlyMap<string, TracepointField>;
  readonly record: BytesReader;
  readonly arch: Arch;
  /** Value of an enumerator, or of a variable of the kernel. */
  named(name: string): number | undefined;
  /** Bytes of a structure. */
  structSize(name: string): number | undefined;
}

/** Something in the expression is known to the kernel's source alone. */
export class UnknownExpression extends Error {}

/** The value of an expression. Throws `UnknownExpression`. */
export function evaluate(expr: CExpr, context: CContext): CValue {
  switch (expr.kind) {
    case "number":
      return expr.value;
    case "string":
      return expr.text;
    case "name": {
      const value = context.named(expr.name);
      if (value === undefined) throw new UnknownExpression(expr.name);
      return BigInt(value);
    }
    case "field":
      return fieldValue(expr.name, context);
    case "index":
      return element(evaluate(expr.of, context), Number(integer(expr.index, context)), context);
    case "unary":
      return unary(expr.op, expr.of, context);
    case "binary":
      return binary(expr.op, expr.left, expr.right, context);
    case "choice":
      return evaluate(truth(expr.test, context) ? expr.yes : expr.no, context);
    case "cast":
      return cast(expr.type, evaluate(expr.of, context), context);
    case "sizeof":
      return BigInt(sizeOfType(expr.type, context.arch) ?? 0);
    case "call":
      return call(expr.name, expr.args, context);
    case "list":
      throw new UnknownExpression("{");
  }
}

/** An expression's value as an integer. */
export function integer(expr: CExpr, context: CContext): bigint {
  const value = evaluate(expr, context);
  if (typeof value !== "bigint") throw new UnknownExpression(expr.kind);
  return value;
}

function truth(expr: CExpr, context: CContext): boolean {
  const value = evaluate(expr, context);
  return typeof value !== "bigint" || value !== 0n;
}

function fieldValue(name: string, context: CContext): CValue {
  const field = context.fields.get(name);
  if (field === undefined) throw new UnknownExpression(name);
  const { type, offset, size, signed } = field;
  const array = /^(.*)\[(\d*)\]$/.exec(type);
  if (array !== null && !type.startsWith("__")) {
    const elementType = array[1] ?? "";
    if (/\bchar\b/.test(elementType) && !/unsigned|signed/.test(elementType)) {
      return context.record.str(offset, size, false);
    }
    const count = Number(array[2]) || 1;
    return { start: offset, length: size, element: Math.max(1, size / count), signed };
  }
  if (size !== 1 && size !== 2 && size !== 4 && size !== 8) {
    return { start: offset, length: size, element: 1, signed: false };
  }
  return context.record.loadBig(offset, size, signed);
}

function element(value: CValue, index: number, context: CContext): CValue {
  if (typeof value === "string") return BigInt(value.codePointAt(index) ?? 0);
  if (typeof value === "bigint") throw new UnknownExpression("[]");
  const { start, element: size, signed } = value;
  return context.record.loadBig(start + index * size, size, signed);
}

function unary(op: string, of: CExpr, context: CContext): CValue {
  if (op === "!") return truth(of, context) ? 0n : 1n;
  const value = evaluate(of, context);
  if (op === "*") return element(value, 0, context);
  if (op === "&" && typeof value !== "bigint") return value;
  if (typeof value !== "bigint") throw new UnknownExpression(op);
  if (op === "~") return ~value;
  if (op === "-") return -value;
  if (op === "+") return value;
  throw new UnknownExpression(op);
}

function binary(op: string, leftExpr: CExpr, rightExpr: CExpr, context: CContext): CValue {
  if (op === "&&") return truth(leftExpr, context) && truth(rightExpr, context) ? 1n : 0n;
  if (op === "||") return truth(leftExpr, context) || truth(rightExpr, context) ? 1n : 0n;
  const left = integer(leftExpr, context);
  const right = integer(rightExpr, context) *
    (op === "+" || op === "-" ? pointeeSize(leftExpr, context) : 1n);
  const flag = (test: boolean): bigint => test ? 1n : 0n;
  switch (op) {
    case "|":
      return left | right;
    case "^":
      return left ^ right;
    case "&":
      return left & right;
    case "==":
      return flag(left === right);
    case "!=":
      return flag(left !== right);
    case "<":
      return flag(left < right);
    case ">":
      return flag(left > right);
    case "<=":
      return flag(left <= right);
    case ">=":
      return flag(left >= right);
    case "<<":
      return left << (right & 63n);
    case ">>":
      return left >> (right & 63n);
    case "+":
      return left + right;
    case "-":
      return left - right;
    case "*":
      return left * right;
    case "/":
      return right === 0n ? 0n : left / right;
    default:
      return right === 0n ? 0n : left % right;
  }
}

/** What pointer arithmetic counts in: bytes of the structure that an expression points at, else 1. */
function pointeeSize(expr: CExpr, context: CContext): bigint {
  const name = expr.kind === "cast" ? /^struct (\w+) \*$/.exec(expr.type)?.[1] : undefined;
  return BigInt((name === undefined ? undefined : context.structSize(name)) ?? 1);
}

function cast(type: string, value: CValue, context: CContext): CValue {
  if (typeof value === "string") return value;
  if (type.endsWith("*")) {
    if (typeof value === "bigint") return value;
    const size = sizeOfType(type.replace(/\s*\*$/, ""), context.arch) ?? value.element;
    return { ...value, element: size, signed: /^(?:int|long|short|s\d+)/.test(type) };
  }
  if (typeof value !== "bigint") return value;
  const size = sizeOfType(type, context.arch);
  if (size === undefined) return value;
  return isUnsigned(type) ? BigInt.asUintN(size * 8, value) : BigInt.asIntN(size * 8, value);
}

function isUnsigned(type: string): boolean {
  return /unsigned|\bu\d+\b|__u\d+|__[bl]e\d+|uint|size_t(?<!ssize_t)|dev_t|sector_t|gfp_t|ino_t|umode_t|bool|addr_t/
    .test(type);
}

/** Bytes of a type by its name; undefined for one that isn't known. */
function sizeOfType(type: string, arch: Arch): number | undefined {
  const word = arch === "i386" ? 4 : 8;
  if (type.endsWith("*")) return word;
  const bits = /(?:^|\b|_)(?:u|s|le|be|int|uint)(8|16|32|64)(?:_t)?$/.exec(type)?.[1];
  if (bits !== undefined) return Number(bits) / 8;
  const plain = type.replace(/\b(?:const|volatile|signed|unsigned)\b/g, "").trim();
  const sizes: ReadonlyMap<string, number> = new Map(Object.entries<number>({
    char: 1,
    bool: 1,
    short: 2,
    "short int": 2,
    umode_t: 2,
    int: 4,
    "": 4,
    dev_t: 4,
    pid_t: 4,
    gfp_t: 4,
    fmode_t: 4,
    long: word,
    "long int": word,
    size_t: word,
    ssize_t: word,
    ino_t: word,
    pgoff_t: word,
    uintptr_t: word,
    "long long": 8,
    "long long int": 8,
    loff_t: 8,
    sector_t: 8,
    phys_addr_t: 8,
    dma_addr_t: 8,
    resource_size_t: 8,
  }));
  return sizes.get(plain);
}

/** The tracing helpers. */
function call(name: string, args: readonly CExpr[], context: CContext): CValue {
  switch (name) {
    case "__get_str":
    case "__get_rel_str":
      return context.record.str(dynamicField(args[0], context).offset, 4, true);
    case "__get_dynamic_array":
    case "__get_bitmask": {
      const field = dynamicField(args[0], context);
      const { start, length } = context.record.place(field.offset);
      const inner = /__(?:data|rel)_loc\s+(.*)\[\]$/.exec(field.type)?.[1] ?? "u8";
      return { start, length, element: sizeOfType(inner, context.arch) ?? 1, signed: !isUnsigned(inner) };
    }
    case "__get_dynamic_array_len":
      return BigInt(context.record.place(dynamicField(args[0], context).offset).length);
    case "__print_symbolic":
    case "__print_symbolic_u64":
      return symbolic(args, context);
    case "__print_flags":
    case "__print_flags_u64":
      return flags(args, context);
    case "__print_hex":
    case "__print_hex_str":
      return hex(args, context, name === "__print_hex" ? " " : "");
    case "__print_array":
      return array(args, context);
    case "__builtin_constant_p":
      return 0n;
    case "__builtin_expect":
      return args[0] === undefined ? 0n : evaluate(args[0], context);
    default:
      // Page table entries are numbers in a structure.
      if (/^(?:native_make_)?p(?:te|md|ud|4d|gd)(?:_val)?$/.test(name) && args[0] !== undefined) {
        return evaluate(args[0], context);
      }
      throw new UnknownExpression(name);
  }
}

function dynamicField(arg: CExpr | undefined, context: CContext): TracepointField {
  const name = arg?.kind === "name" ? arg.name : "";
  const field = context.fields.get(name);
  if (field === undefined) throw new UnknownExpression(name);
  return field;
}

/** `{ value, "name" }` pairs. */
function* pairs(args: readonly CExpr[], context: CContext): Generator<readonly [bigint, string], void, void> {
  for (const arg of args) {
    if (arg.kind !== "list") continue;
    const [value, name] = arg.items;
    if (value === undefined || name === undefined || name.kind !== "string") continue;
    yield [BigInt.asUintN(64, integer(value, context)), name.text];
  }
}

function symbolic(args: readonly CExpr[], context: CContext): string {
  const [first, ...rest] = args;
  if (first === undefined) throw new UnknownExpression("__print_symbolic");
  const value = BigInt.asUintN(64, integer(first, context));
  for (const [candidate, name] of pairs(rest, context)) if (candidate === value) return name;
  return `0x${value.toString(16)}`;
}

function flags(args: readonly CExpr[], context: CContext): string {
  const [first, delimiter, ...rest] = args;
  if (first === undefined || delimiter === undefined) throw new UnknownExpression("__print_flags");
  let left = BigInt.asUintN(64, integer(first, context));
  const between = evaluate(delimiter, context);
  const names: string[] = [];
  for (const [mask, name] of pairs(rest, context)) {
    if (left === 0n) break;
    if ((left & mask) !== mask) continue;
    names.push(name);
    left &= ~mask;
  }
  if (left !== 0n) names.push(`0x${left.toString(16)}`);
  return names.join(typeof between === "string" ? between : "|");
}

function hex(args: readonly CExpr[], context: CContext, between: string): string {
  const [data, length] = args;
  if (data === undefined || length === undefined) throw new UnknownExpression("__print_hex");
  const value = evaluate(data, context);
  if (typeof value !== "object") throw new UnknownExpression("__print_hex");
  const bytes = context.record.bytes.subarray(value.start, value.start + Number(integer(length, context)));
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join(between);
}

function array(args: readonly CExpr[], context: CContext): string {
  const [data, count, size] = args;
  if (data === undefined || count === undefined || size === undefined) {
    throw new UnknownExpression("__print_array");
  }
  const value = evaluate(data, context);
  if (typeof value !== "object") throw new UnknownExpression("__print_array");
  const bytes = Number(integer(size, context));
  const items: string[] = [];
  for (let i = 0; i < Number(integer(count, context)); i++) {
    items.push(`0x${context.record.loadBig(value.start + i * bytes, bytes, false).toString(16)}`);
  }
  return `{${items.join(",")}}`;
}
