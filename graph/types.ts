/**
 * Types of expressions, and how C types become them.
 *
 * @module
 */

import type { CType, KernelImage } from "../image/model.ts";

/** Type of an expression's value. */
export type ValueType =
  /** A number without fraction; arithmetic widens it to 8 bytes. */
  | { readonly kind: "int"; readonly size: number; readonly signed: boolean }
  /** A number that may have a fraction: the result of `/`. */
  | { readonly kind: "float" }
  | { readonly kind: "bool" }
  | { readonly kind: "string" }
  | { readonly kind: "bigint" }
  | { readonly kind: "null" }
  | { readonly kind: "stack" }
  /** An address; `to` is the C type that it points at. */
  | { readonly kind: "pointer"; readonly to: CType }
  /** A struct or union in place: the value is its address. */
  | { readonly kind: "struct"; readonly type: CType }
  /** A C array in place: the value is its address. */
  | { readonly kind: "array"; readonly of: CType; readonly length: number }
  | { readonly kind: "tuple"; readonly items: readonly ValueType[] }
  /** Known only when it runs: what an opaque function returns. */
  | { readonly kind: "unknown" };

/** The widest integer: what arithmetic yields. */
export const INT64: ValueType = { kind: "int", size: 8, signed: true };
/** An unsigned 64-bit integer. */
export const UINT64: ValueType = { kind: "int", size: 8, signed: false };
/** An unsigned 32-bit integer. */
export const UINT32: ValueType = { kind: "int", size: 4, signed: false };
/** A signed 32-bit integer: what JavaScript's bit operators yield. */
export const INT32: ValueType = { kind: "int", size: 4, signed: true };
/** See `ValueType`. */
export const FLOAT: ValueType = { kind: "float" };
/** See `ValueType`. */
export const BOOL: ValueType = { kind: "bool" };
/** See `ValueType`. */
export const STRING: ValueType = { kind: "string" };
/** See `ValueType`. */
export const NULL: ValueType = { kind: "null" };
/** See `ValueType`. */
export const BIGINT: ValueType = { kind: "bigint" };
/** See `ValueType`. */
export const STACK: ValueType = { kind: "stack" };
/** See `ValueType`. */
export const UNKNOWN: ValueType = { kind: "unknown" };

/** True for numbers of either kind. */
export function isNumber(type: ValueType): boolean {
  return type.kind === "int" || type.kind === "float";
}

/** A type in words, for diagnostics and `explain`. */
export function typeText(type: ValueType, image: KernelImage): string {
  switch (type.kind) {
    case "int":
      return `${type.signed ? "int" : "uint"}${type.size * 8}`;
    case "pointer":
      return type.to.kind === "void" ? "void *" : `${image.typeText(type.to)} *`;
    case "struct":
      return image.typeText(type.type);
    case "array":
      return `${image.typeText(type.of)}[${type.length}]`;
    case "tuple":
      return `(${type.items.map((item) => typeText(item, image)).join(", ")})`;
    case "float":
      return "number";
    default:
      return type.kind;
  }
}
