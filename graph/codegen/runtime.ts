/**
 * Functions that generated handlers call, by the names that they have there.
 *
 * @module
 */

import type { Hit, Stack } from "../hit.ts";
import type { StackMode } from "../nodes.ts";
import { addressText, type Value } from "../value.ts";
import type { Call, ContextFunction } from "../functions/function.ts";
import { type Cell, toInteger } from "../maps/cell.ts";
import { integerKey, keyPart, type RuntimeMap } from "../maps/runtime_map.ts";
import { cutBits, readBits } from "./bits.ts";
import { C_RUNTIME, type CInt, toS64, toU64 } from "./c_integers.ts";
import { overBudget } from "./budget.ts";

/** What every generated handler may name. */
export const RUNTIME = {
  addressText,
  toInteger,
  keyPart,
  integerKey,
  cutBits,
  readBits,
  unsigned64,
  twoWords,
  recordArray,
  wideWords,
  addInteger,
  used,
  callFunction,
  shownAs,
  overBudget,
  ...C_RUNTIME,
} as const;

/** Adds an integer of C to a map's value. */
export function addInteger(cell: Cell, value: CInt | boolean): void {
  if (typeof value === "bigint") cell.addWide(value);
  else cell.add(Number(value));
}

/** A cell of an LRU map, which is used by that. */
export function used(map: RuntimeMap, cell: Cell | undefined): Cell | undefined {
  if (cell !== undefined) map.touch(cell);
  return cell;
}

/** A stack that prints in another way. */
export function shownAs(stack: Stack, mode: StackMode): Stack {
  return { ...stack, mode };
}

/** Calls a function of the context; `call` is kept from hit to hit. */
export function callFunction(
  definition: ContextFunction,
  call: { -readonly [N in keyof Call]: Call[N] },
  hit: Hit,
  ...args: readonly unknown[]
): unknown {
  call.hit = hit;
  return definition.run(call, ...args);
}

/** Two 32-bit words as one exact 64-bit integer. */
export function wideWords(low: number, high: number, signed: boolean): CInt {
  const value = (signed ? high | 0 : high >>> 0) * 2 ** 32 + (low >>> 0);
  if (Number.isSafeInteger(value)) return value;
  return (signed ? toS64 : toU64)((BigInt(high) << 32n) + BigInt(low >>> 0));
}

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
