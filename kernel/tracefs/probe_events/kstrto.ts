/**
 * `kstrtoull` and its family: numbers as the kernel takes them from user space. Each gives the value, or `-errno` as a
 * JavaScript number: -EINVAL for what is no number, -ERANGE for one that does not fit.
 *
 * @module
 */

import { EINVAL, ERANGE } from "../../syscalls/errno.ts";

/** A value, or `-errno`. */
export type Parsed = bigint | number;

/** Whether a parsed number is an error. */
export function isErrno(parsed: Parsed): parsed is number {
  return typeof parsed === "number";
}

/** An unsigned number of `bits` bits: an optional `+`, digits of the base (0 takes `0x` and `0` prefixes), an optional newline. */
export function kstrtoul(text: string, base: 0 | 10, bits: 32 | 64): Parsed {
  return unsigned(text.startsWith("+") ? text.slice(1) : text, base, bits);
}

/** A signed number of `bits` bits: like `kstrtoul`, or with a `-`. */
export function kstrtol(text: string, base: 0 | 10, bits: 32 | 64): Parsed {
  if (text.startsWith("-")) {
    const value = unsigned(text.slice(1), base, 64);
    if (isErrno(value)) return value;
    return value > 1n << BigInt(bits - 1) ? -ERANGE : -value;
  }
  const value = kstrtoul(text, base, 64);
  if (isErrno(value)) return value;
  return value >= 1n << BigInt(bits - 1) ? -ERANGE : value;
}

/** What `simple_strtoul` with base 0 reads at the start of a text, and how many characters it took. */
export function simpleStrtoul(text: string): { readonly value: bigint; readonly taken: number } {
  const found = /^(?:0[xX][0-9a-fA-F]+|0[0-7]*|[1-9][0-9]*)/.exec(text)?.[0] ?? "";
  return { value: found === "" ? 0n : digits(found), taken: found.length };
}

function unsigned(text: string, base: 0 | 10, bits: 32 | 64): Parsed {
  const body = text.endsWith("\n") ? text.slice(0, -1) : text;
  const valid = base === 10 ? /^[0-9]+$/ : /^(?:0[xX][0-9a-fA-F]+|0[0-7]*|[1-9][0-9]*)$/;
  if (!valid.test(body)) return -EINVAL;
  const value = base === 10 ? BigInt(body) : digits(body);
  return value >> BigInt(bits) !== 0n ? -ERANGE : value;
}

function digits(text: string): bigint {
  if (/^0[0-7]+$/.test(text)) return BigInt(`0o${text.slice(1)}`);
  return BigInt(text);
}
