/**
 * From syntax to the graph's expressions.
 *
 * @module
 */

import type { ESTree } from "meriyah";
import { BUILTIN_NAMES, CONTEXT_FUNCTIONS } from "../../graph/context_names.ts";
import type { BinaryOperator, BuiltinName, Expr, Span } from "../../graph/nodes.ts";
import { FUNCTIONS as DEFINED } from "../../graph/functions/table.ts";
import { isState, StateMap, type StateUse } from "../state.ts";
import { call } from "./calls.ts";
import { keyName } from "./patterns.ts";
import type { Meaning, Scope } from "./scope.ts";
import { NotCaptured } from "./scope.ts";

/** What capture knows about the function at hand, besides the names in its scope. */
export interface Capture {
  span(node: ESTree.Node): Span;
  /** Notes what the function does with a map. */
  use(use: StateUse): void;
  /** Counts a node; raises `NotCaptured` where a function would become unreasonably large. */
  spend(node: ESTree.Node): void;
}

const BUILTINS: ReadonlySet<string> = new Set(BUILTIN_NAMES);

const FUNCTIONS: ReadonlySet<string> = new Set(CONTEXT_FUNCTIONS);

const OPERATORS: ReadonlyMap<string, BinaryOperator> = new Map<string, BinaryOperator>([
  ["===", "=="],
  ["==", "=="],
  ["!==", "!="],
  ["!=", "!="],
  ...(["+", "-", "*", "/", "%", "&", "|", "^", "<<", ">>", ">>>", "<", "<=", ">", ">="] as const)
    .map((operator): [string, BinaryOperator] => [operator, operator]),
]);

/** Builtins that are strings: `.length` of these is the string's, not a field. */
const STRING_BUILTINS: ReadonlySet<string> = new Set([
  "comm",
  "func",
  "probe",
  "registers",
  "pcomm",
  "probetype",
]);

/** Functions of the context that give strings. */
const STRING_FUNCTIONS: ReadonlySet<string> = new Set(
  [...DEFINED.values()].filter(({ result }) => typeof result !== "function" && result.kind === "string")
    .map(({ name }) => name),
);

/** Captures an expression whose value is wanted. Raises `NotCaptured`. */
export function expression(node: ESTree.Node, scope: Scope, capture: Capture): Expr {
  const meaning = meaningOf(node, scope, capture);
  if (meaning.is === "expr") return meaning.expr;
  throw new NotCaptured(whole(meaning), capture.span(node));
}

/**
 * Captures what a function returns or prints, where the context, `args` or `regs` as a whole can only be a mistake: that
 * is for the graph to report. Raises `NotCaptured`.
 */
export function outcome(node: ESTree.Node, scope: Scope, capture: Capture): Expr {
  const span = capture.span(node);
  if (node.type === "ArrayExpression") {
    capture.spend(node);
    return { op: "tuple", items: items(node, scope, capture, outcome), span };
  }
  const meaning = meaningOf(node, scope, capture);
  switch (meaning.is) {
    case "expr":
      return meaning.expr;
    case "context":
      return { op: "novalue", name: "", span };
    case "args":
    case "regs":
      return { op: "novalue", name: meaning.is, span };
    default:
      throw new NotCaptured(whole(meaning), span);
  }
}

/** What an expression stands for: a value, or a part of the context that is not a value by itself. */
export function meaningOf(node: ESTree.Node, scope: Scope, capture: Capture): Meaning {
  capture.spend(node);
  const span = capture.span(node);
  switch (node.type) {
    case "Identifier":
      return identifier(node.name, scope, span);
    case "MemberExpression":
      return member(node, scope, capture, span);
    case "ChainExpression":
      return meaningOf(node.expression, scope, capture);
    case "ParenthesizedExpression":
      return meaningOf(node.expression, scope, capture);
    default:
      return { is: "expr", expr: value(node, scope, capture, span) };
  }
}

