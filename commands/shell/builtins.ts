/**
 * The shell's commands.
 *
 * @module
 */

import type { ErrnoResult } from "../../kernel/tracefs/result.ts";
import { namesOf } from "../../kernel/tracefs/directory.ts";
import { unameText } from "../../kernel/release/build_info.ts";
import { columnsText, longLine } from "./list_text.ts";
import { printf, readEscapes } from "./printf.ts";
import type { Shell } from "./shell.ts";
import { passTime, runWorkload } from "./workloads.ts";

/** Where a command writes, and how it fails. */
export interface CommandIo {
  /** Name of the error that it ran into last. */
  errno: string | null;
  /** Standard output. */
  write(text: string): void;
  /** Standard error. */
  message(text: string): void;
  /** A file operation failed: `WHAT: No such file or directory`. */
  fail(result: Extract<ErrnoResult<unknown>, { ok: false }>, what: string): void;
}

/** A command. Its result is its exit status. */
export type Builtin =
  | { readonly time: "stands"; run(shell: Shell, args: readonly string[], io: CommandIo): number }
  | { readonly time: "passes"; run(shell: Shell, args: readonly string[], io: CommandIo): Promise<number> };

/** All commands by name. */
export const BUILTINS: ReadonlyMap<string, Builtin> = new Map<string, Builtin>([
  [":", { time: "stands", run: () => 0 }],
  ["true", { time: "stands", run: () => 0 }],
  ["echo", { time: "stands", run: echo }],
  ["printf", { time: "stands", run: printFormat }],
  ["cat", { time: "stands", run: cat }],
  ["ls", { time: "stands", run: ls }],
  ["cd", { time: "stands", run: cd }],
  ["pwd", { time: "stands", run: (shell, _, io) => print(io, `${shell.directory}\n`) }],
  ["mkdir", { time: "stands", run: mkdir }],
  ["rmdir", { time: "stands", run: rmdir }],
  ["uname", { time: "stands", run: uname }],
  ["nproc", { time: "stands", run: (shell, _, io) => print(io, `${shell.kernel.cpus}\n`) }],
  ["dmesg", { time: "stands", run: (shell, _, io) => print(io, shell.kernel.dmesg()) }],
  ["exit", { time: "stands", run: exit }],
  ["run", { time: "passes", run: runWorkload }],
  ["sleep", { time: "passes", run: passTime }],
]);

function print(io: CommandIo, text: string): number {
  io.write(text);
  return 0;
}

function echo(_: Shell, args: readonly string[], io: CommandIo): number {
  let at = 0;
  let newline = true;
  let escapes = false;
  for (; /^-[neE]+$/.test(args[at] ?? ""); at++) {
    if (args[at]?.includes("n")) newline = false;
    escapes = /e[^E]*$/.test(args[at] as string) || (escapes && !args[at]?.includes("E"));
  }
  const text = args.slice(at).join(" ");
  return print(io, (escapes ? readEscapes(text) : text) + (newline ? "\n" : ""));
}

function printFormat(_: Shell, args: readonly string[], io: CommandIo): number {
  const [format, ...words] = args;
  if (format === undefined) return misuse(io, "sh: usage: printf FORMAT [ARGUMENT...]", 2);
  const { text, error } = printf(format, words);
  io.write(text);
  return error === null ? 0 : misuse(io, `sh: ${error}`);
}

/** A command that was given what it can't take. */
function misuse(io: CommandIo, message: string, status = 1): number {
  io.message(`${message}\n`);
  io.errno = "EINVAL";
  return status;
}

function cat(shell: Shell, args: readonly string[], io: CommandIo): number {
  let status = 0;
  for (const path of args) {
    const result = shell.kernel.tracefs.read(shell.resolve(path));
    if (result.ok) io.write(result.value);
    else {
      io.fail(
        result,
        result.name === "EISDIR" || result.name === "EINVAL"
          ? "cat: read error"
          : `cat: can't open '${path}'`,
      );
      status = 1;
    }
  }
  return status;
}

