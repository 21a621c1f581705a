/**
 * Pass: what is read out of maps.
 *
 * @module
 */

import type { Ir } from "../ir.ts";
import type { Aggregation, Expr } from "../nodes.ts";
import { BOOL, INT64, maybe, surely, UNKNOWN, type ValueType } from "../types.ts";
import { resolveExpr } from "./resolve.ts";
import { at, failed, type Scope } from "./scope.ts";

/** Aggregations whose value is an integer that a program can read. */
export function isReadable(aggregation: Aggregation): boolean {
  return ["value", "count", "sum", "avg", "min", "max"].includes(aggregation.fn);
}

/** Resolves a read of a map, of whether it has a key, or of how many it has. */
export function resolveMapRead(
  expr: Extract<Expr, { op: "mapGet" | "mapHas" | "mapLen" }>,
  scope: Scope,
): Ir {
  const { span, map: name } = expr;
  const known = scope.maps.get(name);
  if (known === undefined) {
    scope.report("error", `No map "@${name}" in the graph`, { span });
    return failed(span);
  }
  if (expr.op === "mapLen") return { op: "mapLen", map: name, type: INT64, ...at(span) };
  const key = expr.key.map((part) => resolveExpr(part, scope));
  if (expr.op === "mapHas") return { op: "mapHas", map: name, key, type: BOOL, ...at(span) };
  const { fn } = known.node.aggregation;
  if (!isReadable(known.node.aggregation)) {
    scope.report("error", `The value of "@${name}" cannot be read: it is a ${fn}`, {
      span,
      hint: "count, sum, avg, min and max can be read",
    });
    return failed(span);
  }
  const value = fn === "value" ? known.value : INT64;
  if (value.kind === "never") {
    const severity = scope.c ? "error" : "warning";
    scope.report(severity, `"@${name}" is read, but nothing is ever stored in it`, { span });
  }
  const type = scope.c ? surely(value) : maybe(value);
  return { op: "mapGet", map: name, key, zero: scope.c, type, ...at(span) };
}

/** The types of a map's entries in a loop over them: a key of several parts is a tuple. */
export function entryTypes(
  name: string,
  scope: Scope,
): { readonly key: ValueType; readonly value: ValueType } {
  const known = scope.maps.get(name);
  if (known === undefined) {
    scope.report("error", `No map "@${name}" in the graph`);
    return { key: UNKNOWN, value: UNKNOWN };
  }
  const { aggregation } = known.node;
  if (known.node.keyParts === 0) {
    scope.report("error", `"@${name}" has no key, so there is nothing to loop over`);
  }
  const value = aggregation.fn === "value" ? known.value : isReadable(aggregation) ? INT64 : UNKNOWN;
  const [only = UNKNOWN, ...more] = known.key;
  return { key: more.length === 0 ? only : { kind: "tuple", items: known.key }, value };
}
