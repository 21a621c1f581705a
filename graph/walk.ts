/**
 * Walks over a graph's expressions.
 *
 * @module
 */

import type { Expr, ProbeGraph, ProbeNode, Step } from "./nodes.ts";
import { allExpressions, innerStatements, type StatementOf } from "./statements.ts";

/** The expressions directly inside one. */
export function exprChildren(expr: Expr): readonly Expr[] {
  switch (expr.op) {
    case "field":
    case "cast":
      return [expr.base];
    case "index":
      return [expr.base, expr.index];
    case "unary":
      return [expr.operand];
    case "binary":
      return [expr.left, expr.right];
    case "cond":
      return [expr.test, expr.then, expr.else];
    case "template":
      return expr.parts.filter((part) => typeof part !== "string");
    case "tuple":
      return expr.items;
    case "call":
      return expr.args;
    case "record":
      return expr.fields.map((field) => field.value);
    case "mapGet":
    case "mapHas":
      return expr.key;
    case "sizeof":
      return typeof expr.of === "string" ? [] : [expr.of];
    case "containerOf":
      return [expr.pointer];
    case "block":
      return expr.body.flatMap((statement) => allExpressions<Expr>(statement));
    default:
      return [];
  }
}

/** True if a test holds for an expression or one inside it. */
export function anyExpr(expr: Expr, test: (expr: Expr) => boolean): boolean {
  return test(expr) || exprChildren(expr).some((child) => anyExpr(child, test));
}

/** All expressions of a step, outermost ones only. */
export function stepExpressions(step: Step): readonly Expr[] {
  switch (step.op) {
    case "filter":
      return [step.test];
    case "limit":
    case "sample":
      return [];
    case "do":
      return step.body.flatMap((statement) => allExpressions<Expr>(statement));
    default:
      return allExpressions<Expr>(step);
  }
}

/** All statements of a probe, those inside others too; not those inside block expressions. */
export function statementsOf(node: ProbeNode): readonly StatementOf<Expr>[] {
  return node.steps.flatMap((step) => {
    switch (step.op) {
      case "do":
        return step.body.flatMap(withInner);
      case "filter":
      case "limit":
      case "sample":
        return [];
      default:
        return withInner(step);
    }
  });
}

function withInner(statement: StatementOf<Expr>): readonly StatementOf<Expr>[] {
  return [statement, ...innerStatements<Expr>(statement).flatMap((list) => list.flatMap(withInner))];
}

/** Whether a program reads values out of its maps. */
export function readsMaps(graph: ProbeGraph): boolean {
  const reads = (expr: Expr): boolean => expr.op === "mapGet" || expr.op === "block";
  return graph.probes.some((node) =>
    statementsOf(node).some((statement) => statement.op === "each") ||
    node.steps.some((step) => stepExpressions(step).some((expr) => anyExpr(expr, reads)))
  );
}
