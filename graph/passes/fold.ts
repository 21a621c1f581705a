/**
 * Pass: computes what is constant, so that a hit need not.
 *
 * @module
 */

import { applyBinary, applyUnary, type Constant } from "../evaluate.ts";
import { cBinaryValue, cUnaryValue, wrapValue } from "../codegen/c_integers.ts";
import type { Ir, IrStatement, IrStep } from "../ir.ts";
import { changeStatement } from "../statements.ts";
import type { Report } from "../diagnostic.ts";
import { BIGINT, BOOL, FLOAT, INT64, NULL, STRING, type ValueType } from "../types.ts";

/** Folds the steps of a probe. A filter that is always true goes; one that is always false is reported. */
export function foldSteps(steps: readonly IrStep[], report: Report): readonly IrStep[] {
  return steps.flatMap((step): readonly IrStep[] => {
    switch (step.op) {
      case "filter": {
        const test = fold(step.test);
        if (test.op === "const" && test.type.kind !== "unknown") {
          if (test.value) return [];
          report("warning", "This filter is always false, so nothing after it runs", {
            span: step.test.span,
          });
        }
        return [{ op: "filter", test }];
      }
      case "limit":
      case "sample":
        return [step];
      case "do":
        return [{ op: "do", body: foldBody(step.body) }];
      default:
        return [foldStatement(step)];
    }
  });
}

function foldBody(body: readonly IrStatement[]): readonly IrStatement[] {
  return body.map(foldStatement);
}

// A branch stays an `if`, since its names are its own.
function foldStatement(statement: IrStatement): IrStatement {
  return changeStatement<Ir, Ir>(statement, { expr: fold, body: foldBody });
}

/** Folds one expression, from the leaves up. */
export function fold(ir: Ir): Ir {
  switch (ir.op) {
    case "unary": {
      const operand = fold(ir.operand);
      const value = known(operand);
      return value === undefined || typeof value === "bigint" && ir.operator === "+"
        ? { ...ir, operand }
        : constant(applyUnary(ir.operator, value), ir);
    }
    case "binary":
      return foldBinary(ir, fold(ir.left), fold(ir.right));
    case "cond": {
      const test = fold(ir.test);
      const value = known(test);
      if (value === undefined) return { ...ir, test, then: fold(ir.then), else: fold(ir.else) };
      return fold(value ? ir.then : ir.else);
    }
    case "template":
      return foldTemplate(ir);
    case "tuple":
      return { ...ir, items: ir.items.map(fold) };
    case "call":
      return { ...ir, args: ir.args.map(fold) };
    case "load":
    case "bits":
      return { ...ir, ...place(fold(ir.address), ir.offset) };
    case "str":
      return { ...ir, ...place(fold(ir.address), ir.offset), max: fold(ir.max) };
    case "address":
      return foldAddress(ir);
    case "record":
      return ir.index === undefined ? ir : { ...ir, index: fold(ir.index) };
    case "truth": {
      const operand = fold(ir.operand);
      const value = known(operand);
      return typeof value === "number" || typeof value === "bigint"
        ? { ...constant(Number(value) !== 0, ir), type: BOOL }
        : { ...ir, operand };
    }
    case "wrap": {
      const operand = fold(ir.operand);
      const value = known(operand);
      return ir.exact === true && (typeof value === "number" || typeof value === "bigint")
        ? { ...constant(wrapValue(value, ir.size, ir.signed), ir), type: ir.type }
        : { ...ir, operand };
    }
    case "slice":
    case "exact":
    case "near":
      return { ...ir, operand: fold(ir.operand) };
    case "c": {
      const [left, right] = [fold(ir.left), fold(ir.right)];
      const [l, r] = [integer(left), integer(right)];
      if (l === undefined || r === undefined) return { ...ir, left, right };
      return { ...constant(cBinaryValue(ir.operator, ir.signed, l, r), ir), type: ir.type };
    }
    case "cNegate":
    case "cInvert": {
      const operand = fold(ir.operand);
      const value = integer(operand);
      if (value === undefined) return { ...ir, operand };
      return { ...constant(cUnaryValue(ir.op, ir.signed, value), ir), type: ir.type };
    }
    case "fields":
      return { ...ir, fields: ir.fields.map(({ name, value }) => ({ name, value: fold(value) })) };
    case "item":
      return foldItem(ir, fold(ir.base));
    case "mapGet":
    case "mapHas":
      return { ...ir, key: ir.key.map(fold) };
    case "block":
      return { ...ir, body: foldBody(ir.body) };
    case "charAt":
      return { ...ir, base: fold(ir.base), index: fold(ir.index) };
    default:
      return ir;
  }
}

