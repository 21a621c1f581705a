/**
 * Types of expressions, and how C types become them.
 *
 * @module
 */

import type { CType, KernelImage } from "../image/model.ts";

/** Type of an expression's value. `maybe`: it may also be `undefined`. */
export type ValueType = Known & { readonly maybe?: true };

type Known =
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
  /** A record: named parts, in order. */
  | {
    readonly kind: "record";
    readonly fields: readonly { readonly name: string; readonly type: ValueType }[];
  }
  /** Bytes that were copied out of memory. */
  | { readonly kind: "buffer" }
  /** What a map holds that nothing was stored in so far: it becomes the type of whatever is. */
  | { readonly kind: "never" }
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

/** See `ValueType`. */
export const BUFFER: ValueType = { kind: "buffer" };
/** See `ValueType`. */
export const NEVER: ValueType = { kind: "never" };

/** The type without `maybe`. */
export function surely(type: ValueType): ValueType {
  if (type.maybe !== true) return type;
  const { maybe: _maybe, ...sure } = type;
  return sure;
}

/** The type with `maybe`. */
export function maybe(type: ValueType): ValueType {
  return type.maybe === true ? type : { ...type, maybe: true };
}

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
    case "record":
      return `{ ${type.fields.map((field) => `${field.name}: ${typeText(field.type, image)}`).join(", ")} }`;
    case "float":
      return "number";
    default:
      return type.kind;
  }
}
