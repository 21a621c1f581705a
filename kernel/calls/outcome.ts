/**
 * Classes of results, by which a recorded variant is matched to what a behaviour returned.
 *
 * @module
 */

import type { Outcome } from "../shapes/node.ts";

/** The class of a value that a call returned: an error by `-MAX_ERRNO`, a pointer by its magnitude. */
export function outcomeOf(value: number): Outcome {
  if (value !== value) return "unknown";
  if (value === 0) return "zero";
  if (value < 0) return value >= -4095 ? "errno" : "pointer";
  // i386's error values come as unsigned words where a pointer was returned; its kernel pointers lie above 3 GiB.
  if (value >= 0xfffff001 && value <= 0xffffffff) return "errno";
  return value >= 0xc0000000 ? "pointer" : "positive";
}
