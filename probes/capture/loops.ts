/**
 * Functions with loops: each statement becomes one of the graph's.
 *
 * @module
 */

import type { ESTree } from "meriyah";
import type { Expr, Statement } from "../../graph/nodes.ts";
import { StateMap } from "../state.ts";
import { type Capture, expression, named, outcome, propertyName } from "./expressions.ts";
import { bindPattern } from "./patterns.ts";
import { NotCaptured, type Scope } from "./scope.ts";
import { stateOf } from "./state_calls.ts";
import { assignment } from "./assignments.ts";
import { declare, effect, type LocalNames } from "./statements.ts";

/** What statements are captured with. */
export interface Direct {
  /** The function is called for its value: it returns one, and has no other effect. */
  readonly value: boolean;
  readonly names: LocalNames;
  readonly scope: Scope;
  readonly capture: Capture;
}

/** Statements one by one. Raises `NotCaptured`. */
export function directStatements(list: readonly ESTree.Node[], direct: Direct): Statement[] {
  return list.flatMap((node) => one(node, direct));
}

function block(node: ESTree.Node | null, direct: Direct): Statement[] {
  if (node === null) return [];
  const inner = { ...direct, scope: direct.scope.inner() };
  return directStatements(node.type === "BlockStatement" ? node.body : [node], inner);
}

function one(node: ESTree.Node, direct: Direct): Statement[] {
  const { scope, capture, names, value } = direct;
  const span = capture.span(node);
  capture.spend(node);
  switch (node.type) {
    case "VariableDeclaration":
      return declare(node, scope, capture, names);
    case "ReturnStatement": {
      if (value) {
        const result: Expr = node.argument === null
          ? { op: "literal", value: null, span }
          : outcome(node.argument, scope, capture);
        return [{ op: "return", value: result, span }];
      }
      const effects = node.argument === null ? [] : effect(node.argument, scope, capture);
      return [...effects, { op: "return", value: undefined, span }];
    }
    case "IfStatement":
      return [{
        op: "if",
        test: expression(node.test, scope, capture),
        then: block(node.consequent, direct),
        else: block(node.alternate, direct),
        span,
      }];
    case "BlockStatement":
      return block(node, direct);
    case "EmptyStatement":
      return [];
    case "ExpressionStatement":
      return effects(node.expression, direct);
    case "BreakStatement":
    case "ContinueStatement":
      if (node.label !== null) throw new NotCaptured("a label has no counterpart in a probe", span);
      return [{ op: node.type === "BreakStatement" ? "break" : "continue", span }];
    case "WhileStatement":
      return [{
        op: "while",
        test: expression(node.test, scope, capture),
        update: [],
        body: block(node.body, direct),
        span,
      }];
    case "ForStatement":
      return forLoop(node, direct);
    case "ForOfStatement":
      return [forOf(node, direct)];
    default:
      throw new NotCaptured(`${named(node.type)} cannot run inside a probe`, span);
  }
}

/** An expression statement: what a value function does may only be assigning its own variables. */
function effects(node: ESTree.Node, direct: Direct): Statement[] {
  const { scope, capture, value } = direct;
  if (node.type === "SequenceExpression") return node.expressions.flatMap((part) => effects(part, direct));
  if (!value) return effect(node, scope, capture);
  const assigned = assignment(node, scope, capture);
  return [assigned ?? { op: "expr", value: expression(node, scope, capture) }];
}

function forLoop(node: ESTree.ForStatement, outer: Direct): Statement[] {
  const direct = { ...outer, scope: outer.scope.inner() };
  const { scope, capture } = direct;
  const { init, test, update } = node;
  const before = init === null || init === undefined
    ? []
    : init.type === "VariableDeclaration"
    ? declare(init, scope, capture, direct.names)
    : effects(init, direct);
  const whole: Expr = { op: "literal", value: true };
  return [...before, {
    op: "while",
    test: test === null || test === undefined ? whole : expression(test, scope, capture),
    update: update === null || update === undefined ? [] : effects(update, direct),
    body: block(node.body, direct),
    span: capture.span(node),
  }];
}

function forOf(node: ESTree.ForOfStatement, outer: Direct): Statement {
  const direct = { ...outer, scope: outer.scope.inner() };
  const { capture, names } = direct;
  const span = capture.span(node);
  if (node.await === true) throw new NotCaptured("a probe cannot wait", span);
  const { left } = node;
  const pattern = left.type === "VariableDeclaration" ? left.declarations[0]?.id : undefined;
  if (pattern === undefined) throw new NotCaptured("a loop declares its variable: for (const i of …)", span);
  const bounds = rangeOf(node.right, direct);
  if (bounds !== undefined) {
    const name = names.unique(pattern.type === "Identifier" ? pattern.name : "i");
    bindPattern(pattern, { is: "expr", expr: { op: "local", name } }, direct.scope, capture);
    return { op: "range", name, ...bounds, body: block(node.body, direct), span };
  }
  return eachEntry(node, pattern, direct);
}

/** `range(from, to)`; undefined for every other expression. */
function rangeOf(node: ESTree.Node, { scope, capture }: Direct): { from: Expr; to: Expr } | undefined {
  if (node.type !== "CallExpression" || node.callee.type !== "Identifier") return undefined;
  if (node.callee.name !== "range" || scope.find("range") !== undefined) return undefined;
  const [from, to] = node.arguments;
  if (from === undefined || to === undefined) {
    throw new NotCaptured("`range` goes from one integer to another: range(0, 6)", capture.span(node));
  }
  return { from: expression(from, scope, capture), to: expression(to, scope, capture) };
}

/** `of map`, `of map.entries()`, `of map.keys()`, `of map.values()`. */
function eachEntry(node: ESTree.ForOfStatement, pattern: ESTree.Node, direct: Direct): Statement {
  const { scope, capture, names } = direct;
  const span = capture.span(node);
  const { right } = node;
  const called = right.type === "CallExpression" && right.callee.type === "MemberExpression" &&
      right.arguments.length === 0
    ? right.callee
    : undefined;
  const what = called === undefined ? "entries" : propertyName(called);
  const state = stateOf(called === undefined ? right : called.object, scope, capture);
  if (!(state instanceof StateMap) || what !== "entries" && what !== "keys" && what !== "values") {
    throw new NotCaptured(
      "a loop in a probe goes over range(from, to), or over a map given with .with()",
      capture.span(right),
    );
  }
  capture.use({ state, aggregation: undefined });
  const [key, value] = [names.unique("key"), names.unique("value")];
  const [k, v] = [key, value].map((name): Expr => ({ op: "local", name }));
  if (k === undefined || v === undefined) throw new NotCaptured("no names", span);
  if (what !== "entries") {
    bindPattern(pattern, { is: "expr", expr: what === "keys" ? k : v }, scope, capture);
  } else if (pattern.type === "ArrayPattern") {
    const [keyPattern, valuePattern] = pattern.elements;
    if (keyPattern !== null && keyPattern !== undefined) {
      bindPattern(keyPattern, { is: "expr", expr: k }, scope, capture);
    }
    if (valuePattern !== null && valuePattern !== undefined) {
      bindPattern(valuePattern, { is: "expr", expr: v }, scope, capture);
    }
  } else {
    bindPattern(pattern, { is: "expr", expr: { op: "tuple", items: [k, v] } }, scope, capture);
  }
  return { op: "each", map: state.name, key, value, body: block(node.body, direct), span };
}
