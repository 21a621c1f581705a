/**
 * Assignments to locals, and which functions need statements for their value.
 *
 * @module
 */

import type { ESTree } from "meriyah";
import type { BinaryOperator, Expr, Statement } from "../../graph/nodes.ts";
import { type Capture, expression } from "./expressions.ts";
import { NotCaptured, type Scope } from "./scope.ts";

const COMPOUND: ReadonlySet<string> = new Set([
  "+",
  "-",
  "*",
  "/",
  "%",
  "&",
  "|",
  "^",
  "<<",
  ">>",
  ">>>",
  "&&",
  "||",
  "??",
]);

/** `x = …`, `x += …`, `x++` as a statement; undefined for what assigns nothing. Raises `NotCaptured`. */
export function assignment(node: ESTree.Node, scope: Scope, capture: Capture): Statement | undefined {
  const span = capture.span(node);
  if (node.type === "UpdateExpression") {
    const local = assigned(node.argument, scope, capture);
    const by: Expr = { op: "literal", value: 1, span };
    const value: Expr = {
      op: "binary",
      operator: node.operator === "++" ? "+" : "-",
      left: local,
      right: by,
      span,
    };
    return { op: "set", name: local.name, value, span };
  }
  if (node.type !== "AssignmentExpression") return undefined;
  const local = assigned(node.left, scope, capture);
  const right = expression(node.right, scope, capture);
  if (node.operator === "=") return { op: "set", name: local.name, value: right, span };
  const operator = node.operator.slice(0, -1);
  if (!COMPOUND.has(operator)) {
    throw new NotCaptured(`\`${node.operator}\` has no counterpart in a probe`, span);
  }
  return {
    op: "set",
    name: local.name,
    value: { op: "binary", operator: operator as BinaryOperator, left: local, right, span },
    span,
  };
}

function assigned(node: ESTree.Node, scope: Scope, capture: Capture): Extract<Expr, { op: "local" }> {
  const known = node.type === "Identifier" ? scope.find(node.name) : undefined;
  if (known?.is === "expr" && known.expr.op === "local") return { op: "local", name: known.expr.name };
  throw new NotCaptured("only the function's own variables can be assigned", capture.span(node));
}

/** True where a function loops: it is then captured statement by statement. */
export function hasLoop(node: ESTree.Node): boolean {
  return some(node, (inner) => LOOPS.has(inner.type));
}

/** True where a value cannot be written as one expression: it loops, assigns, or asks for chance. */
export function needsStatements(node: ESTree.Node): boolean {
  return some(
    node,
    (inner) =>
      LOOPS.has(inner.type) || inner.type === "AssignmentExpression" || inner.type === "UpdateExpression" ||
      inner.type === "Identifier" && inner.name === "rand",
  );
}

const LOOPS: ReadonlySet<string> = new Set([
  "ForStatement",
  "ForOfStatement",
  "ForInStatement",
  "WhileStatement",
  "DoWhileStatement",
]);

function some(node: ESTree.Node, test: (node: ESTree.Node) => boolean): boolean {
  if (test(node)) return true;
  return Object.values(node).some((value: unknown) =>
    Array.isArray(value)
      ? value.some((item: unknown) => isNode(item) && some(item, test))
      : isNode(value) && some(value, test)
  );
}

function isNode(value: unknown): value is ESTree.Node {
  return typeof value === "object" && value !== null && "type" in value && typeof value.type === "string";
}
