/**
 * From a function's statements to one expression (filters, keys, values) or to the graph's statements (handlers).
 *
 * @module
 */

import type { ESTree } from "meriyah";
import type { Expr, Statement } from "../../graph/nodes.ts";
import { calledPrint } from "./calls.ts";
import { type Capture, expression, meaningOf, named, outcome } from "./expressions.ts";
import { anyExpr } from "../../graph/walk.ts";
import { assignment, hasLoop, needsStatements } from "./assignments.ts";
import { type Direct, directStatements } from "./loops.ts";
import { bindPattern } from "./patterns.ts";
import { NotCaptured, type Scope } from "./scope.ts";
import { stateCall, writeState } from "./state_calls.ts";

/** The value of a function with a body: an expression where it only decides, a block where it loops or assigns. */
export function functionValue(body: ESTree.BlockStatement, scope: Scope, capture: Capture): Expr {
  if (!needsStatements(body)) return valueOfBlock(body.body, scope, capture);
  const direct: Direct = { value: true, names: new LocalNames(), scope, capture };
  return { op: "block", body: directStatements(body.body, direct), span: capture.span(body) };
}

/** The statements of a handler with a body. */
export function handlerBody(body: ESTree.BlockStatement, scope: Scope, capture: Capture): Statement[] {
  const names = new LocalNames();
  if (!hasLoop(body)) return statements(body.body, scope, capture, names);
  return directStatements(body.body, { value: false, names, scope, capture });
}

/** What runs after a list of statements has ended without `return`. */
interface Next {
  readonly list: readonly ESTree.Node[];
  readonly scope: Scope;
  readonly next: Next | undefined;
}

/** The value that a list of statements returns: locals inlined, `if` and early `return` as conditions. */
export function valueOfBlock(
  list: readonly ESTree.Node[],
  scope: Scope,
  capture: Capture,
  next?: Next,
): Expr {
  const [node, ...rest] = list;
  if (node === undefined) {
    if (next === undefined) return { op: "literal", value: null };
    return valueOfBlock(next.list, next.scope, capture, next.next);
  }
  capture.spend(node);
  switch (node.type) {
    case "VariableDeclaration":
      for (const { id, init } of node.declarations) {
        bindPattern(id, init === null ? NOTHING : meaningOf(init, scope, capture), scope, capture);
      }
      return valueOfBlock(rest, scope, capture, next);
    case "ReturnStatement":
      return node.argument === null ? { op: "literal", value: null } : outcome(node.argument, scope, capture);
    case "IfStatement": {
      const after: Next = { list: rest, scope, next };
      return {
        op: "cond",
        test: expression(node.test, scope, capture),
        then: valueOfBlock([node.consequent], scope.inner(), capture, after),
        else: valueOfBlock(node.alternate === null ? [] : [node.alternate], scope.inner(), capture, after),
        span: capture.span(node),
      };
    }
    case "BlockStatement":
      return valueOfBlock(node.body, scope.inner(), capture, { list: rest, scope, next });
    case "EmptyStatement":
      return valueOfBlock(rest, scope, capture, next);
    case "ExpressionStatement":
      if (calledPrint(node.expression, scope, capture) !== undefined) {
        throw new NotCaptured("`print` belongs into a .do handler", capture.span(node));
      }
      expression(node.expression, scope, capture);
      return valueOfBlock(rest, scope, capture, next);
    default:
      throw new NotCaptured(`${named(node.type)} cannot run inside a probe`, capture.span(node));
  }
}

const NOTHING = { is: "expr", expr: { op: "literal", value: null } } as const;

/** Gives every `let` of a handler a name of its own, so that the graph needs no block scopes. */
export class LocalNames {
  readonly #used = new Map<string, number>();