function identifier(name: string, scope: Scope, span: Span): Meaning {
  const known = scope.find(name);
  if (known !== undefined) {
    return known.is === "expr" ? { is: "expr", expr: { ...known.expr, span } } : known;
  }
  if (name === "undefined") return { is: "expr", expr: { op: "literal", value: null, span } };
  if (name === "print" || name === "exit") return { is: "function", name };
  throw new NotCaptured(
    `\`${name}\` is a name from outside the function; give its value with .with({ ${name} }) and take it from the second parameter`,
    span,
  );
}

function member(node: ESTree.MemberExpression, scope: Scope, capture: Capture, span: Span): Meaning {
  const base = meaningOf(node.object, scope, capture);
  const name = propertyName(node);
  if (name !== undefined) return property(base, name, scope, span);
  if (base.is !== "expr") {
    throw new NotCaptured("a computed name is not known before the probe runs", capture.span(node.property));
  }
  return {
    is: "expr",
    expr: { op: "index", base: base.expr, index: expression(node.property, scope, capture), span },
  };
}

/** The name of a member where the source spells it: `a.b`, `a["b"]`. */
export function propertyName(node: ESTree.MemberExpression): string | undefined {
  const { property } = node;
  if (!node.computed) return property.type === "Identifier" ? property.name : undefined;
  return property.type === "Literal" && typeof property.value === "string" ? property.value : undefined;
}

/** What `base.name` stands for. Shared by member expressions and destructuring. */
export function property(base: Meaning, name: string, scope: Scope, span: Span): Meaning {
  switch (base.is) {
    case "context":
      if (name === "args" || name === "regs") return { is: name };
      if (name === "entry") return { is: "expr", expr: { op: "entry", span } };
      if (BUILTINS.has(name)) return { is: "expr", expr: { op: "builtin", name: name as BuiltinName, span } };
      if (FUNCTIONS.has(name)) return { is: "function", name: name as "str" };
      // For the graph to report, with what is near.
      return { is: "expr", expr: { op: "novalue", name, span } };
    case "args":
      return { is: "expr", expr: { op: "arg", name, span } };
    case "regs":
      return { is: "expr", expr: { op: "reg", name, span } };
    case "values": {
      if (!Object.hasOwn(scope.values, name)) {
        throw new NotCaptured(`no value \`${name}\` was given with .with({ … })`, span);
      }
      const given = scope.values[name] ?? null;
      if (isState(given)) return { is: "state", state: given };
      return { is: "expr", expr: { op: "literal", value: given, span } };
    }
    case "expr":
      if (name === "length" && isString(base.expr)) {
        return { is: "expr", expr: { op: "call", fn: "length", args: [base.expr], span } };
      }
      return { is: "expr", expr: { op: "field", base: base.expr, name, span } };
    case "function":
      throw new NotCaptured(`\`${base.name}\` is a function; call it`, span);
    case "state":
      if (name === "size" && base.state instanceof StateMap) {
        return { is: "expr", expr: { op: "mapLen", map: base.state.name, span } };
      }
      throw new NotCaptured(`\`${name}\` of the map \`${base.state.name}\` is to be called`, span);
  }
}

/** True where the source alone tells that the value is a string. */
export function isString(expr: Expr): boolean {
  switch (expr.op) {
    case "literal":
      return typeof expr.value === "string";
    case "builtin":
      return STRING_BUILTINS.has(expr.name);
    case "template":
      return true;
    case "call":
      return expr.fn === "str" || expr.fn === "ksym" || expr.fn === "usym" || STRING_FUNCTIONS.has(expr.fn);
    default:
      return false;
  }
}

function value(node: ESTree.Node, scope: Scope, capture: Capture, span: Span): Expr {
  switch (node.type) {
    case "Literal":
      return literal(node, span);
    case "TemplateLiteral":
      return template(node, scope, capture, span);
    case "ArrayExpression":
      return { op: "tuple", items: items(node, scope, capture), span };
    case "UnaryExpression":
      return unary(node, scope, capture, span);
    case "BinaryExpression": {
      const operator = OPERATORS.get(node.operator);
      if (operator === undefined) {
        throw new NotCaptured(`\`${node.operator}\` has no counterpart in a probe`, span);
      }
      const left = expression(node.left, scope, capture);
      return { op: "binary", operator, left, right: expression(node.right, scope, capture), span };
    }
    case "LogicalExpression": {
      const left = expression(node.left, scope, capture);
      const right = expression(node.right, scope, capture);
      return { op: "binary", operator: node.operator, left, right, span };
    }
    case "ConditionalExpression":
      return {
        op: "cond",
        test: expression(node.test, scope, capture),
        then: expression(node.consequent, scope, capture),
        else: expression(node.alternate, scope, capture),
        span,
      };
    case "CallExpression":
      return call(node, scope, capture, span);
    case "ObjectExpression":
      return record(node, scope, capture, span);
    default:
      throw new NotCaptured(`${named(node.type)} cannot run inside a probe`, span);
  }
}

