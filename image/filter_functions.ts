/**
 * ftrace's list of functions: a number per line, most of them one byte.
 *
 * @module
 */

import { ByteReader, ByteWriter } from "./bytes.ts";

/** What ftrace calls a place that has no symbol: the offset from the symbol before it follows. */
export const INVALID_ADDRESS = "__ftrace_invalid_address___";

/** A line: the index of its symbol among those sorted by address, or the offset of a place without one. */
export type FilterLine = { readonly symbol: number } | { readonly invalid: number };

/** Encodes the lines in their order. */
export function encodeFilterFunctions(lines: readonly FilterLine[]): Uint8Array {
  const out = new ByteWriter().uint(lines.length);
  let last = -1;
  for (const line of lines) {
    // A place without a symbol is never at offset 0: that says "the same symbol again".
    if ("invalid" in line) out.int(0).uint(line.invalid);
    else if (line.symbol === last) out.int(0).uint(0);
    else {
      out.int(line.symbol - last);
      last = line.symbol;
    }
  }
  return out.finish();
}

/** Decodes them to text. */
export function decodeFilterFunctions(
  bytes: Uint8Array,
  symbol: (index: number) => { readonly name: string; readonly module?: string },
): string[] {
  const reader = new ByteReader(bytes);
  const lines: string[] = [];
  const count = reader.uint();
  let last = -1;
  for (let line = 0; line < count; line++) {
    const step = reader.int();
    const offset = step === 0 ? reader.uint() : 0;
    if (offset > 0) {
      lines.push(`${INVALID_ADDRESS}${offset}`);
      continue;
    }
    last += step;
    const { name, module } = symbol(last);
    lines.push(module === undefined ? name : `${name} [${module}]`);
  }
  return lines;
}
