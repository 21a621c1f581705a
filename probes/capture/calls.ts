/**
 * Calls: the context's functions, and the string methods that a probe can run.
 *
 * @module
 */

import type { ESTree } from "meriyah";
import { DEFAULT_STACK_DEPTH } from "../../graph/limits.ts";
import type { CallName, Expr, Span, StackMode } from "../../graph/nodes.ts";
import { type Capture, expression, items, meaningOf, property, propertyName } from "./expressions.ts";
import { type ContextFunction, NotCaptured, type Scope } from "./scope.ts";
import { readState, stateCall } from "./state_calls.ts";

const STRING_METHODS: ReadonlySet<string> = new Set<CallName>(["startsWith", "endsWith", "includes"]);

/** Captures a call. Raises `NotCaptured`. */
export function call(node: ESTree.CallExpression, scope: Scope, capture: Capture, span: Span): Expr {
  const state = stateCall(node, scope, capture);
  if (state !== undefined) return readState(state, span);
  const called = calleeOf(node, scope, capture);
  if (typeof called === "string") return contextCall(called, node, scope, capture, span);
  if ("op" in called) return called;
  const { method, base } = called;
  const [only] = node.arguments;
  if (base.type === "Identifier" && base.name === "Math" && scope.find("Math") === undefined) {
    if ((method === "trunc" || method === "floor") && only !== undefined) {
      return { op: "call", fn: method, args: [expression(only, scope, capture)], span };
    }
    throw new NotCaptured(`Math.${method} cannot run inside a probe; Math.trunc and Math.floor can`, span);
  }
  if (base.type === "ArrayExpression" && method === "includes" && node.arguments.length === 1 && only) {
    return oneOf(items(base, scope, capture), expression(only, scope, capture), span);
  }
  if (base.type === "Identifier" && scope.find(base.name) === undefined) {
    throw new NotCaptured(
      `\`${base.name}.${method}\` is a function from outside, which a probe cannot run; write out what it does`,
      capture.span(node.callee),
    );
  }
  const text = expression(base, scope, capture);
  if (method === "cast") {
    return cast(text, only === undefined ? undefined : expression(only, scope, capture), span);
  }
  if (!STRING_METHODS.has(method)) {
    throw new NotCaptured(
      `.${method}() cannot run inside a probe; startsWith, endsWith, includes and cast can`,
      span,
    );
  }
  if (node.arguments.length !== 1 || only === undefined) {
    throw new NotCaptured(`.${method}() takes one argument inside a probe`, span);
  }
  return { op: "call", fn: method as CallName, args: [text, expression(only, scope, capture)], span };
}

/** The arguments of a call of `print` or `exit`, or `undefined` if it is another call. */
export function calledPrint(
  node: ESTree.Node,
  scope: Scope,
  capture: Capture,
  wanted: "print" | "exit" = "print",
): readonly ESTree.Node[] | undefined {
  const inner = node.type === "ChainExpression" ? node.expression : node;
  if (inner.type !== "CallExpression" || inner.callee.type === "Super") return undefined;
  const { callee } = inner;
  if (callee.type !== "Identifier" && callee.type !== "MemberExpression") return undefined;
  if (callee.type === "MemberExpression" && propertyName(callee) !== wanted) return undefined;
  if (callee.type === "Identifier" && scope.find(callee.name) === undefined && callee.name !== wanted) {
    return undefined;
  }
  const meaning = meaningOf(callee, scope, capture);
  return meaning.is === "function" && meaning.name === wanted ? inner.arguments : undefined;
}

