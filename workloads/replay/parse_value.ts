/**
 * Reads the values between the parentheses of a recorded call. The grammar is C's, loosely: what strace prints changes
 * with its version and options, so a value of unknown form is kept as raw text instead of failing the line.
 *
 * @module
 */

import { shared } from "./shared_text.ts";
import { endOfLiteral, literalBytes } from "./string_literal.ts";
import type { StraceArgument, StraceValue } from "./value.ts";

const NUMBER = /-?(?:0x[0-9a-fA-F]+|[0-9]+)(?![0-9A-Za-z_])/y;
const WORD = /[A-Za-z_?][A-Za-z0-9_?.\-]*(?<![\-.])/y;
const FIELD = /[A-Za-z_][A-Za-z0-9_.]*(?=\s?=[^=>])/y;
const OPERATOR = /\s*(or(?= )|\|\||&&|<<|>>|==|!=|\||\*|\+|&(?![A-Za-z_])|-(?=\s)|%)\s*/y;

/** A list of values and where the text after it begins. */
export interface ParsedList {
  readonly items: readonly StraceArgument[];
  /** `...` stood in the list. */
  readonly omitted: boolean;
  /** Separated by spaces, not commas. */
  readonly spaced: boolean;
  /** Index of the closing bracket, or of the end of the text when there is none. */
  readonly end: number;
}

/** Reads a list from `start` up to the closing bracket `close` (`)`, `]` or `}`). */
export function parseList(text: string, start: number, close: string): ParsedList {
  return new Parser(text, start).list(close);
}

/** Reads one value that must take up the whole text; text of unknown form is a raw value. */
export function parseValue(text: string): StraceValue {
  const parser = new Parser(text, 0);
  const value = parser.value(false);
  return parser.at === text.length && value !== null ? value : { kind: "raw", text };
}

class Parser {
  at: number;
  readonly #text: string;

  constructor(text: string, at: number) {
    this.#text = text;
    this.at = at;
  }

