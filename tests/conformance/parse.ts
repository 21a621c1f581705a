/**
 * Recorded sessions of real kernels, read into the commands that were typed and what each printed.
 *
 * @module
 */

/** One write(2) of a text to a file, as the recordings print it: `FILE << 'text'`, or `FILE < 'text'   (O_TRUNC)`. */
export interface WriteForm {
  readonly kind: "write";
  /** The file: a path, or `kprobe_events`. */
  readonly file: string;
  /** What is written, without the newline that ends it. */
  readonly text: string;
  /** Opened with `O_TRUNC`; with `O_APPEND` otherwise. */
  readonly truncate: boolean;
  /** The recording shows the beginning of the text only; so many bytes were written. */
  readonly cutAt?: number;
}

/** A command line for the shell. */
export interface ShellForm {
  readonly kind: "shell";
  readonly text: string;
}

/** A row of hits and misses: `callers` tasks at once in a function probed by `definition`. */
export interface RowForm {
  readonly kind: "row";
  readonly definition: string;
  readonly callers: number;
}

/** Output whose command the recording doesn't show. */
export interface LoneForm {
  readonly kind: "lone";
}

/** What was typed. */
export type Form = WriteForm | ShellForm | RowForm | LoneForm;

/** One command of a recording with what it printed. */
export interface Entry {
  /** Section and number in it, from 0: `b2:3`. */
  readonly id: string;
  /** Line of the recording that it begins at, from 1. */
  readonly line: number;
  readonly form: Form;
  /** Its lines of output; empty lines at the end are left out. */
  readonly expected: readonly string[];
}

/** Begins a line that no shown command printed, after an empty line, a heading or another of its kind. */
const LONE =
  /^(write\(\d+ bytes\) = |vfs_read\+\d+: write|open=-?\d|\/tests\.sh: line \d+|\w+: blacklist=\d|open\()/;
const WRITE = /^(\S+) (<<|<) '([\s\S]*)'( {3}\(O_TRUNC\))?$/;

/**
 * Reads a recording.
 *
 * ```ts
 * import { parseRecording } from "./parse.ts";
 * import { assertEquals } from "@std/assert";
 * const [entry] = parseRecording("=== b1. define\n$ kprobe_events << 'p vfs_read'\nwrite(11 bytes) = 11\n\n");
 * assertEquals(entry?.id, "b1:0");
 * assertEquals(entry?.form, { kind: "write", file: "kprobe_events", text: "p vfs_read", truncate: false });
 * assertEquals(entry?.expected, ["write(11 bytes) = 11"]);
 * ```
 */
export function parseRecording(text: string): readonly Entry[] {
  return new Parser(text.split("\n")).entries();
}

class Parser {
  readonly #lines: readonly string[];
  readonly #entries: Entry[] = [];
  #at = 0;
  #section = "0";
  #unnamed = 0;
  #count = 0;

  constructor(lines: readonly string[]) {
    this.#lines = lines;
  }

  entries(): readonly Entry[] {
    while (this.#at < this.#lines.length) this.#next();
    return this.#entries;
  }

  #next(): void {
    const line = this.#line();
    if (line.startsWith("=== ")) this.#heading(line);
    else if (line.startsWith("$ ")) this.#command();
    else if (line.startsWith("definition: ")) this.#row();
    else if (LONE.test(line)) this.#lone();
    else this.#at++;
  }

  #heading(line: string): void {
    const name = /^=== ([a-z]\d+)\./.exec(line)?.[1];
    this.#section = name ?? `${this.#section.replace(/\+.*/, "")}+${++this.#unnamed}`;
    this.#count = 0;
    this.#at++;
  }

  #command(): void {
    const line = this.#at + 1;
    let text = this.#line().slice(2);
    this.#at++;
    // A text of several lines: the quote that the command opened closes further down.
    const cut = /^write\((\d+) bytes\)/.exec(this.#line())?.[1];
    if (cut !== undefined && /^\S+ << '[^']*$/.test(text)) {
      const form = formOf(`${text}'`);
      const whole = form.kind === "write" ? { ...form, cutAt: Number(cut) } : form;
      this.#add(line, whole, this.#output());
      return;
    }
    if (/^\S+ <<? '/.test(text)) {
      while (!WRITE.test(text) && this.#at < this.#lines.length) text += `\n${this.#lines[this.#at++]}`;
    }
    this.#add(line, formOf(text), this.#output());
  }

  /** Everything up to the next command, heading, remark, or line of a command that isn't shown. */
  #output(): string[] {
    const output: string[] = [];
    while (this.#at < this.#lines.length) {
      const line = this.#line();
      if (/^(\$ |=== |-- |definition: )/.test(line)) break;
      const after = output.at(-1);
      if (after === "" && LONE.test(line)) break;
      output.push(line);
      this.#at++;
    }
    while (output.at(-1) === "") output.pop();
    return output;
  }

  #row(): void {
    const line = this.#at + 1;
    const definition = this.#line().slice("definition: ".length);
    const callers = Number(/=(\d+)/.exec(this.#lines[this.#at + 1] ?? "")?.[1]);
    this.#at += 2;
    const expected: string[] = [];
    while (this.#at < this.#lines.length && this.#line().startsWith("  ")) {
      expected.push(this.#line());
      this.#at++;
    }
    this.#add(line, { kind: "row", definition, callers }, expected);
  }

  #lone(): void {
    this.#add(this.#at + 1, { kind: "lone" }, [this.#line()]);
    this.#at++;
  }

  #add(line: number, form: Form, expected: readonly string[]): void {
    this.#entries.push({ id: `${this.#section}:${this.#count++}`, line, form, expected });
  }

  #line(): string {
    return this.#lines[this.#at] ?? "";
  }
}

function formOf(text: string): Form {
  const write = WRITE.exec(text);
  if (write === null) return { kind: "shell", text };
  const [, file = "", , written = "", truncate] = write;
  return { kind: "write", file, text: written, truncate: truncate !== undefined };
}