/** The context function that is called, or the method and what it is called on, or a name that no context has. */
function calleeOf(
  node: ESTree.CallExpression,
  scope: Scope,
  capture: Capture,
): ContextFunction | { readonly method: string; readonly base: ESTree.Node } | Expr {
  const { callee } = node;
  if (callee.type === "Identifier") {
    const known = scope.find(callee.name);
    if (known?.is === "function") return known.name;
    if ((callee.name === "print" || callee.name === "exit") && known === undefined) return callee.name;
    throw new NotCaptured(
      `\`${callee.name}\` is a function from outside, which a probe cannot run; write out what it does`,
      capture.span(callee),
    );
  }
  const name = callee.type === "MemberExpression" ? propertyName(callee) : undefined;
  if (callee.type !== "MemberExpression" || name === undefined) {
    throw new NotCaptured("such a call cannot run inside a probe", capture.span(node));
  }
  if (callee.object.type === "Identifier" && scope.find(callee.object.name)?.is === "context") {
    const meaning = property({ is: "context" }, name, scope, capture.span(callee));
    if (meaning.is === "function") return meaning.name;
    if (meaning.is === "expr" && meaning.expr.op === "novalue") return meaning.expr;
    throw new NotCaptured(`\`${name}\` is a value, not a function`, capture.span(callee));
  }
  return { method: name, base: callee.object };
}

/** `pointer.cast("tcp_sock")`: the same address as a pointer to that struct. */
function cast(base: Expr, to: Expr | undefined, span: Span): Expr {
  if (to?.op !== "literal" || typeof to.value !== "string") {
    throw new NotCaptured('`cast` takes the name of a struct, written out: cast("tcp_sock")', span);
  }
  const type = to.value.trim();
  return { op: "cast", base, type: type.endsWith("*") ? type : `${type} *`, span };
}

function contextCall(
  name: ContextFunction,
  node: ESTree.CallExpression,
  scope: Scope,
  capture: Capture,
  span: Span,
): Expr {
  const args = node.arguments.map((argument) => expression(argument, scope, capture));
  const [first, second] = args;
  switch (name) {
    case "arg":
      return { op: "argn", index: writtenNumber(name, first, span), span };
    case "kstack":
    case "ustack":
      return {
        op: name,
        depth: first === undefined ? DEFAULT_STACK_DEPTH : writtenNumber(name, first, span),
        ...(second === undefined ? {} : { mode: stackMode(second, span) }),
        span,
      };
    case "reg":
      if (first?.op !== "literal" || typeof first.value !== "string") {
        throw new NotCaptured('`reg` takes the name of a register, written out: reg("di")', span);
      }
      return { op: "reg", name: first.value, span };
    case "str":
      if (first === undefined) throw new NotCaptured("`str` takes an address", span);
      return { op: "call", fn: name, args: second === undefined ? [first] : [first, second], span };
    case "ksym":
    case "usym":
      if (first === undefined) throw new NotCaptured("`ksym` takes an address", span);
      return { op: "call", fn: name, args: [first], span };
    case "print":
    case "exit":
      throw new NotCaptured(`\`${name}\` has no value; it stands by itself in a .do handler`, span);
    default:
      return { op: "call", fn: name, args, span };
  }
}

/** How a stack prints, in the source. */
function stackMode(expr: Expr, span: Span): StackMode {
  if (expr.op === "literal" && (expr.value === "perf" || expr.value === "raw")) return expr.value;
  throw new NotCaptured('a stack prints as "perf" or "raw", written out', span);
}

/** A number in the source. Whether it will do is for the graph to say, where the program attaches. */
function writtenNumber(name: string, expr: Expr | undefined, span: Span): number {
  if (expr?.op === "literal" && typeof expr.value === "number") return expr.value;
  throw new NotCaptured(`\`${name}\` takes a number that is written out: ${name}(1)`, span);
}

/** `["cat", "dd"].includes(x)` as a chain of comparisons. */
function oneOf(choices: readonly Expr[], wanted: Expr, span: Span): Expr {
  const tests = choices.map((choice): Expr => ({
    op: "binary",
    operator: "==",
    left: wanted,
    right: choice,
    span,
  }));
  return tests.reduceRight<Expr | undefined>(
    (rest, test) =>
      rest === undefined ? test : { op: "binary", operator: "||", left: test, right: rest, span },
    undefined,
  ) ?? { op: "literal", value: false, span };
}
