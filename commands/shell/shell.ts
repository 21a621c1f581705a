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

/** Where the shell starts. */
const HOME = "/sys/kernel/tracing";

/** Runs lines of commands. */
export class Shell {
  readonly kernel: Kernel;
  readonly workloads: WorkloadSource;
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
    const files = command.redirections.map((one) => ({ ...one, path: this.#target(one) }));
    const io = new Io();
    const output = files.findLast((one) => one.fd === 1 && one.path !== null);
    const silent = files.some((one) => one.fd === 2 && one.path === "/dev/null");
    const opened = this.#open(files, io);
    if (!opened) this.status = 1;
    else this.status = await this.#dispatch(words, io);
    if (opened && output?.path !== undefined && output.path !== null && output.path !== "/dev/null") {
      const result = this.#asShell(() =>
        this.kernel.tracefs.write(output.path as string, io.output, { append: true })
      );
      io.output = "";
      if (!result.ok) {
        io.fail(result, `${words[0] === "echo" || words[0] === "printf" ? "sh" : words[0]}: write error`);
        this.status = 1;
      }
    } else if (output?.path === "/dev/null") io.output = "";
    const messages = silent ? "" : io.messages;
    return { command: command.source, errno: io.errno, output: io.output + messages };
  }

  /** Opens what output goes to: this is where `>` truncates. */
  #open(files: readonly (Redirection & { readonly path: string | null })[], io: Io): boolean {
    for (const { path, append } of files) {
      if (path === null || path === "/dev/null") continue;
      const result = this.#asShell(() => this.kernel.tracefs.write(path, "", { append }));
      if (result.ok) continue;
      io.fail(result, `sh: can't create ${path.startsWith(`${HOME}/`) ? path.slice(HOME.length + 1) : path}`);
      return false;
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

  #target(redirection: Redirection): string | null {
    if (redirection.target === null) return null;
    return this.resolve(this.#expand(redirection.target).join(" "));
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

/** Where a command writes. */
class Io implements CommandIo {
  output = "";
  messages = "";
  errno: string | null = null;

  write(text: string): void {
    this.output += text;
  }

  message(text: string): void {
    this.messages += text;
  }

  fail(result: Extract<ErrnoResult<unknown>, { ok: false }>, what: string): void {
    this.errno = result.name;
    this.messages += `${what}: ${result.message}\n`;
  }
}
