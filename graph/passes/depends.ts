/**
 * Whether the steps of a probe come out the same at each of its attach points: a glob over the whole kernel is then
 * resolved and compiled once.
 *
 * @module
 */

import type { Expr, Statement, Step } from "../nodes.ts";

/**
 * True where steps use what belongs to the attach point: typed arguments, the typed result, or argument words behind the
 * `registers` that every function can have.
 */
export function dependsOnPoint(steps: readonly Step[], registers: number): boolean {
  const depends = (expr: Expr): boolean => exprDepends(expr, registers);
  return steps.some((step) => {
    switch (step.op) {
      case "filter":
        return depends(step.test);
      case "aggregate":
        return step.key.some(depends) || step.value !== undefined && depends(step.value);
      case "print":
        return step.parts.some((part) => typeof part !== "string" && depends(part));
      case "printf":
        return step.args.some(depends);
      case "do":
        return step.body.some((statement) => statementDepends(statement, depends));
    }
  });
}

function statementDepends(statement: Statement, depends: (expr: Expr) => boolean): boolean {
  const inner = (below: Statement): boolean => statementDepends(below, depends);
  switch (statement.op) {
    case "expr":
    case "let":
      return depends(statement.value);
    case "print":
      return statement.parts.some((part) => typeof part !== "string" && depends(part));
    case "if":
      return depends(statement.test) || statement.then.some(inner) || statement.else.some(inner);
  }
}

function exprDepends(expr: Expr, registers: number): boolean {
  const depends = (inner: Expr): boolean => exprDepends(inner, registers);
  switch (expr.op) {
    case "arg":
      return true;
    case "argn":
      return expr.index >= registers;
    case "builtin":
      return expr.name === "retval";
    case "field":
    case "cast":
      return depends(expr.base);
    case "index":
      return depends(expr.base) || depends(expr.index);
    case "unary":
      return depends(expr.operand);
    case "binary":
      return depends(expr.left) || depends(expr.right);
    case "cond":
      return depends(expr.test) || depends(expr.then) || depends(expr.else);
    case "template":
      return expr.parts.some((part) => typeof part !== "string" && depends(part));
    case "tuple":
      return expr.items.some(depends);
    case "call":
      return expr.args.some(depends);
    default:
      return false;
  }
}
