/**
 * C types under their names and qualifiers.
 *
 * @module
 */

import type { CType } from "./model.ts";

/** Looks through typedefs, qualifiers and tags. */
export function bareType(type: CType): CType {
  let at = unqualified(type);
  while (at.kind === "typedef") at = unqualified(at.to);
  return at;
}

/** Looks through qualifiers and tags; a typedef stays. */
export function unqualified(type: CType): CType {
  let at = type;
  while (at.kind === "const" || at.kind === "volatile" || at.kind === "restrict" || at.kind === "type_tag") {
    at = at.to;
  }
  return at;
}

/**
 * True for the character types whose pointers and arrays are strings: `char` and `unsigned char` by these names
 * (`qstr.name` is the latter). `u8` and other typedefs are bytes.
 */
export function isCharacter(type: CType): boolean {
  const bare = unqualified(type);
  return bare.kind === "int" && bare.size === 1 && bare.encoding !== "bool" &&
    (bare.name === "char" || bare.name === "unsigned char");
}
