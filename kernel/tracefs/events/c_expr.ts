/**
 * The C expressions of a `print fmt`, as a tree.
 *
 * @module
 */

import type { Token } from "./c_tokens.ts";

/** An expression. */
export type CExpr =
  | { readonly kind: "number"; readonly value: bigint }
  | { readonly kind: "string"; readonly text: string }
  /** An enumerator, or something that only the kernel's source knows. */
  | { readonly kind: "name"; readonly name: string }
  /** `REC->name` */
  | { readonly kind: "field"; readonly name: string }
  | { readonly kind: "index"; readonly of: CExpr; readonly index: CExpr }
  | { readonly kind: "unary"; readonly op: string; readonly of: CExpr }
  | { readonly kind: "binary"; readonly op: string; readonly left: CExpr; readonly right: CExpr }
  | { readonly kind: "choice"; readonly test: CExpr; readonly yes: CExpr; readonly no: CExpr }
  | { readonly kind: "cast"; readonly type: string; readonly of: CExpr }
  | { readonly kind: "sizeof"; readonly type: string }
  | { readonly kind: "call"; readonly name: string; readonly args: readonly CExpr[] }
  /** `{ 1, "one" }` */
  | { readonly kind: "list"; readonly items: readonly CExpr[] };

const PRECEDENCE: Readonly<Record<string, number>> = {
  "||": 1,
  "&&": 2,
  "|": 3,
  "^": 4,
  "&": 5,
  "==": 6,
  "!=": 6,
  "<": 7,
  ">": 7,
  "<=": 7,
  ">=": 7,
  "<<": 8,
  ">>": 8,
  "+": 9,
  "-": 9,
  "*": 10,
  "/": 10,
  "%": 10,
};

const TYPE_WORD =
  /^(?:void|char|short|int|long|signed|unsigned|const|volatile|struct|union|enum|bool|size_t|ssize_t|loff_t|off_t|dev_t|pid_t|sector_t|gfp_t|ino_t|umode_t|fmode_t|dma_addr_t|phys_addr_t|resource_size_t|uintptr_t|pgoff_t|__?[sul]e?(?:8|16|32|64)|[us](?:8|16|32|64)|__be(?:16|32|64)|u?int(?:8|16|32|64)_t|\w+_t)$/;

/** Not C, or C that is not understood here. */
class NotUnderstood extends Error {}

/** Reads the parts between commas of a whole `print fmt`; null where one is not understood. */
export function parseExpressions(tokens: readonly Token[]): readonly CExpr[] | null {
  const parser = new Parser(tokens);
  try {
    return parser.all();
  } catch (error) {
    if (error instanceof NotUnderstood) return null;
    throw error;
  }
}

class Parser {
  readonly #tokens: readonly Token[];
  #at = 0;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  all(): CExpr[] {
    const items = [this.#expression()];
    while (this.#take(",")) items.push(this.#expression());
    if (this.#at < this.#tokens.length) throw new NotUnderstood();
    return items;
  }

  #expression(): CExpr {
    const test = this.#binary(1);
    if (!this.#take("?")) return test;
    const yes = this.#peek(":") ? test : this.#expression();
    this.#expect(":");
    return { kind: "choice", test, yes, no: this.#expression() };
  }

  #binary(least: number): CExpr {
    let left = this.#unary();
    for (;;) {
      const token = this.#tokens[this.#at];
      const precedence = token?.kind === "mark" ? PRECEDENCE[token.text] ?? 0 : 0;
      if (token?.kind !== "mark" || precedence < least) return left;
      this.#at++;
      left = { kind: "binary", op: token.text, left, right: this.#binary(precedence + 1) };
    }
  }

  #unary(): CExpr {
    for (const op of ["!", "~", "-", "+", "*", "&"]) {
      if (this.#take(op)) return { kind: "unary", op, of: this.#unary() };
    }
    const type = this.#castType();
    if (type !== null) return { kind: "cast", type, of: this.#unary() };
    return this.#postfix();
  }

  /** `(type)` or `(type *)`; null where a parenthesis opens an expression. */
  #castType(): string | null {
    if (!this.#peek("(")) return null;
    let at = this.#at + 1;
    const words: string[] = [];
    for (let token = this.#tokens[at]; token !== undefined; token = this.#tokens[++at]) {
      if (token.kind === "name" && (TYPE_WORD.test(token.text) || isTag(words))) words.push(token.text);
      else if (token.kind === "mark" && token.text === "*" && words.length > 0) words.push("*");
      else break;
    }
    const close = this.#tokens[at];
    if (words.length === 0 || close?.kind !== "mark" || close.text !== ")") return null;
    this.#at = at + 1;
    return words.join(" ");
  }

  #postfix(): CExpr {
    let value = this.#primary();
    for (;;) {
      if (this.#take("[")) {
        const index = this.#expression();
        this.#expect("]");
        value = { kind: "index", of: value, index };
      } else if (this.#take("->")) {
        const name = this.#name();
        if (value.kind !== "name" || value.name !== "REC") throw new NotUnderstood();
        value = { kind: "field", name };
      } else {
        return value;
      }
    }
  }

  #primary(): CExpr {
    const token = this.#tokens[this.#at++];
    if (token === undefined) throw new NotUnderstood();
    if (token.kind === "number" || token.kind === "string") return token;
    if (token.kind === "name") return this.#named(token.text);
    if (token.text === "(") {
      const inside = this.#expression();
      this.#expect(")");
      return inside;
    }
    if (token.text === "{") return { kind: "list", items: this.#items("}") };
    throw new NotUnderstood();
  }

  #named(name: string): CExpr {
    if (name === "sizeof") {
      const type = this.#castType();
      if (type === null) throw new NotUnderstood();
      return { kind: "sizeof", type };
    }
    if (this.#take("(")) return { kind: "call", name, args: this.#items(")") };
    return { kind: "name", name };
  }

  #items(close: string): CExpr[] {
    const items: CExpr[] = [];
    while (!this.#take(close)) {
      items.push(this.#expression());
      if (!this.#peek(close)) this.#expect(",");
    }
    return items;
  }

  #name(): string {
    const token = this.#tokens[this.#at++];
    if (token?.kind !== "name") throw new NotUnderstood();
    return token.text;
  }

  #peek(mark: string): boolean {
    const token = this.#tokens[this.#at];
    return token?.kind === "mark" && token.text === mark;
  }

  #take(mark: string): boolean {
    const found = this.#peek(mark);
    if (found) this.#at++;
    return found;
  }

  #expect(mark: string): void {
    if (!this.#take(mark)) throw new NotUnderstood();
  }
}

function isTag(words: readonly string[]): boolean {
  const last = words.at(-1);
  return last === "struct" || last === "union" || last === "enum";
}
