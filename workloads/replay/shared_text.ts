/**
 * Names that recordings repeat: each is kept once, so that tables find it without comparing characters.
 *
 * @module
 */

/** Names that are kept at most; what comes later is its own. */
const MOST = 16384;
const known = new Map<string, string>();

/** The same text, the same string each time. */
export function shared(text: string): string {
  const found = known.get(text);
  if (found !== undefined) return found;
  if (known.size < MOST) known.set(text, text);
  return text;
}
