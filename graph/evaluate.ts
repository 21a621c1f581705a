/**
 * JavaScript's operators on constants: what folding and the reference interpreter share.
 *
 * @module
 */

import type { BinaryOperator } from "./nodes.ts";

/** Values that an expression can have without running. */
export type Constant = string | number | boolean | bigint | null;

/** `left operator right` as JavaScript computes it, for the operators that evaluate both sides. */
export function applyBinary(operator: BinaryOperator, left: Constant, right: Constant): Constant {
  switch (operator) {
    case "==":
      return left === right;
    case "!=":
      return left !== right;
    case "&&":
      return left && right;
    case "||":
      return left || right;
    case "??":
      return left ?? right;
    case "+":
      if (typeof left === "string" || typeof right === "string") return `${String(left)}${String(right)}`;
      return numeric(left, right, (a, b) => a + b, (a, b) => a + b);
    default:
      return applyOrder(operator, left, right) ?? applyNumeric(operator, left, right);
  }
}

function applyOrder(operator: BinaryOperator, left: Constant, right: Constant): boolean | undefined {
  // Both strings compare as text, anything else as numbers, as JavaScript has it.
  const [l, r] = typeof left === "string" && typeof right === "string"
    ? [left, right]
    : [toNumeric(left), toNumeric(right)];
  switch (operator) {
    case "<":
      return l < r;
    case "<=":
      return l <= r;
    case ">":
      return l > r;
    case ">=":
      return l >= r;
    default:
      return undefined;
  }
}

function applyNumeric(operator: BinaryOperator, l: Constant, r: Constant): Constant {
  switch (operator) {
    case "-":
      return numeric(l, r, (a, b) => a - b, (a, b) => a - b);
    case "*":
      return numeric(l, r, (a, b) => a * b, (a, b) => a * b);
    case "/":
      return numeric(l, r, (a, b) => a / b, (a, b) => a / b);
    case "%":
      return numeric(l, r, (a, b) => a % b, (a, b) => a % b);
    case "&":
      return numeric(l, r, (a, b) => a & b, (a, b) => a & b);
    case "|":
      return numeric(l, r, (a, b) => a | b, (a, b) => a | b);
    case "^":
      return numeric(l, r, (a, b) => a ^ b, (a, b) => a ^ b);
    case "<<":
      return numeric(l, r, (a, b) => a << b, (a, b) => a << b);
    case ">>":
      return numeric(l, r, (a, b) => a >> b, (a, b) => a >> b);
    default:
      return Number(l) >>> Number(r);
  }
}

function toNumeric(value: Constant): number | bigint {
  return typeof value === "bigint" ? value : Number(value);
}

function numeric(
  l: Constant,
  r: Constant,
  onNumbers: (a: number, b: number) => number,
  onBigints: (a: bigint, b: bigint) => bigint,
): Constant {
  if (typeof l === "bigint" && typeof r === "bigint") return onBigints(l, r);
  return onNumbers(Number(l), Number(r));
}

/** `operator operand` as JavaScript computes it. */
export function applyUnary(operator: "!" | "-" | "~" | "+", operand: Constant): Constant {
  switch (operator) {
    case "!":
      return !operand;
    case "-":
      return typeof operand === "bigint" ? -operand : -Number(operand);
    case "~":
      return typeof operand === "bigint" ? ~operand : ~Number(operand);
    case "+":
      return Number(operand);
  }
}
