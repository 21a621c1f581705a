/**
 * Whether the steps of a probe come out the same at each of its attach points: a glob over the whole kernel is then
 * resolved and compiled once.
 *
 * @module
 */

import type { Expr, Statement, Step } from "../nodes.ts";
import { allExpressions } from "../statements.ts";

/**
 * True where steps use what belongs to the attach point: typed arguments, the typed result, or argument words behind the
 * `registers` that every function can have.
 */
export function dependsOnPoint(steps: readonly Step[], registers: number): boolean {
  const depends = (expr: Expr): boolean => exprDepends(expr, registers);
  const inStatement = (statement: Statement): boolean => allExpressions<Expr>(statement).some(depends);
  return steps.some((step) => {
    switch (step.op) {
      case "filter":
        return depends(step.test);
      case "limit":
      case "sample":
        return false;
      case "do":
        return step.body.some(inStatement);
      default:
        return inStatement(step);
    }
  });
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
    case "entry":
      return true;
    case "record":
      return expr.fields.some((field) => depends(field.value));
    case "mapGet":
    case "mapHas":
      return expr.key.some(depends);
    case "sizeof":
      return typeof expr.of !== "string" && depends(expr.of);
    case "containerOf":
      return depends(expr.pointer);
    case "block":
      return expr.body.some((statement) => allExpressions<Expr>(statement).some(depends));
    default:
      return false;
  }
}
