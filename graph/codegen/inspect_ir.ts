/**
 * What generated code needs to know of expressions.
 *
 * @module
 */

import { children, type Ir } from "../ir.ts";

/** True for integers that are read or cut to size; arithmetic may leave what a map can hold. */
export function isExactInteger(ir: Ir): boolean {
  if (ir.type.kind !== "int" && ir.type.kind !== "pointer") return false;
  if ("exact" in ir && ir.exact === true) return false;
  switch (ir.op) {
    case "builtin":
    case "word":
    case "words":
    case "reg":
    case "load":
    case "bits":
    case "record":
    case "wrap":
    case "slice":
      return true;
    case "const":
      return Number.isSafeInteger(ir.value);
    case "cond":
      return isExactInteger(ir.then) && isExactInteger(ir.else);
    default:
      return false;
  }
}

/** Indices of the functions that an expression runs as they are. */
export function opaqueIn(ir: Ir): readonly number[] {
  return ir.op === "opaque" ? [ir.fn] : children(ir).flatMap(opaqueIn);
}

/** Whether an expression looks into a map. */
export function readsMap(ir: Ir): boolean {
  return ir.op === "mapGet" || ir.op === "mapHas" || ir.op === "mapLen" || ir.op === "block" ||
    ir.op === "opaque" || children(ir).some(readsMap);
}
