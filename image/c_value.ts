/**
 * How values of C types are read from memory: what every view of kernel objects has in common.
 *
 * @module
 */

import { bareType, isCharacter } from "./ctype.ts";
import type { Addr, CType, FieldLayout } from "./model.ts";

/** Longest string that is read through a `char *` or from a `char []` without length, bytes: bpftrace's `max_strlen`. */
export const MAX_STRING = 1024;

/** Most elements of an array that become a JavaScript array. */
export const MAX_ELEMENTS = 4096;

/** What a value of a C type is to a reader. */
export type CShape =
  /** An integer that is true or false. */
  | { readonly is: "bool"; readonly size: number }
  /** An integer or enum; a floating point number as its bits. */
  | { readonly is: "integer"; readonly size: number; readonly signed: boolean }
  /** Characters in place, at most `max`. */
  | { readonly is: "characters"; readonly max: number }
  /** A pointer to characters. */
  | { readonly is: "string" }
  | { readonly is: "pointer"; readonly to: CType }
  | { readonly is: "array"; readonly of: CType; readonly length: number }
  /** A struct or union. */
  | { readonly is: "compound"; readonly type: Extract<CType, { readonly kind: "struct" | "union" }> }
  /** Nothing that could be read: void, a function, a type that is only declared, a number beyond 64 bits. */
  | { readonly is: "nothing" };

/** What a value of a type is to a reader, through typedefs and qualifiers. */
export function shapeOf(type: CType): CShape {
  const bare = bareType(type);
  switch (bare.kind) {
    case "int":
    case "enum":
    case "float": {
      if (bare.size > 8) return { is: "nothing" };
      if (bare.kind === "int" && bare.encoding === "bool") return { is: "bool", size: bare.size };
      return { is: "integer", size: bare.size, signed: bare.kind !== "float" && bare.signed };
    }
    case "ptr":
      return isCharacter(bare.to) ? { is: "string" } : { is: "pointer", to: bare.to };
    case "array":
      return isCharacter(bare.of)
        ? { is: "characters", max: bare.length || MAX_STRING }
        : { is: "array", of: bare.of, length: bare.length };
    case "struct":
    case "union":
      return { is: "compound", type: bare };
    default:
      return { is: "nothing" };
  }
}

/**
 * A bit-field of the object at an address, exact, read byte by byte. Null where `readByte` gives null or NaN: it can't be
 * read.
 *
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { bitField } from "./c_value.ts";
 * const int = { kind: "int", id: 1, name: "int", size: 4, signed: true, encoding: "int" } as const;
 * const layout = { type: int, offset: 1, bitShift: 3, bitSize: 5 };
 * assertEquals(bitField(layout, 0x1000, (address) => address === 0x1001 ? 0b1111_0000 : null), -2n);
 * ```
 */
export function bitField(
  layout: FieldLayout,
  object: Addr,
  readByte: (address: Addr) => number | null,
): bigint | null {
  let word = 0n;
  for (let i = Math.ceil((layout.bitShift + layout.bitSize) / 8) - 1; i >= 0; i--) {
    const byte = readByte(object + layout.offset + i);
    if (byte === null || Number.isNaN(byte)) return null;
    word = (word << 8n) | BigInt(byte);
  }
  const value = word >> BigInt(layout.bitShift);
  const bare = bareType(layout.type);
  const signed = (bare.kind === "int" || bare.kind === "enum") && bare.signed;
  return signed ? BigInt.asIntN(layout.bitSize, value) : BigInt.asUintN(layout.bitSize, value);
}