/** `{ file: …, bytes: … }`: the parts by name. */
function record(node: ESTree.ObjectExpression, scope: Scope, capture: Capture, span: Span): Expr {
  const fields = node.properties.map((part) => {
    if (part.type !== "Property") {
      throw new NotCaptured("a record lists its parts one by one", capture.span(part));
    }
    const name = keyName(part);
    if (name === undefined) {
      throw new NotCaptured("a computed name is not known before the probe runs", capture.span(part));
    }
    return { name, value: outcome(part.value, scope, capture) };
  });
  return { op: "record", fields, span };
}

function literal(node: ESTree.Literal, span: Span): Expr {
  const { value } = node;
  switch (typeof value) {
    case "number":
      if (!Number.isFinite(value)) break;
      return { op: "literal", value, span };
    case "string":
    case "boolean":
    case "bigint":
      return { op: "literal", value, span };
  }
  if (value === null && !("regex" in node)) return { op: "literal", value, span };
  throw new NotCaptured("such a literal has no counterpart in a probe", span);
}

function template(node: ESTree.TemplateLiteral, scope: Scope, capture: Capture, span: Span): Expr {
  const parts: (string | Expr)[] = [];
  for (const [index, quasi] of node.quasis.entries()) {
    const text = quasi.value.cooked ?? quasi.value.raw;
    if (text !== "") parts.push(text);
    const inner = node.expressions[index];
    if (inner !== undefined) parts.push(expression(inner, scope, capture));
  }
  if (parts.every((part) => typeof part === "string")) return { op: "literal", value: parts.join(""), span };
  return { op: "template", parts, span };
}

function unary(node: ESTree.UnaryExpression, scope: Scope, capture: Capture, span: Span): Expr {
  const { operator } = node;
  if (operator !== "!" && operator !== "-" && operator !== "~" && operator !== "+") {
    throw new NotCaptured(`\`${operator}\` has no counterpart in a probe`, span);
  }
  const operand = expression(node.argument, scope, capture);
  if (
    operand.op === "literal" && typeof operand.value === "number" && (operator === "-" || operator === "+")
  ) {
    return { op: "literal", value: operator === "-" ? -operand.value : operand.value, span };
  }
  return { op: "unary", operator, operand, span };
}

/** The elements of an array literal. */
export function items(
  node: ESTree.ArrayExpression,
  scope: Scope,
  capture: Capture,
  element: (node: ESTree.Node, scope: Scope, capture: Capture) => Expr = expression,
): Expr[] {
  return node.elements.map((part) => {
    if (part === null || part.type === "SpreadElement") {
      throw new NotCaptured("a tuple lists its parts one by one", capture.span(part ?? node));
    }
    return element(part, scope, capture);
  });
}

function whole(meaning: Meaning): string {
  switch (meaning.is) {
    case "context":
      return "the context as a whole is not a value; name what is wanted of it";
    case "args":
      return "`args` as a whole is not a value; name one of them";
    case "regs":
      return "`regs` as a whole is not a value; name one of them";
    case "values":
      return "the values as a whole are not a value; name one of them";
    case "function":
      return `\`${meaning.name}\` is a function; call it`;
    case "state":
      return `the map \`${meaning.state.name}\` as a whole is not a value; call one of its methods`;
    case "expr":
      return "";
  }
}

/** `NewExpression` as a reader would say it. */
export function named(type: string): string {
  const words = type.replace(/(Expression|Statement|Declaration)$/, "").replace(/(?<!^)[A-Z]/g, " $&")
    .toLowerCase();
  return `\`${words}\``;
}
