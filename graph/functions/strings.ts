/**
 * Functions on strings.
 *
 * @module
 */

import { BOOL, INT64, UINT64 } from "../types.ts";
import { type ContextFunction, near } from "./function.ts";

/** 0 where the first `length` characters of both are the same, else 1. */
const strncmp: ContextFunction = {
  name: "strncmp",
  summary: "compares the first characters of two strings: 0 where they are the same",
  parameters: [
    { name: "a", kind: "string" },
    { name: "b", kind: "string" },
    { name: "length", kind: "integer" },
  ],
  result: INT64,
  run: (_call, a, b, length) => {
    const count = near(length);
    return String(a).slice(0, count) === String(b).slice(0, count) ? 0 : 1;
  },
};

const strcontains: ContextFunction = {
  name: "strcontains",
  summary: "whether one string is in another",
  parameters: [{ name: "text", kind: "string" }, { name: "part", kind: "string" }],
  result: BOOL,
  run: (_call, text, part) => String(text).includes(String(part)),
};

/** Bytes of a string, as C counts them. */
const strlen: ContextFunction = {
  name: "strlen",
  summary: "the length of a string in bytes",
  parameters: [{ name: "text", kind: "string" }],
  result: UINT64,
  run: (_call, text) => new TextEncoder().encode(String(text)).length,
};

const strstr: ContextFunction = {
  name: "strstr",
  summary: "where one string begins in another, -1 where it is not in it",
  parameters: [{ name: "text", kind: "string" }, { name: "part", kind: "string" }],
  result: INT64,
  run: (_call, text, part) => String(text).indexOf(String(part)),
};

/** Functions on strings. */
export const STRING_FUNCTIONS: readonly ContextFunction[] = [strncmp, strcontains, strlen, strstr];
