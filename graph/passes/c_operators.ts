/**
 * Pass: operators of C's arithmetic, as bpftrace has it: integers widen to 64 bits, comparisons and logic give a truth
 * value, pointers count in what they point at.
 *
 * @module
 */

import { bareType } from "../../image/ctype.ts";
import type { CType } from "../../image/model.ts";
import type { COperator, Ir } from "../ir.ts";
import type { BinaryOperator, Span } from "../nodes.ts";
import { BOOL, INT64, typeText, UINT64, type ValueType } from "../types.ts";
import { checkEquality, mismatch } from "./operators.ts";
import { at, failed, type Scope } from "./scope.ts";

/** A literal integer. A bigint is one that a number may not hold. */
export function cLiteral(value: number | bigint, span: Span | undefined, scope: Scope): Ir {
  if (typeof value === "number" && !Number.isInteger(value)) {
    scope.report("error", `${value} is no integer: C's arithmetic has no fractions`, { span });
    return failed(span);
  }
  const type = value > 0x7fff_ffff_ffff_ffffn ? UINT64 : INT64;
  const near = Number(value);
  return { op: "const", value: Number.isSafeInteger(near) ? near : BigInt(value), type, ...at(span) };
}

/** `left operator right`. */
export function cBinary(
  operator: BinaryOperator,
  left: Ir,
  right: Ir,
  signed: boolean | undefined,
  span: Span | undefined,
  scope: Scope,
): Ir {
  switch (operator) {
    case "&&":
    case "||": {
      const [l, r] = [cTruth(left, scope), cTruth(right, scope)];
      return { op: "binary", operator, left: l, right: r, type: BOOL, ...at(span) };
    }
    case "??":
    case ">>>":
      scope.report("error", `"${operator}" is no operator of C`, { span });
      return failed(span);
  }
  const [l, r] = [left.type.kind, right.type.kind];
  if (l === "unknown" || r === "unknown") return { ...failed(span) };
  const compares = isComparison(operator);
  if (l === "string" && r === "string" && (operator === "==" || operator === "!=")) {
    return { op: "binary", operator, left, right, type: BOOL, ...at(span) };
  }
  if (!isWord(left.type) || !isWord(right.type)) {
    if (operator === "==" || operator === "!=") {
      checkEquality(operator, left.type, right.type, span, scope);
      if (l === r) mismatch(operator, left.type, right.type, span, scope);
    } else mismatch(operator, left.type, right.type, span, scope);
    return failed(span);
  }
  if (!compares && (operator === "+" || operator === "-")) {
    const moved = pointerArithmetic(operator, left, right, span, scope);
    if (moved !== undefined) return moved;
  }
  // A shift's count has no say in what is shifted.
  const other = operator === "<<" || operator === ">>" ? left : right;
  const onSigned = signed ?? (operator === "-" || isSigned(left, other));
  return {
    op: "c",
    operator,
    signed: onSigned,
    left,
    right,
    type: compares ? BOOL : onSigned ? INT64 : UINT64,
    ...at(span),
  };
}

function isComparison(operator: COperator): boolean {
  return ["==", "!=", "<", "<=", ">", ">="].includes(operator);
}

/** True for what an operator takes as an integer. */
function isWord(type: ValueType): boolean {
  return type.kind === "int" || type.kind === "bool" || type.kind === "pointer" || type.kind === "never";
}

/** Whether an operator works on signed integers: unless both sides are unsigned. */
function isSigned(left: Ir, right: Ir): boolean {
  const [l, r] = [signOf(left), signOf(right)];
  return l === "signed" || r === "signed" || l === "either" && r === "either";
}

function signOf(ir: Ir): "signed" | "unsigned" | "either" {
  if (ir.op === "const" && ir.type.kind === "int") {
    if (!ir.type.signed) return "unsigned";
    return typeof ir.value === "number" && ir.value >= 0 ? "either" : "signed";
  }
  if (ir.type.kind === "bool" || ir.type.kind === "pointer") return "unsigned";
  return ir.type.kind === "int" && !ir.type.signed ? "unsigned" : "signed";
}

function pointerArithmetic(
  operator: "+" | "-",
  left: Ir,
  right: Ir,
  span: Span | undefined,
  scope: Scope,
): Ir | undefined {
  const [l, r] = [left.type, right.type];
  if (l.kind === "pointer" && r.kind === "pointer") {
    if (operator === "+") return undefined;
    const bytes: Ir = { op: "c", operator, signed: true, left, right, type: INT64, ...at(span) };
    const size: Ir = { op: "const", value: targetSize(l.to, scope), type: INT64 };
    return { op: "c", operator: "/", signed: true, left: bytes, right: size, type: INT64, ...at(span) };
  }
  const [pointer, index] = l.kind === "pointer" ? [left, right] : [right, left];
  if (pointer.type.kind !== "pointer" || operator === "-" && r.kind === "pointer") return undefined;
  const scale = targetSize(pointer.type.to, scope) * (operator === "-" ? -1 : 1);
  if (index.op === "const" && typeof index.value === "number") {
    const offset = index.value * scale;
    return {
      op: "address",
      address: pointer,
      offset,
      index: undefined,
      scale: 0,
      type: pointer.type,
      ...at(span),
    };
  }
  return { op: "address", address: pointer, offset: 0, index, scale, type: pointer.type, ...at(span) };
}

function targetSize(to: CType, scope: Scope): number {
  const bare = bareType(to);
  const sized = bare.kind !== "void" && bare.kind !== "fwd" && bare.kind !== "func_proto";
  return sized ? Math.max(1, scope.image.sizeOf(bare)) : 1;
}

/** `operator operand`. */
export function cUnary(
  operator: "!" | "-" | "~" | "+",
  operand: Ir,
  span: Span | undefined,
  scope: Scope,
): Ir {
  if (operand.type.kind === "unknown") return failed(span);
  if (operator === "!") {
    return { op: "unary", operator, operand: cTruth(operand, scope), type: BOOL, ...at(span) };
  }
  if (!isWord(operand.type) || operand.type.kind === "pointer") {
    scope.report("error", `"${operator}" does not take ${typeText(operand.type, scope.image)}`, { span });
    return failed(span);
  }
  if (operator === "+") return operand;
  const signed = operator === "-" || signOf(operand) !== "unsigned";
  const op = operator === "-" ? "cNegate" : "cInvert";
  return { op, signed, operand, type: signed ? INT64 : UINT64, ...at(span) };
}

/** A value as a truth value. */
export function cTruth(ir: Ir, scope: Scope): Ir {
  if (ir.type.kind === "bool" || ir.type.kind === "unknown") return ir;
  if (isWord(ir.type)) return { op: "truth", operand: ir, type: BOOL, ...at(ir.span) };
  scope.report("error", `A ${typeText(ir.type, scope.image)} is no truth value`, {
    span: ir.span,
    hint: ir.type.kind === "string" ? 'compare it: == ""' : "compare one of its parts",
  });
  return failed(ir.span);
}

/** A value as one of another integer type. */
export function convert(ir: Ir, type: ValueType): Ir {
  if (type.kind !== "int" || ir.type.kind !== "int" && ir.type.kind !== "bool" || ir.type === type) return ir;
  const { size, signed } = type;
  if (ir.op === "const" && typeof ir.value === "number" && size === 8 && ir.value >= 0) {
    return { ...ir, type };
  }
  return { op: "wrap", operand: ir, size, signed, what: "", exact: true, type, ...at(ir.span) };
}
