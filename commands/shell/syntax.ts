/**
 * The part of the shell's language that working with tracefs needs: quotes, variables, redirections, `;`, `&&`, `||`.
 *
 * @module
 */

/** A piece of a word. Only what is not quoted is split, and its `*`, `?` and `[` match file names. */
export type WordPart =
  | { readonly kind: "text"; readonly text: string; readonly quoted: boolean }
  | { readonly kind: "variable"; readonly name: string; readonly quoted: boolean };

/** A word before expansion. */
export type Word = readonly WordPart[];

/** `> FILE` or `>> FILE`. */
export interface Redirection {
  /** 1 is standard output, 2 standard error. */
  readonly fd: 1 | 2;
  readonly append: boolean;
  /** Null for `2>&1`, and for `>&1`, which changes nothing. */
  readonly target: Word | null;
}

/** One simple command. */
export interface SimpleCommand {
  /** As it was typed. */
  readonly source: string;
  readonly words: readonly Word[];
  readonly redirections: readonly Redirection[];
  /** What stands before it: whether it runs depends on how the one before ended. */
  readonly after: "always" | "success" | "failure";
}

/** The commands of some lines; or null where a quote or a backslash asks for one more line. */
export type Parsed = readonly SimpleCommand[] | null;

/** Wrong use of the language: a sentence. */
export class ShellSyntaxError extends Error {
  override name = "ShellSyntaxError";
}

/** Reads the commands of a text of one or more lines. */
export function parseCommands(text: string): Parsed {
  return new Parser(text).parse();
}

class Parser {
  readonly #text: string;
  #at = 0;
  readonly #commands: SimpleCommand[] = [];
  #words: Word[] = [];
  #redirections: Redirection[] = [];
  #start = 0;
  #after: SimpleCommand["after"] = "always";

  constructor(text: string) {
    this.#text = text;
  }

  parse(): Parsed {
    const text = this.#text;
    for (;;) {
      while (/[ \t]/.test(this.#peek())) this.#at++;
      const rest = text.slice(this.#at);
      if (rest === "") break;
      const c = this.#peek();
      if (c === "#") this.#skipComment();
      else if (c === "\n" || c === ";") this.#end("always", 1, c === ";");
      else if (rest.startsWith("&&")) this.#end("success", 2, true);
      else if (rest.startsWith("||")) this.#end("failure", 2, true);
      else if (c === "|" || c === "&" || c === "<" || c === "(" || c === ")") {
        throw new ShellSyntaxError(
          `syntax error: "${c}" is not understood here: there are no pipes, jobs or subshells`,
        );
      } else if (/^[12]?>/.test(rest)) {
        if (!this.#redirection(rest)) return null;
      } else {
        const word = this.#word();
        if (word === null) return null;
        this.#words.push(word);
      }
    }
    this.#end("always", 0, false);
    return this.#commands;
  }

  /** A command ends here. `needed`: something has to stand before the operator. */
  #end(next: SimpleCommand["after"], length: number, needed: boolean): void {
    const source = this.#text.slice(this.#start, this.#at).trim();
    this.#at += length;
    this.#start = this.#at;
    if (this.#words.length === 0 && this.#redirections.length === 0) {
      if (needed) {
        throw new ShellSyntaxError(
          `syntax error: unexpected "${this.#text.slice(this.#at - length, this.#at)}"`,
        );
      }
      return;
    }
    this.#commands.push({
      source,
      words: this.#words,
      redirections: this.#redirections,
      after: this.#after,
    });
    this.#words = [];
    this.#redirections = [];
    this.#after = next;
  }

  #skipComment(): void {
    // What stands before a comment ends at it, so that the comment is no part of its source.
    const end = this.#text.indexOf("\n", this.#at);
    const after = this.#after;
    this.#end("always", 0, false);
    if (this.#words.length === 0 && after !== "always" && this.#commands.length === 0) this.#after = after;
    this.#at = end < 0 ? this.#text.length : end;
    this.#start = this.#at;
  }

  #redirection(rest: string): boolean {
    const operator = /^([12]?)(>>?)(&1)?/.exec(rest) as RegExpExecArray;
    const fd = operator[1] === "2" ? 2 : 1;
    this.#at += operator[0].length;
    if (operator[3] !== undefined) {
      this.#redirections.push({ fd, append: false, target: null });
      return true;
    }
    while (/[ \t]/.test(this.#peek())) this.#at++;
    if (/^$|[\n;&|<>]/.test(this.#peek())) {
      throw new ShellSyntaxError("syntax error: a file is missing after >");
    }
    const target = this.#word();
    if (target === null) return false;
    this.#redirections.push({ fd, append: operator[2] === ">>", target });
    return true;
  }

  /** One word; null where the text ends inside quotes. */
  #word(): Word | null {
    const parts: WordPart[] = [];
    let plain = "";
    function flush(): void {
      if (plain !== "") parts.push({ kind: "text", text: plain, quoted: false });
      plain = "";
    }
    for (;;) {
      const c = this.#peek();
      if (c === "" || /[ \t\n;&|<>()]/.test(c)) break;
      if (c === "'") {
        const end = this.#text.indexOf("'", this.#at + 1);
        if (end < 0) return null;
        flush();
        parts.push({ kind: "text", text: this.#text.slice(this.#at + 1, end), quoted: true });
        this.#at = end + 1;
      } else if (c === '"') {
        flush();
        if (!this.#doubleQuoted(parts)) return null;
      } else if (c === "\\") {
        const next = this.#text[this.#at + 1];
        if (next === undefined) return null;
        flush();
        if (next !== "\n") parts.push({ kind: "text", text: next, quoted: true });
        this.#at += 2;
      } else if (c === "$" && this.#variableName() !== null) {
        flush();
        parts.push({ kind: "variable", name: this.#takeVariable(), quoted: false });
      } else {
        plain += c;
        this.#at++;
      }
    }
    flush();
    return parts;
  }

  #doubleQuoted(parts: WordPart[]): boolean {
    this.#at++;
    let text = "";
    for (;;) {
      const c = this.#peek();
      if (c === "") return false;
      if (c === '"') break;
      if (c === "$" && this.#variableName() !== null) {
        parts.push({ kind: "text", text, quoted: true });
        text = "";
        parts.push({ kind: "variable", name: this.#takeVariable(), quoted: true });
        continue;
      }
      if (c === "\\" && /["\\$`\n]/.test(this.#text[this.#at + 1] ?? "")) {
        this.#at++;
        if (this.#peek() !== "\n") text += this.#peek();
      } else text += c;
      this.#at++;
    }
    parts.push({ kind: "text", text, quoted: true });
    this.#at++;
    return true;
  }

  #variableName(): RegExpExecArray | null {
    return /^\$(?:([A-Za-z_]\w*)|\{([A-Za-z_]\w*)\}|([?$0-9]))/.exec(this.#text.slice(this.#at));
  }

  #takeVariable(): string {
    const found = this.#variableName() as RegExpExecArray;
    this.#at += found[0].length;
    return found[1] ?? found[2] ?? found[3] ?? "";
  }

  #peek(): string {
    return this.#text[this.#at] ?? "";
  }
}
