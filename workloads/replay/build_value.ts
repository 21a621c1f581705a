/**
 * Makes the values that a translated call needs and its recording does not have.
 *
 * @module
 */

import { literalBytes } from "./string_literal.ts";
import type { StraceValue } from "./value.ts";

/** `NULL` */
export const NULL: StraceValue = { kind: "null" };
/** `AT_FDCWD` */
export const AT_FDCWD: StraceValue = name("AT_FDCWD");

/** A number. */
export function number(value: number): StraceValue {
  return { kind: "number", text: String(value), value };
}

/** A symbolic constant. */
export function name(constant: string): StraceValue {
  return { kind: "name", name: constant };
}

/** Flags joined by `|`; nested flags are taken apart, and a lone 0 disappears beside others. */
export function flags(...parts: readonly StraceValue[]): StraceValue {
  const terms = parts.flatMap((part) => part.kind === "expression" ? part.terms : [part])
    .filter((term) => !(term.kind === "number" && term.value === 0));
  if (terms.length === 0) return number(0);
  if (terms.length === 1) return terms[0]!;
  return { kind: "expression", terms, operators: terms.slice(1).map(() => "|") };
}

/** A string literal. */
export function text(value: string): StraceValue {
  return { kind: "string", bytes: literalBytes(value), truncated: false };
}

/** A struct from its fields. */
export function struct(fields: Readonly<Record<string, StraceValue>>): StraceValue {
  return {
    kind: "struct",
    fields: Object.entries(fields).map(([field, value]) => ({ name: field, value })),
    omitted: false,
  };
}

/** An array. */
export function array(...items: readonly StraceValue[]): StraceValue {
  return { kind: "array", items: items.map((value) => ({ value })), omitted: false, spaced: false };
}
