/**
 * Globs as the kernel's own filters take them: `*`, `?`, `[a-z]`, `[!a-z]` (or `[^a-z]`), and `\` before a character that stands for itself.
 *
 * @module
 */

/**
 * Compiles a glob to a test of whole names. A `[` without its `]` stands for itself.
 *
 * ```ts
 * import { globMatcher } from "./glob.ts";
 * import { assert } from "@std/assert";
 * assert(globMatcher("vfs_[rw]*")("vfs_read"));
 * assert(!globMatcher("vfs_?")("vfs_read"));
 * ```
 */
export function globMatcher(glob: string): (name: string) => boolean {
  if (/^[^*?[\\]*$/.test(glob)) return (name) => name === glob;
  const prefix = /^([^*?[\\]*)\*$/.exec(glob)?.[1];
  if (prefix !== undefined) return (name) => name.startsWith(prefix);
  const pattern = new RegExp(`^${translate(glob)}$`, "s");
  return (name) => pattern.test(name);
}

/** Whether a text has any glob character, so that it may match more than itself. */
export function isGlob(text: string): boolean {
  return /[*?[]/.test(text);
}

function translate(glob: string): string {
  let out = "";
  for (let i = 0; i < glob.length; i++) {
    const c = glob[i]!;
    if (c === "*") out += out.endsWith(".*") ? "" : ".*";
    else if (c === "?") out += ".";
    else if (c === "[") {
      const end = glob.indexOf("]", i + 2 + (/[!^]/.test(glob[i + 1] ?? "") ? 1 : 0));
      if (end < 0) out += "\\[";
      else {
        out += bracket(glob.slice(i + 1, end));
        i = end;
      }
    } else if (c === "\\" && i + 1 < glob.length) out += escape(glob[++i]!);
    else out += escape(c);
  }
  return out;
}

function bracket(inside: string): string {
  const negated = /^[!^]/.test(inside);
  const body = (negated ? inside.slice(1) : inside).replace(/[\\\]^[&]/g, "\\$&");
  // A range that runs backwards matches nothing, as in fnmatch.
  const ranges = body.replace(
    /(\\?.)-(\\?.)/g,
    (range, a: string, b: string) => a.at(-1)! > b.at(-1)! ? "" : range,
  );
  if (ranges === "") return negated ? "." : "(?!)";
  return `[${negated ? "^" : ""}${ranges}]`;
}

function escape(c: string): string {
  return c.replace(/[.*+?^${}()|[\]\\/]/, "\\$&");
}
