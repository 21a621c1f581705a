/**
 * Calls of the methods of maps and values that handlers share.
 *
 * @module
 */

import type { ESTree } from "meriyah";
import type { Aggregation, Expr, Span, Statement } from "../../graph/nodes.ts";
import { type AnyState, StateMap } from "../state.ts";
import { type Capture, expression, meaningOf, propertyName } from "./expressions.ts";
import { NotCaptured, type Scope } from "./scope.ts";

/** A call `state.method(…)`. */
export interface StateCall {
  readonly state: AnyState;
  readonly method: string;
  readonly args: readonly Expr[];
  readonly capture: Capture;
}

/** The map or value that an expression names; undefined for every other. */
export function stateOf(node: ESTree.Node, scope: Scope, capture: Capture): AnyState | undefined {
  const known = node.type === "Identifier"
    ? scope.find(node.name)
    : node.type === "MemberExpression" && node.object.type === "Identifier" &&
        scope.find(node.object.name)?.is === "values"
    ? meaningOf(node, scope, capture)
    : undefined;
  return known?.is === "state" ? known.state : undefined;
}

/** A call of a method of a map or value; undefined for every other call. */
export function stateCall(node: ESTree.Node, scope: Scope, capture: Capture): StateCall | undefined {
  if (node.type !== "CallExpression" || node.callee.type !== "MemberExpression") return undefined;
  const state = stateOf(node.callee.object, scope, capture);
  if (state === undefined) return undefined;
  const method = propertyName(node.callee) ?? "";
  const args = node.arguments.map((argument) => expression(argument, scope, capture));
  return { state, method, args, capture };
}

/** A call for its value. Raises `NotCaptured`. */
export function readState({ state, method, args, capture }: StateCall, span: Span): Expr {
  const map = state.name;
  const key = state instanceof StateMap ? args.slice(0, 1) : [];
  if (method === "get" || method === "has" && state instanceof StateMap) {
    capture.use({ state, aggregation: undefined });
    return { op: method === "get" ? "mapGet" : "mapHas", map, key, span };
  }
  throw new NotCaptured(`\`${map}.${method}\` has no value; it stands by itself in a .do handler`, span);
}

/** A call for its effect; undefined where it has none. Raises `NotCaptured`. */
export function writeState(call: StateCall, span: Span): Statement | undefined {
  const { state, method, args, capture } = call;
  const map = state.name;
  const keyed = state instanceof StateMap;
  const key = keyed ? args.slice(0, 1) : [];
  const value = args[key.length];
  const use = (aggregation: Aggregation | undefined): void => capture.use({ state, aggregation });
  switch (method) {
    case "set":
      if (value === undefined) throw new NotCaptured(`\`${map}.set\` takes a value`, span);
      use({ fn: "value" });
      return { op: "store", map, key, value, span };
    case "clear":
      use(undefined);
      return { op: "clear", map, span };
  }
  if (!keyed) return undefined;
  switch (method) {
    case "delete":
      use(undefined);
      return { op: "delete", map, key, span };
    case "zero":
      use(undefined);
      return { op: "zero", map, span };
    case "print":
      use(undefined);
      return { op: "printMap", map, key: undefined, top: args[0], div: undefined, span };
    case "count":
      use({ fn: "count" });
      return { op: "aggregate", map, key, value: undefined, span };
    case "sum":
    case "avg":
    case "min":
    case "max":
    case "stats":
    case "hist":
    case "lhist":
      if (value === undefined) throw new NotCaptured(`\`${map}.${method}\` takes a value`, span);
      use(aggregationOf(method, args[2], span));
      return { op: "aggregate", map, key, value, span };
    default:
      return undefined;
  }
}

function aggregationOf(
  fn: "sum" | "avg" | "min" | "max" | "stats" | "hist" | "lhist",
  options: Expr | undefined,
  span: Span,
): Aggregation {
  const given = new Map<string, number>();
  if (options !== undefined) {
    for (const { name, value } of options.op === "record" ? options.fields : []) {
      if (value.op === "literal" && typeof value.value === "number") given.set(name, value.value);
    }
    if (options.op !== "record" || given.size !== options.fields.length) {
      throw new NotCaptured(`the options of \`${fn}\` are numbers that are written out`, span);
    }
  }
  switch (fn) {
    case "hist":
      return { fn, bits: given.get("bits") ?? 0 };
    case "lhist":
      return { fn, min: given.get("min") ?? 0, max: given.get("max") ?? 0, step: given.get("step") ?? 0 };
    default:
      return { fn };
  }
}