function ls(shell: Shell, args: readonly string[], io: CommandIo): number {
  const options = args.filter((arg) => arg.startsWith("-")).join("");
  const paths = args.filter((arg) => !arg.startsWith("-"));
  const { tracefs } = shell.kernel;
  const files: string[] = [];
  const directories: string[] = [];
  let status = 0;
  for (const path of paths.length === 0 ? ["."] : paths) {
    const stat = tracefs.stat(shell.resolve(path));
    if (!stat.ok) {
      io.fail(stat, `ls: ${path}`);
      status = 1;
    } else if (stat.value.directory && !options.includes("d")) directories.push(path);
    else files.push(path);
  }
  const text = (names: readonly string[], base: string): string => {
    if (!options.includes("l")) {
      return options.includes("1") ? names.map((n) => `${n}\n`).join("") : columnsText(names);
    }
    return names.map((name) => {
      const stat = tracefs.stat(shell.resolve(base === "" ? name : `${base}/${name}`));
      return stat.ok ? longLine(name, stat.value.mode, stat.value.directory) : "";
    }).join("");
  };
  const parts: string[] = [];
  if (files.length > 0) parts.push(text(files, ""));
  const titled = paths.length > 1;
  for (const path of directories) {
    const listed = tracefs.list(shell.resolve(path));
    if (listed.ok) parts.push((titled ? `${path}:\n` : "") + text(listed.value, path));
  }
  io.write(parts.join("\n"));
  return status;
}

function cd(shell: Shell, args: readonly string[], io: CommandIo): number {
  const path = shell.resolve(args[0] ?? "/sys/kernel/tracing");
  const listed = shell.kernel.tracefs.list(path);
  if (!listed.ok) {
    io.fail(listed, `sh: cd: can't cd to ${args[0] ?? path}`);
    return 1;
  }
  shell.directory = `/${namesOf(path).join("/")}`;
  return 0;
}

function mkdir(shell: Shell, args: readonly string[], io: CommandIo): number {
  const { tracefs } = shell.kernel;
  return each(
    "mkdir",
    args,
    io,
    "mkdir: can't create directory",
    (path) => tracefs.mkdir(shell.resolve(path)),
  );
}

function rmdir(shell: Shell, args: readonly string[], io: CommandIo): number {
  const { tracefs } = shell.kernel;
  return each("rmdir", args, io, "rmdir:", (path) => tracefs.rmdir(shell.resolve(path)));
}

function each(
  command: string,
  args: readonly string[],
  io: CommandIo,
  what: string,
  action: (path: string) => ErrnoResult<unknown>,
): number {
  const option = args.find((arg) => /^-./.test(arg) && arg !== "--");
  if (option !== undefined) {
    return misuse(io, `${command}: there is no option '${option}' here: usage: ${command} DIRECTORY...`);
  }
  const paths = args.filter((arg) => arg !== "--");
  if (paths.length === 0) {
    return misuse(io, `${command}: a directory is missing: usage: ${command} DIRECTORY...`);
  }
  let status = 0;
  for (const path of paths) {
    const result = action(path);
    if (result.ok) continue;
    io.fail(result, `${what} '${path}'`);
    status = 1;
  }
  return status;
}

function uname(shell: Shell, args: readonly string[], io: CommandIo): number {
  const { image } = shell.kernel;
  if (args[0] === "-r") return print(io, `${image.release}\n`);
  if (args[0] === "-m") return print(io, `${unameText(image).split(" ").at(-2)}\n`);
  return print(io, args[0] === "-a" ? unameText(image) : "Linux\n");
}

/** A status that is no number ends the shell too, with status 2. */
function exit(shell: Shell, args: readonly string[], io: CommandIo): number {
  shell.ended = true;
  const [status] = args;
  if (status === undefined) return shell.status;
  if (!/^\d{1,9}$/.test(status)) return misuse(io, `sh: exit: Illegal number: ${status}`, 2);
  return Number(status) & 255;
}