  list(close: string): ParsedList {
    const text = this.#text;
    const items: StraceArgument[] = [];
    let omitted = false;
    let spaced = false;
    for (;;) {
      this.#space();
      if (this.at >= text.length || text[this.at] === close) break;
      if (text.startsWith("...", this.at)) {
        omitted = true;
        this.at += 3;
      } else {
        items.push(this.#argument(close));
      }
      const before = this.at;
      this.#space();
      const next = text[this.at];
      if (next === ",") this.at++;
      else if (next !== close && next !== undefined && this.at > before) spaced = true;
    }
    return { items, omitted, spaced, end: this.at };
  }

  #argument(close: string): StraceArgument {
    const start = this.at;
    const name = isLetter(this.#text.charCodeAt(start)) ? this.#match(FIELD) : null;
    if (name !== null) {
      this.#space();
      this.at++;
      this.#space();
    }
    const value = this.value(close === "]" || close === "}");
    const next = this.#text[this.at];
    if (value === null || !(next === undefined || next === "," || next === close || next === " ")) {
      this.at = start;
      return { value: this.#raw(close) };
    }
    return name === null ? { value } : { name: shared(name), value };
  }

  /** A whole value: terms, operators, comment, `=>`. `inSet`: a space may begin the next element. */
  value(inSet: boolean): StraceValue | null {
    const first = this.#term(inSet);
    if (first === null) return null;
    let value = first;
    // Most values end right here.
    if (isEnd(this.#text.charCodeAt(this.at))) return first;
    let comment = this.#comment();
    const terms = [first];
    const operators: string[] = [];
    for (;;) {
      const operator = this.#match(OPERATOR);
      if (operator === null) break;
      const term = this.#term(inSet);
      if (term === null) return null;
      operators.push(operator.trim());
      terms.push(term);
      comment = this.#comment() ?? comment;
    }
    if (operators.length > 0) value = { kind: "expression", terms, operators };
    if (comment !== null) value = { ...value, comment };
    if (this.#text.startsWith(" => ", this.at)) {
      this.at += 4;
      const after = this.value(inSet);
      if (after === null) return null;
      return { kind: "changed", before: value, after };
    }
    return value;
  }

  #term(inSet: boolean): StraceValue | null {
    const text = this.#text;
    const char = text[this.at];
    switch (char) {
      case undefined:
        return null;
      case '"':
        return this.#string(false);
      case "@":
        if (text[this.at + 1] !== '"') return null;
        this.at++;
        return this.#string(true);
      case "{": {
        this.at++;
        const list = this.list("}");
        this.at = list.end + 1;
        return list.end < text.length ? { kind: "struct", fields: list.items, omitted: list.omitted } : null;
      }
      case "[": {
        this.at++;
        const { items, omitted, spaced, end } = this.list("]");
        this.at = end + 1;
        return end < text.length ? { kind: "array", items, omitted, spaced } : null;
      }
      case "~":
      case "&":
      case "!": {
        this.at++;
        const operand = this.#term(inSet);
        return operand === null ? null : { kind: "unary", operator: char, operand };
      }
      case "(": {
        this.at++;
        const inner = this.value(false);
        if (inner === null || text[this.at] !== ")") return null;
        this.at++;
        return inner;
      }
    }
    const number = isLetter(text.charCodeAt(this.at)) ? null : this.#match(NUMBER);
    if (number !== null) {
      this.#annotation();
      return { kind: "number", text: number, value: wordOf(number) };
    }
    if (char === "-" && inSet) {
      this.at++;
      const word = this.#match(WORD);
      return word === null ? null : { kind: "name", name: "-" + word };
    }
    const word = this.#match(WORD);
    if (word === null) return null;
    if (word === "NULL") return { kind: "null" };
    if (word.charCodeAt(0) === 63 && /^\?+$/.test(word)) return { kind: "raw", text: word };
    if (text[this.at] === "(") {
      this.at++;
      const list = this.list(")");
      if (list.end >= text.length) return null;
      this.at = list.end + 1;
      return { kind: "call", name: word, args: list.items };
    }
    this.#annotation();
    return { kind: "name", name: shared(word) };
  }

  #string(abstract: boolean): StraceValue | null {
    const end = endOfLiteral(this.#text, this.at);
    if (end < 0) return null;
    const bytes = literalBytes(this.#text.slice(this.at + 1, end));
    this.at = end + 1;
    const truncated = this.#text.startsWith("...", this.at);
    if (truncated) this.at += 3;
    return abstract ? { kind: "string", bytes, truncated, abstract } : { kind: "string", bytes, truncated };
  }

  /** Skips what `-y` adds to a descriptor: `3</etc/hosts>`, `4<TCP:[127.0.0.1:80->127.0.0.1:90]>`. */
  #annotation(): void {
    const text = this.#text;
    if (text[this.at] !== "<" || text[this.at + 1] === "<") return;
    let depth = 0;
    for (let at = this.at; at < text.length; at++) {
      if (text[at] === "<") depth++;
      else if (text[at] === ">" && text[at - 1] !== "-" && --depth === 0) {
        this.at = at + 1;
        return;
      }
    }
  }

  #comment(): string | null {
    const text = this.#text;
    let at = this.at;
    while (text[at] === " ") at++;
    if (!text.startsWith("/*", at)) return null;
    const end = text.indexOf("*/", at + 2);
    if (end < 0) return null;
    this.at = end + 2;
    return text.slice(at + 2, end).trim();
  }

  /** Everything up to the next separator at this depth, brackets and strings balanced. */
  #raw(close: string): StraceValue {
    const text = this.#text;
    const start = this.at;
    let depth = 0;
    for (; this.at < text.length; this.at++) {
      const char = text[this.at]!;
      if (depth === 0 && (char === "," || char === close)) break;
      if (char === '"') {
        const end = endOfLiteral(text, this.at);
        if (end >= 0) this.at = end;
      } else if ("([{".includes(char)) depth++;
      else if (")]}".includes(char) && --depth < 0) depth = 0;
    }
    return { kind: "raw", text: text.slice(start, this.at).trimEnd() };
  }

  #space(): void {
    while (this.#text.charCodeAt(this.at) === 32) this.at++;
  }

  #match(pattern: RegExp): string | null {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.#text);
    if (found === null) return null;
    this.at = pattern.lastIndex;
    return found[0];
  }
}

/** A letter or `_`: begins a name, and no number. */
function isLetter(code: number): boolean {
  return (code >= 97 && code <= 122) || (code >= 65 && code <= 90) || code === 95;
}

/** `,`, `)`, `]` or `}`: behind it there is no more of a value. */
function isEnd(code: number): boolean {
  return code === 44 || code === 41 || code === 93 || code === 125;
}

/** The signed 64-bit word that a printed number stands for; NaN where a double cannot hold it exactly. */
export function wordOf(text: string): number {
  const negative = text.charCodeAt(0) === 45;
  const digits = negative ? text.slice(1) : text;
  const octal = digits.length > 1 && digits.charCodeAt(0) === 48 && digits[1] !== "x" &&
    /^[0-7]+$/.test(digits);
  const value = octal ? parseInt(digits, 8) : Number(digits);
  if (Number.isSafeInteger(value)) return negative ? -value : value;
  const word = BigInt.asIntN(64, BigInt(octal ? `0o${digits}` : digits) * (negative ? -1n : 1n));
  return BigInt(Number(word)) === word ? Number(word) : NaN;
}
