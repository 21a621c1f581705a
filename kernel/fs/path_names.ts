/**
 * The names that a path is made of.
 *
 * @module
 */

/** Paths that are remembered at most: a program asks for the same ones again and again. */
const REMEMBERED = 4096;
const known = new Map<string, readonly string[]>();

/** The components of a path, in order, but empty ones and `.`. */
export function pathNames(path: string): readonly string[] {
  let names = known.get(path);
  if (names === undefined) {
    names = path.split("/").filter((name) => name !== "" && name !== ".");
    if (known.size === REMEMBERED) known.clear();
    known.set(path, names);
  }
  return names;
}
