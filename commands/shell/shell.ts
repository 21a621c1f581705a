/**
 * A root shell in `/sys/kernel/tracing` of a modeled kernel.
 *
 * @module
 */

import { globMatcher, isGlob } from "../../image/glob.ts";
import type { Kernel } from "../../kernel/kernel.ts";
import type { ErrnoResult } from "../../kernel/tracefs/result.ts";
import type { Task } from "../../kernel/process/task.ts";
import { type Builtin, BUILTINS, type CommandIo } from "./builtins.ts";
import {
  parseCommands,
  type Redirection,
  ShellSyntaxError,
  type SimpleCommand,
  type Word,
} from "./syntax.ts";
import type { WorkloadSource } from "./workloads.ts";

/** What a command did. */
export interface CommandResult {
  /** As it was typed. */
  readonly command: string;
  /** Name of the error that it ran into last, or null. */
  readonly errno: string | null;
  /** What it printed: results and messages, in their order. */
  readonly output: string;
}

/** How a shell is made. */
export interface ShellOptions {
  readonly kernel: Kernel;
  /** Opens what `run` names. */
  readonly workloads: WorkloadSource;
  /** Told what would surprise the user, in a sentence. */
  readonly note: (text: string) => void;
}

const NULL_DEVICE = "/dev/null";
/** Commands that write as the shell itself. */
const OF_THE_SHELL: readonly string[] = ["echo", "printf"];

/** Where the shell starts. */
const HOME = "/sys/kernel/tracing";

/** Runs lines of commands. */
export class Shell {
  readonly kernel: Kernel;
  readonly workloads: WorkloadSource;
  /** The workload named beforehand was started once. */
  startedNamed = false;
  readonly note: (text: string) => void;
  /** Working directory. */
  directory = HOME;
  /** Exit status of the last command. */
  status = 0;
  /** Set by `exit`. */
  ended = false;
  readonly #task: Task;
  readonly #variables = new Map<string, string>();
  /** Lines that wait for the end of a quote. */
  #pending = "";

  constructor(options: ShellOptions) {
    this.kernel = options.kernel;
    this.workloads = options.workloads;
    this.note = options.note;
    this.#task = options.kernel.tasks.create({ comm: "sh" });
  }

  /** Whether a quote is open, so that the next line belongs to this command. */
  get continues(): boolean {
    return this.#pending !== "";
  }

  /** Runs the commands of a line, one after another; each gives its result when it is done. */
  async *run(line: string): AsyncGenerator<CommandResult, void, void> {
    const text = this.#pending + line;
    let commands: readonly SimpleCommand[] | null;
    try {
      commands = parseCommands(text);
    } catch (error) {
      if (!(error instanceof ShellSyntaxError)) throw error;
      this.#pending = "";
      this.status = 2;
      yield { command: text.trim(), errno: "EINVAL", output: `sh: ${error.message}\n` };
      return;
    }
    this.#pending = commands === null ? `${text}\n` : "";
    for (const command of commands ?? []) {
      if (this.ended) return;
      if (command.after === "success" && this.status !== 0) continue;
      if (command.after === "failure" && this.status === 0) continue;
      yield await this.#execute(command);
    }
  }

  /** What is left at the end of the input: a quote that was never closed. */
  end(): CommandResult | null {
    if (this.#pending === "") return null;
    const command = this.#pending.trim();
    this.#pending = "";
    this.status = 2;
    return { command, errno: "EINVAL", output: "sh: syntax error: unterminated quoted string\n" };
  }

  /** A path as the kernel sees it. */
  resolve(path: string): string {
    return path.startsWith("/") ? path : `${this.directory}/${path}`;
  }

  async #execute(command: SimpleCommand): Promise<CommandResult> {
    const words = command.words.flatMap((word) => this.#expand(word));
    const io = new Io();
    this.status = this.#open(command.redirections, io) ? await this.#dispatch(words, io) : 1;
    const name = words[0] ?? "sh";
    let output = "";
    // What can't be written is told on standard error, which may be a file too.
    for (const { fd, path, text } of io.pieces()) {
      if (path === null) output += text;
      if (path === null || path === NULL_DEVICE) continue;
      const result = this.#asShell(() => this.kernel.tracefs.write(path, text, { append: true }));
      if (result.ok) continue;
      this.status = 1;
      // A message that standard error doesn't take has nowhere to go.
      if (fd === 1) io.fail(result, `${OF_THE_SHELL.includes(name) ? "sh" : name}: write error`);
      else io.errno = result.name;
    }
    return { command: command.source, errno: io.errno, output };
  }

  /** Opens what is written to, in its order: this is where `>` truncates. */
  #open(redirections: readonly Redirection[], io: Io): boolean {
    for (const { fd, append, target } of redirections) {
      if (target === null) {
        io.files[fd] = io.files[1];
        continue;
      }
      const path = this.resolve(this.#expand(target).join(" "));
      if (path !== NULL_DEVICE) {
        const result = this.#asShell(() => this.kernel.tracefs.write(path, "", { append }));
        if (!result.ok) {
          const shown = path.startsWith(`${HOME}/`) ? path.slice(HOME.length + 1) : path;
          io.fail(result, `sh: can't create ${shown}`);
          return false;
        }
      }
      io.files[fd] = path;
    }
    return true;
  }

  async #dispatch(words: readonly string[], io: Io): Promise<number> {
    const name = words[0];
    if (name === undefined) return 0;
    const assignment = /^([A-Za-z_]\w*)=(.*)$/s.exec(name);
    if (assignment !== null && words.length === 1) {
      this.#variables.set(assignment[1] as string, assignment[2] as string);
      return 0;
    }
    const builtin: Builtin | undefined = BUILTINS.get(name);
    if (builtin === undefined) {
      io.message(`sh: ${name}: not found (this shell has ${[...BUILTINS.keys()].sort().join(", ")})\n`);
      io.errno = "ENOENT";
      return 127;
    }
    if (builtin.time === "passes") return await builtin.run(this, words.slice(1), io);
    return this.#asShell(() => builtin.run(this, words.slice(1), io));
  }

