/**
 * What a command may touch of the outside: where it writes, and what the host (terminal, REPL, notebook) does for it.
 *
 * @module
 */

import type { Arch, KernelImage } from "../image/model.ts";
import type { Live } from "./live.ts";

/** Where a command writes. */
export interface Output {
  /** Results, as they are (no newline is added). */
  write(text: string): void;
  /** A diagnostic line, which is no part of the result. */
  note(line: string): void;
  /** Columns to fit tables into, or undefined where nothing has to fit. */
  readonly columns: number | undefined;
}

/** What only the outermost layer can do: files, modules, starting other programs of kscope. */
export interface Host {
  /** Opens a file for reading. Errors are sentences that name the path. */
  open(path: string): Promise<ReadableStream<Uint8Array<ArrayBuffer>>>;
  /** Imports a user's module by path. */
  importModule(path: string): Promise<Readonly<Record<string, unknown>>>;
  /** The whole kernel's image, which has to be read from files. */
  wholeImage(arch: Arch): Promise<KernelImage>;
  /** Standard input. */
  input?(): ReadableStream<Uint8Array<ArrayBuffer>>;
  /** Starts a REPL over a live kernel and returns its exit code. */
  repl?(live: Live): Promise<number>;
}

/** What a command gets. */
export interface CommandContext {
  readonly out: Output;
  readonly host: Host;
  /** The kernel at the prompt; only in a REPL. */
  readonly live?: Live;
  /** The exit code that the program ends with if nothing is thrown. */
  setExitCode(code: number): void;
}

/** Wrong usage: a sentence, and exit code 2. */
export class UsageError extends Error {
  override name = "UsageError";
}
