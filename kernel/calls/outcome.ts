/**
 * Classes of results, by which a recorded variant is matched to what a behaviour returned.
 *
 * @module
 */

import type { Outcome } from "../shapes/node.ts";

/** Outcomes by their code. */
export const OUTCOMES: readonly Outcome[] = [
  "unknown",
  "void",
  "zero",
  "errno",
  "positive",
  "pointer",
  "null",
];
/** Code of the outcome that says nothing. */
export const UNKNOWN = 0;
const ZERO = 2;
const ERRNO = 3;
const POSITIVE = 4;
const POINTER = 5;

/** The class of a value that a call returned, as a code: an error by `-MAX_ERRNO`, a pointer by its magnitude. */
export function outcomeCode(value: number): number {
  if (value !== value) return UNKNOWN;
  if (value === 0) return ZERO;
  if (value < 0) return value >= -4095 ? ERRNO : POINTER;
  // i386's error values come as unsigned words where a pointer was returned; its kernel pointers lie above 3 GiB.
  if (value >= 0xfffff001 && value <= 0xffffffff) return ERRNO;
  return value >= 0xc0000000 ? POINTER : POSITIVE;
}

/** The class of a value, by name. */
export function outcomeOf(value: number): Outcome {
  return OUTCOMES[outcomeCode(value)] ?? "unknown";
}