  /** Runs something as the shell's own task. */
  #asShell<T>(action: () => T): T {
    const k = this.kernel;
    const before = k.current;
    k.current = this.#task;
    try {
      return action();
    } finally {
      k.current = before;
    }
  }

  /** Variables, then splitting of what was not quoted, then file names. */
  #expand(word: Word): string[] {
    // A field is what has been read of a word, and the same with glob characters of quoted parts escaped.
    const fields: { text: string; pattern: string; glob: boolean }[] = [];
    let field: { text: string; pattern: string; glob: boolean } | null = null;
    for (const part of word) {
      const text = part.kind === "text" ? part.text : this.#value(part.name);
      if (part.quoted || part.kind === "text") {
        field ??= push(fields);
        field.text += text;
        field.pattern += part.quoted ? text.replace(/[*?[\\]/g, "\\$&") : text;
        field.glob ||= !part.quoted && isGlob(text);
        continue;
      }
      const pieces = text.split(/[ \t\n]+/);
      for (let i = 0; i < pieces.length; i++) {
        if (i > 0) field = null;
        if (pieces[i] === "") continue;
        field ??= push(fields);
        field.text += pieces[i];
        field.pattern += pieces[i];
        field.glob ||= isGlob(pieces[i] as string);
      }
    }
    return fields.flatMap(({ text, pattern, glob }) => glob ? this.#matches(pattern) ?? [text] : [text]);
  }

  #value(name: string): string {
    if (name === "?") return String(this.status);
    const value = this.#variables.get(name);
    if (value === undefined) {
      this.note(`$${name} is no variable here and stands for nothing; in single quotes it stays as it is`);
    }
    return value ?? "";
  }

  /** File names that match a pattern, sorted; null for none. */
  #matches(pattern: string): readonly string[] | null {
    const absolute = pattern.startsWith("/");
    let paths = [absolute ? "/" : ""];
    for (const part of pattern.split("/").filter((name) => name !== "")) {
      const matches = globMatcher(part);
      paths = paths.flatMap((path) => {
        const listed = this.kernel.tracefs.list(this.resolve(path === "" ? "." : path));
        const prefix = path === "" || path.endsWith("/") ? path : `${path}/`;
        if (!/[*?[\\]/.test(part)) return [`${prefix}${part}`];
        return listed.ok ? listed.value.filter(matches).map((name) => `${prefix}${name}`) : [];
      });
    }
    const found = paths.filter((path) => this.kernel.tracefs.stat(this.resolve(path)).ok);
    return found.length === 0 ? null : found;
  }
}

function push<T extends { text: string; pattern: string; glob: boolean }>(fields: T[]): T {
  const field = { text: "", pattern: "", glob: false } as T;
  fields.push(field);
  return field;
}

/** What goes to one file, or to the screen, in one write. */
interface Piece {
  readonly fd: 1 | 2;
  /** Null is the screen. */
  readonly path: string | null;
  text: string;
}

/** Where a command writes. */
class Io implements CommandIo {
  /** Files of standard output and standard error. */
  readonly files: Record<1 | 2, string | null> = { 1: null, 2: null };
  errno: string | null = null;
  readonly #pieces: Piece[] = [];
  #taken = 0;

  write(text: string): void {
    this.#add(1, text);
  }

  message(text: string): void {
    this.#add(2, text);
  }

  fail(result: Extract<ErrnoResult<unknown>, { ok: false }>, what: string): void {
    this.errno = result.name;
    this.#add(2, `${what}: ${result.message}\n`);
  }

  /** What was written, in its order; what is added meanwhile comes too. */
  *pieces(): Generator<Piece, void, void> {
    for (; this.#taken < this.#pieces.length;) yield this.#pieces[this.#taken++] as Piece;
  }

  /** Text of one stream is one write as far as nothing of the other comes between. */
  #add(fd: 1 | 2, text: string): void {
    const path = this.files[fd];
    const last = this.#pieces.at(-1);
    const open = this.#taken < this.#pieces.length;
    if (open && last?.fd === fd && last.path === path) last.text += text;
    else this.#pieces.push({ fd, path, text });
  }
}