  unique(name: string): string {
    const count = (this.#used.get(name) ?? 0) + 1;
    this.#used.set(name, count);
    return count === 1 ? name : this.unique(`${name}_${count}`);
  }
}

/** A handler's statements. An early `return` puts what follows into the other branch. */
export function statements(
  list: readonly ESTree.Node[],
  scope: Scope,
  capture: Capture,
  names: LocalNames,
  next?: Next,
): Statement[] {
  const [node, ...rest] = list;
  if (node === undefined) {
    return next === undefined ? [] : statements(next.list, next.scope, capture, names, next.next);
  }
  capture.spend(node);
  switch (node.type) {
    case "VariableDeclaration":
      return [...declare(node, scope, capture, names), ...statements(rest, scope, capture, names, next)];
    case "ReturnStatement":
      return node.argument === null ? [] : effect(node.argument, scope, capture);
    case "IfStatement": {
      const test = expression(node.test, scope, capture);
      const alternate = node.alternate === null ? [] : [node.alternate];
      if (!returns(node)) {
        const then = statements([node.consequent], scope.inner(), capture, names);
        const other = statements(alternate, scope.inner(), capture, names);
        return [
          { op: "if", test, then, else: other },
          ...statements(rest, scope, capture, names, next),
        ];
      }
      const after: Next = { list: rest, scope, next };
      const then = statements([node.consequent], scope.inner(), capture, names, after);
      return [{ op: "if", test, then, else: statements(alternate, scope.inner(), capture, names, after) }];
    }
    case "BlockStatement":
      return statements(node.body, scope.inner(), capture, names, { list: rest, scope, next });
    case "EmptyStatement":
      return statements(rest, scope, capture, names, next);
    case "ExpressionStatement":
      return [...effect(node.expression, scope, capture), ...statements(rest, scope, capture, names, next)];
    default:
      throw new NotCaptured(`${named(node.type)} cannot run inside a probe`, capture.span(node));
  }
}

/** What may be another value later in the same hit. */
function isPassing(expr: Expr): boolean {
  return expr.op === "local" || expr.op === "mapGet" || expr.op === "mapHas" || expr.op === "mapLen" ||
    expr.op === "block" || expr.op === "builtin" && expr.name === "rand";
}

/** The declarations of locals. */
export function declare(
  node: ESTree.VariableDeclaration,
  scope: Scope,
  capture: Capture,
  names: LocalNames,
): Statement[] {
  const made: Statement[] = [];
  for (const { id, init } of node.declarations) {
    const meaning = init === null ? NOTHING : meaningOf(init, scope, capture);
    if (meaning.is === "expr" && id.type !== "Identifier" && anyExpr(meaning.expr, isPassing)) {
      // Taken apart as it is now: what it is made of may change.
      const whole = names.unique("parts");
      made.push({ op: "let", name: whole, value: meaning.expr });
      bindPattern(id, { is: "expr", expr: { op: "local", name: whole } }, scope, capture);
      continue;
    }
    if (id.type !== "Identifier" || meaning.is !== "expr") {
      bindPattern(id, meaning, scope, capture);
      continue;
    }
    const name = names.unique(id.name);
    scope.bind(id.name, { is: "expr", expr: { op: "local", name } });
    made.push({ op: "let", name, value: meaning.expr });
  }
  return made;
}

/** An expression for its effect: `print(…)`, `test && print(…)`, `test ? print(…) : print(…)`. */
export function effect(node: ESTree.Node, scope: Scope, capture: Capture): Statement[] {
  const printed = calledPrint(node, scope, capture);
  if (printed !== undefined) return [{ op: "print", parts: printParts(printed, scope, capture) }];
  const left = calledPrint(node, scope, capture, "exit");
  if (left !== undefined) {
    const [code] = left;
    return [{ op: "exit", code: code === undefined ? undefined : expression(code, scope, capture) }];
  }
  const state = stateCall(node, scope, capture);
  if (state !== undefined) {
    const written = writeState(state, capture.span(node));
    if (written !== undefined) return [written];
  }
  const assigned = assignment(node, scope, capture);
  if (assigned !== undefined) return [assigned];
  if (node.type === "LogicalExpression" && node.operator !== "??") {
    const test = expression(node.left, scope, capture);
    const then = effect(node.right, scope, capture);
    return [
      node.operator === "&&" ? { op: "if", test, then, else: [] } : { op: "if", test, then: [], else: then },
    ];
  }
  if (node.type === "ConditionalExpression") {
    const test = expression(node.test, scope, capture);
    const then = effect(node.consequent, scope, capture);
    return [{ op: "if", test, then, else: effect(node.alternate, scope, capture) }];
  }
  return [{ op: "expr", value: expression(node, scope, capture) }];
}

function printParts(nodes: readonly ESTree.Node[], scope: Scope, capture: Capture): (string | Expr)[] {
  return nodes.map((node) => textPart(outcome(node, scope, capture)));
}

/** One argument of a print: text where it is known already, else the expression. */
export function textPart(expr: Expr): string | Expr {
  return expr.op === "literal" && typeof expr.value === "string" ? expr.value : expr;
}

/** True if a `return` stands somewhere in the branches of an `if`. */
function returns(node: ESTree.Node | null): boolean {
  switch (node?.type) {
    case "ReturnStatement":
      return true;
    case "BlockStatement":
      return node.body.some(returns);
    case "IfStatement":
      return returns(node.consequent) || returns(node.alternate);
    default:
      return false;
  }
}
