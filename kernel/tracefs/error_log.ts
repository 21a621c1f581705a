/**
 * `error_log`: what was wrong with the last refused commands, with a caret below the place.
 *
 * @module
 */

import type { TraceFile } from "./file.ts";

/** Entries that are kept. */
const TRACING_LOG_ERRS_MAX = 8;
const CMD_PREFIX = "  Command: ";

interface LoggedError {
  /** Virtual nanoseconds. */
  readonly time: number;
  readonly location: string;
  readonly text: string;
  readonly command: string;
  readonly position: number;
}

/**
 * The errors of one trace array, as a file. Opening it with `O_TRUNC` empties it; what is written to it is thrown away.
 *
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { ErrorLog } from "./error_log.ts";
 *
 * const log = new ErrorLog({ now: 5_000_001_999 });
 * log.add("trace_kprobe", "Event name is not specified", "p: vfs_read", 2);
 * assertEquals(
 *   log.read(),
 *   "[    5.000001] trace_kprobe: error: Event name is not specified\n" +
 *     "  Command: p: vfs_read\n" +
 *     "             ^\n",
 * );
 * ```
 */
export class ErrorLog implements TraceFile {
  readonly mode = 0o640;
  readonly #clock: { readonly now: number };
  #entries: LoggedError[] = [];

  /** Times are those of `clock`, in nanoseconds. */
  constructor(clock: { readonly now: number }) {
    this.#clock = clock;
  }

  /** `tracing_log_err`: `position` counts characters of the command. */
  add(location: string, text: string, command: string, position: number): void {
    this.#entries.push({ time: this.#clock.now, location, text, command, position });
    if (this.#entries.length > TRACING_LOG_ERRS_MAX) this.#entries.shift();
  }

  read(): string {
    return this.#entries.map(entryText).join("");
  }

  write(text: string): number {
    return text.length;
  }

  truncate(): number {
    this.#entries = [];
    return 0;
  }
}

function entryText(entry: LoggedError): string {
  const micros = Math.floor(entry.time / 1000);
  const seconds = Math.floor(micros / 1e6);
  const stamp = `${String(seconds).padStart(5)}.${String(micros - seconds * 1e6).padStart(6, "0")}`;
  const indent = " ".repeat(CMD_PREFIX.length + entry.position);
  return `[${stamp}] ${entry.location}: error: ${entry.text}\n${CMD_PREFIX}${entry.command}\n${indent}^\n`;
}