/** A part of a tuple or record that is written out, if the other parts need not run. */
function foldItem(ir: Ir & { readonly op: "item" }, base: Ir): Ir {
  const parts = base.op === "tuple"
    ? base.items
    : base.op === "fields"
    ? base.fields.map((field) => field.value)
    : [];
  const part = parts[ir.index];
  const idle = parts.every((other, i) => i === ir.index || other.op === "const" || other.op === "local");
  return part !== undefined && idle ? part : { ...ir, base };
}

/** The value of a constant integer or truth value. */
function integer(ir: Ir): number | bigint | undefined {
  const value = known(ir);
  if (typeof value === "boolean") return value ? 1 : 0;
  return typeof value === "number" || typeof value === "bigint" ? value : undefined;
}

/** The value of a constant; undefined for what is none, or stands for an error. */
function known(ir: Ir): Constant | undefined {
  return ir.op === "const" && ir.type.kind !== "unknown" ? ir.value : undefined;
}

function constant(value: Constant, from: Ir): Ir {
  return { op: "const", value, type: typeOf(value), ...(from.span === undefined ? {} : { span: from.span }) };
}

function typeOf(value: Constant): ValueType {
  switch (typeof value) {
    case "string":
      return STRING;
    case "number":
      return Number.isInteger(value) ? INT64 : FLOAT;
    case "boolean":
      return BOOL;
    case "bigint":
      return BIGINT;
    default:
      return NULL;
  }
}

function foldBinary(ir: Ir & { readonly op: "binary" }, left: Ir, right: Ir): Ir {
  const l = known(left);
  const r = known(right);
  if (l !== undefined && isShortCircuit(ir.operator)) {
    if (ir.operator === "&&") return l ? right : left;
    if (ir.operator === "||") return l ? left : right;
    return l === null ? right : left;
  }
  const unfolded: Ir = { ...ir, left, right };
  if (l === undefined || r === undefined || mixed(l, r)) return unfolded;
  // A bigint division by zero throws: that is for the hit to do.
  if (r === 0n && (ir.operator === "/" || ir.operator === "%")) return unfolded;
  return constant(applyBinary(ir.operator, l, r), ir);
}

function isShortCircuit(operator: string): boolean {
  return operator === "&&" || operator === "||" || operator === "??";
}

function mixed(l: Constant, r: Constant): boolean {
  return (typeof l === "bigint") !== (typeof r === "bigint");
}

function foldTemplate(ir: Ir & { readonly op: "template" }): Ir {
  const parts: (string | Ir)[] = [];
  for (const part of ir.parts) {
    const folded = typeof part === "string" ? part : fold(part);
    const value = typeof folded === "string" ? folded : known(folded);
    const last = parts[parts.length - 1];
    if (value === undefined) parts.push(folded);
    else if (typeof last === "string") parts[parts.length - 1] = last + String(value);
    else parts.push(String(value));
  }
  if (parts.length === 0) return constant("", ir);
  const [only] = parts;
  return parts.length === 1 && typeof only === "string" ? constant(only, ir) : { ...ir, parts };
}

/** Where a read goes: a constant offset inside the address moves into the read's own. */
function place(address: Ir, offset: number): { readonly address: Ir; readonly offset: number } {
  if (address.op !== "address" || address.index !== undefined) return { address, offset };
  return { address: address.address, offset: address.offset + offset };
}

/** Offsets of nested structs add up. */
function foldAddress(ir: Ir & { readonly op: "address" }): Ir {
  const address = fold(ir.address);
  const index = ir.index === undefined ? undefined : fold(ir.index);
  const at = index === undefined ? undefined : known(index);
  if (typeof at === "number") {
    return foldAddress({ ...ir, address, index: undefined, offset: ir.offset + at * ir.scale });
  }
  // An element of an array inside a struct: the inner offset is a constant too.
  const inner = address.op === "address" && (index === undefined || address.index === undefined)
    ? address
    : undefined;
  if (inner === undefined) return { ...ir, address, index };
  const [by, scale] = index === undefined ? [inner.index, inner.scale] : [index, ir.scale];
  return { ...ir, address: inner.address, offset: inner.offset + ir.offset, index: by, scale };
}
