/**
 * Reads input files, plain or gzip, and reports what is wrong with their file and line.
 *
 * @module
 */
import { gunzipSync } from "node:zlib";

/** An error in an input file: a sentence with the file, and the line where there is one. */
export class InputError extends Error {
  override readonly name = "InputError";
}

/** Bytes of an input file: `PATH`, or `PATH.gz`; gzip is known by its magic, not by the name. Undefined where neither exists. */
export function readInput(path: string): { readonly path: string; readonly bytes: Uint8Array } | undefined {
  for (const candidate of [path, `${path}.gz`]) {
    let bytes: Uint8Array;
    try {
      bytes = Deno.readFileSync(candidate);
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) continue;
      throw new InputError(`Cannot read ${candidate}: ${error instanceof Error ? error.message : error}`, {
        cause: error,
      });
    }
    return { path: candidate, bytes: inflated(candidate, bytes) };
  }
  return undefined;
}

function inflated(path: string, bytes: Uint8Array): Uint8Array {
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return bytes;
  try {
    return gunzipSync(bytes);
  } catch (cause) {
    throw new InputError(`Cannot unpack ${path}: the gzip data is damaged or cut short`, { cause });
  }
}

/** A line of a text file. */
export interface Line {
  readonly text: string;
  /** From 1. */
  readonly number: number;
  /** An error about this line. */
  readonly fail: (what: string) => InputError;
}

/** Lines of a text file, without empty ones. Throws an InputError for a file that is no text. */
export function* linesOf(input: { readonly path: string; readonly bytes: Uint8Array }): Iterable<Line> {
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(input.bytes);
  } catch (cause) {
    throw new InputError(`Cannot read ${input.path}: it is not text`, { cause });
  }
  let number = 0;
  for (const line of text.split("\n")) {
    number++;
    if (line === "") continue;
    const at = number;
    yield {
      text: line,
      number: at,
      fail: (what) => new InputError(`Cannot read ${input.path}, line ${at}: ${what}`),
    };
  }
}
