/**
 * Numbers as the kernel's files read them.
 *
 * @module
 */

import { isErrno, kstrtoul } from "./probe_events/kstrto.ts";

/** `kstrtoul` of base 10: an unsigned long, with one newline at the end, or -EINVAL or -ERANGE. */
export function parseUnsigned(text: string, pointerSize: 4 | 8 = 8): number {
  const value = kstrtoul(text, 10, pointerSize === 8 ? 64 : 32);
  return isErrno(value) ? value : Number(value);
}

/** `kstrtobool`: judged by the first letters; null for what is neither. */
export function parseBool(text: string): boolean | null {
  if (/^[yYtT1]/.test(text) || /^[oO][nN]/.test(text)) return true;
  if (/^[nNfF0]/.test(text) || /^[oO][fF]/.test(text)) return false;
  return null;
}
