/**
 * How often a trigger, or a command on a function, may act.
 *
 * @module
 */

import { isErrno, kstrtoul } from "./probe_events/kstrto.ts";

/** `COUNT` up to a colon: a number, -1 without one, or -errno. */
export function parseTriggerCount(text: string | undefined, wordSize: 4 | 8): bigint | number {
  if (text === undefined) return -1n;
  const bits = wordSize === 8 ? 64 : 32;
  const count = kstrtoul(text.split(":", 1)[0] ?? "", 0, bits);
  return isErrno(count) ? count : BigInt.asIntN(bits, count);
}
