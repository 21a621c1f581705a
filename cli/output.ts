/**
 * Writing to the terminal: results to stdout in few writes, diagnostics to stderr in the right order, and a quiet end
 * when nobody reads any more.
 *
 * @module
 */

import type { Output } from "../commands/context.ts";

/** Bytes that are collected before they are written. */
const CHUNK = 1 << 16;

/** Standard output and standard error. */
export class TerminalOutput implements Output {
  readonly #encoder = new TextEncoder();
  #pending = "";
  /** The first write goes out at once, so that a long run shows that it lives. */
  #started = false;

  get columns(): number | undefined {
    return Deno.stdout.isTerminal() ? Deno.consoleSize().columns : undefined;
  }

  write(text: string): void {
    this.#pending += text;
    if (!this.#started || this.#pending.length >= CHUNK || Deno.stdout.isTerminal()) this.flush();
    this.#started = true;
  }

  note(line: string): void {
    this.flush();
    writeAll(Deno.stderr, this.#encoder.encode(`${line}\n`));
  }

  /** Writes what is still held back. */
  flush(): void {
    if (this.#pending === "") return;
    const bytes = this.#encoder.encode(this.#pending);
    this.#pending = "";
    writeAll(Deno.stdout, bytes);
  }
}

function writeAll(stream: { writeSync(bytes: Uint8Array): number }, bytes: Uint8Array): void {
  try {
    for (let at = 0; at < bytes.length;) at += stream.writeSync(bytes.subarray(at));
  } catch (error) {
    // `kscope list | head`: the reader has seen enough.
    if (error instanceof Deno.errors.BrokenPipe) Deno.exit(0);
    throw error;
  }
}
