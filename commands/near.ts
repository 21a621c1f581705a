/**
 * Near names in the words of an error.
 *
 * @module
 */

export { nearNames as near } from "../image/near.ts";

/** `; did you mean "a" or "b"?`, or an empty string without names. */
export function didYouMean(names: readonly string[]): string {
  if (names.length === 0) return "";
  const quoted = names.map((name) => `"${name}"`);
  const last = quoted.pop()!;
  return `; did you mean ${quoted.length === 0 ? last : `${quoted.join(", ")} or ${last}`}?`;
}
