/**
 * Numbers as the kernel's files read them.
 *
 * @module
 */

/** `kstrtoul` and its like: digits of base 10 (0 and 0x prefixes with base 0), one newline at the end; null for anything else. */
export function parseUnsigned(text: string, base: 0 | 10 = 10): number | null {
  const body = /^\+?([0-9a-fA-Fx]+)\n?$/.exec(text)?.[1];
  if (body === undefined) return null;
  if (/^[0-9]+$/.test(body) && (base === 10 || !/^0[0-9]/.test(body))) return Number(body);
  if (base === 0 && /^0x[0-9a-fA-F]+$/.test(body)) return Number(body);
  if (base === 0 && /^0[0-7]+$/.test(body)) return parseInt(body, 8);
  return null;
}

/** `kstrtobool`: judged by the first letters; null for what is neither. */
export function parseBool(text: string): boolean | null {
  if (/^[yYtT1]/.test(text) || /^[oO][nN]/.test(text)) return true;
  if (/^[nNfF0]/.test(text) || /^[oO][fF]/.test(text)) return false;
  return null;
}
