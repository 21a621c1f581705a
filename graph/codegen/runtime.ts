/**
 * Functions that generated handlers call, by the names that they have there.
 *
 * @module
 */

import type { Hit } from "../hit.ts";
import { addressText, type Value } from "../value.ts";
import { toInteger } from "../maps/cell.ts";
import { keyPart } from "../maps/aggregate_map.ts";
import { cutBits, readBits } from "./bits.ts";

/** What every generated handler may name. */
export const RUNTIME = {
  addressText,
  toInteger,
  keyPart,
  cutBits,
  readBits,
  unsigned64,
  twoWords,
  recordArray,
} as const;

/** An array inside the tracepoint's record, as a value. */
export function recordArray(hit: Hit, offset: number, size: number, signed: boolean, length: number): Value {
  return {
    kind: "array",
    items: Array.from({ length }, (_, i) => hit.recordLoad(offset + i * size, size, signed)),
  };
}

/** A signed word as an unsigned 64-bit integer; `what` names it where it does not fit a number. */
export function unsigned64(value: number, what: string): number {
  if (value >= 0) return value;
  const exact = BigInt.asUintN(64, BigInt(value));
  throw new RangeError(
    `Cannot read "${what}" as a number: ${exact} is outside ±2^53; c.arg(n) gives the signed word, ${value}`,
  );
}

/** Two 32-bit words as one 64-bit integer; `what` names it where it does not fit a number. */
export function twoWords(low: number, high: number, signed: boolean, what: string): number {
  const value = (signed ? high | 0 : high >>> 0) * 2 ** 32 + (low >>> 0);
  if (Number.isSafeInteger(value)) return value;
  const exact = (BigInt(signed ? high | 0 : high >>> 0) << 32n) + BigInt(low >>> 0);
  throw new RangeError(
    `Cannot read "${what}" as a number: ${exact} is outside ±2^53; c.arg(n) gives its two words`,
  );
}
