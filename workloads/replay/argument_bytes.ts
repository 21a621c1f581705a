/**
 * Integers and sets as bytes in user memory.
 *
 * @module
 */

import { signalNumber } from "./constants/signals.ts";
import type { StraceArgument, StraceValue } from "./value.ts";

/** An integer in little endian, modulo its size. */
export function wordBytes(word: number, size: number): Uint8Array {
  const bytes = new Uint8Array(size);
  let rest = BigInt.asUintN(64, BigInt(Math.trunc(Number.isFinite(word) ? word : 0)));
  for (let at = 0; at < size; at++, rest >>= 8n) bytes[at] = Number(rest & 0xffn);
  return bytes;
}

/** Whether a value is an inverted set: `~[RTMIN RT_1]`. */
export function isSignalSet(value: StraceValue): boolean {
  return value.kind === "unary" && value.operator === "~" && value.operand.kind === "array";
}

/** The 64-bit mask of `[CHLD RT_1]` or `~[RTMIN RT_1]`. */
export function signalSet(value: StraceValue): Uint8Array {
  const inverted = value.kind === "unary";
  const set = inverted ? value.operand : value;
  let mask = 0n;
  for (const item of set.kind === "array" ? set.items : []) {
    const { value: element } = item;
    const signal = element.kind === "name"
      ? signalNumber(element.name)
      : element.kind === "number"
      ? element.value
      : undefined;
    if (signal !== undefined && signal > 0) mask |= 1n << BigInt(signal - 1);
  }
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, BigInt.asUintN(64, inverted ? ~mask : mask), true);
  return bytes;
}

/** Bits of an fd_set or a cpu mask, 1024 of them. */
export function bitSet(items: readonly StraceArgument[]): Uint8Array {
  const bytes = new Uint8Array(128);
  for (const { value } of items) {
    if (value.kind === "number" && value.value >= 0 && value.value < 1024) {
      bytes[value.value >> 3]! |= 1 << (value.value & 7);
    }
  }
  return bytes;
}

/** Byte strings, one after another. */
export function concat(parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}
