/**
 * JSON as bpftrace spaces it: `", "` and `": "` in objects, a bare `","` in arrays.
 *
 * @module
 */

/** An object from keys and values that are JSON already. */
export function jsonObject(entries: readonly (readonly [key: string, json: string])[]): string {
  return `{${entries.map(([key, json]) => `${jsonString(key)}: ${json}`).join(", ")}}`;
}

/** An array of items that are JSON already. */
export function jsonArray(items: readonly string[]): string {
  return `[${items.join(",")}]`;
}

/** A string: quotes, backslashes and control characters are escaped, everything else is itself. */
export function jsonString(text: string): string {
  // deno-lint-ignore no-control-regex
  return `"${text.replace(/["\\\u0000-\u001f]/g, escapeCharacter)}"`;
}

function escapeCharacter(character: string): string {
  switch (character) {
    case '"':
      return '\\"';
    case "\\":
      return "\\\\";
    case "\n":
      return "\\n";
    case "\r":
      return "\\r";
    case "\t":
      return "\\t";
    default:
      return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
  }
}

/** A number; an integer that a double cannot hold exactly is a string, what is no number is null. */
export function jsonNumber(value: number | bigint): string {
  if (typeof value === "number") return Number.isFinite(value) ? String(value + 0) : "null";
  return BigInt(Number(value)) === value ? String(value) : `"${value}"`;
}
