/**
 * The names that a path is made of.
 *
 * @module
 */

/** Paths that are remembered at most: a program asks for the same ones again and again. */
const REMEMBERED = 16384;
const known = new Map<string, readonly string[]>();

/** The components of a path, in order, but empty ones and `.`. */
export function pathNames(path: string): readonly string[] {
  let names = known.get(path);
  if (names === undefined) {
    names = cut(path);
    if (known.size === REMEMBERED) known.clear();
    known.set(path, names);
  }
  return names;
}

function cut(path: string): readonly string[] {
  const names: string[] = [];
  for (let at = 0; at < path.length;) {
    const slash = path.indexOf("/", at);
    const end = slash < 0 ? path.length : slash;
    if (end > at + 1 || end === at + 1 && path.charCodeAt(at) !== DOT) names.push(path.slice(at, end));
    at = end + 1;
  }
  return names;
}

const DOT = 0x2e;
