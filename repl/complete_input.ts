/**
 * Whether a piece of TypeScript ends where a statement may end, or goes on in the next line. A scanner, not a
 * parser: it knows strings, templates, comments, regular expressions and brackets, and what an expression can't end with.
 *
 * @module
 */

const OPENING = "([{";
const CLOSING: Readonly<Record<string, string>> = { ")": "(", "]": "[", "}": "{" };
/** Words after which an expression follows, so that a `/` starts a regular expression and a line can't end. */
const PREFIX_WORDS = /(?:^|[^\w$.])(?:return|typeof|instanceof|in|of|new|await|void|delete|extends|case|=>)$/;

/** True if `source` is unfinished: an open bracket, template or comment, or a trailing operator. */
export function isUnfinished(source: string): boolean {
  const open: string[] = [];
  /** Code so far with strings and comments taken out: what stands before a `/`, what the source ends with. */
  let code = "";
  let i = 0;
  while (i < source.length) {
    const ch = source[i]!;
    const two = source.slice(i, i + 2);
    if (two === "//") {
      const end = source.indexOf("\n", i);
      i = end < 0 ? source.length : end;
    } else if (two === "/*") {
      const end = source.indexOf("*/", i + 2);
      if (end < 0) return true;
      i = end + 2;
    } else if (ch === '"' || ch === "'") {
      const end = endOfString(source, i, ch);
      if (end < 0) return false;
      code += "s";
      i = end;
    } else if (ch === "`" || (ch === "}" && open.at(-1) === "`")) {
      if (ch === "}") open.pop();
      const end = endOfTemplate(source, i + 1);
      if (end < 0) return true;
      if (source[end - 1] === "`") code += "s";
      else {
        open.push("`");
        code += "(";
      }
      i = end;
    } else if (ch === "/" && startsRegExp(code)) {
      const end = endOfRegExp(source, i);
      if (end < 0) return false;
      code += "s";
      i = end;
    } else {
      if (OPENING.includes(ch)) open.push(ch);
      else if (CLOSING[ch] !== undefined && open.pop() !== CLOSING[ch]) return false;
      code += ch;
      i++;
    }
  }
  return open.length > 0 || endsOpen(code.trimEnd());
}

function endsOpen(code: string): boolean {
  if (/(\+\+|--)$/.test(code)) return false;
  return /(=>|[=+\-*%&|^<?:,.~!])$/.test(code) || PREFIX_WORDS.test(code);
}

function startsRegExp(code: string): boolean {
  const before = code.trimEnd();
  return before === "" || /[(,=:[!&|?{};+\-*%~^<>]$/.test(before) || PREFIX_WORDS.test(before);
}

/** Index after the closing quote, or -1 where the line ends first. */
function endOfString(source: string, start: number, quote: string): number {
  for (let i = start + 1; i < source.length; i++) {
    if (source[i] === "\\") i++;
    else if (source[i] === quote) return i + 1;
    else if (source[i] === "\n") return -1;
  }
  return -1;
}

/** Index after the closing backtick or after `${`, or -1. */
function endOfTemplate(source: string, start: number): number {
  for (let i = start; i < source.length; i++) {
    if (source[i] === "\\") i++;
    else if (source[i] === "`") return i + 1;
    else if (source[i] === "$" && source[i + 1] === "{") return i + 2;
  }
  return -1;
}

function endOfRegExp(source: string, start: number): number {
  let inClass = false;
  for (let i = start + 1; i < source.length && source[i] !== "\n"; i++) {
    if (source[i] === "\\") i++;
    else if (source[i] === "[") inClass = true;
    else if (source[i] === "]") inClass = false;
    else if (source[i] === "/" && !inClass) return i + 1;
  }
  return -1;
}
