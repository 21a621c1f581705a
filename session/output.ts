/**
 * Collects what handlers print, as text or JSON lines, in the order in which they print it.
 *
 * @module
 */

import { formatPrintf, outputJson, printJson, printText } from "../format/mod.ts";
import type { Value } from "../graph/value.ts";
import type { OutputSink } from "./hit.ts";

/** How output is handed on while a session runs. */
export interface OutputOptions {
  /** `text` (default) as bpftrace prints it, or one JSON object per line. */
  readonly format?: "text" | "json";
  /** Called with each piece of text as it is printed, newline included. */
  readonly onText?: (text: string) => void;
  /** False: hand text on, keep none of it. Default true. */
  readonly keep?: boolean;
}

/** One piece of output, before it is formatted. */
type Piece =
  | { readonly op: "print"; readonly values: readonly Value[] }
  | { readonly op: "printf"; readonly format: string; readonly values: readonly Value[] };

/** Keeps the output of a run and hands it on as it comes. */
export class Output implements OutputSink {
  readonly #json: boolean;
  readonly #onText: ((text: string) => void) | undefined;
  readonly #keep: boolean;
  readonly #pieces: Piece[] = [];

  constructor(options: OutputOptions = {}) {
    this.#json = options.format === "json";
    this.#onText = options.onText;
    this.#keep = options.keep ?? true;
  }

  print(values: readonly Value[]): void {
    this.#take({ op: "print", values: [...values] });
  }

  printf(format: string, values: readonly Value[]): void {
    this.#take({ op: "printf", format, values: [...values] });
  }

  /** Everything printed so far, as text. */
  text(): string {
    return this.#pieces.map(pieceText).join("");
  }

  /** Everything printed so far, one JSON object per line. */
  json(): string {
    return this.#pieces.map(pieceJson).join("");
  }

  /** The printed lines, without their newlines. */
  lines(): readonly string[] {
    const text = this.text();
    return text === "" ? [] : text.replace(/\n$/, "").split("\n");
  }

  #take(piece: Piece): void {
    if (this.#keep) this.#pieces.push(piece);
    this.#onText?.(this.#json ? pieceJson(piece) : pieceText(piece));
  }
}

function pieceText(piece: Piece): string {
  return piece.op === "print" ? printText(piece.values) : formatPrintf(piece.format, piece.values);
}

function pieceJson(piece: Piece): string {
  const line = piece.op === "print" ? printJson(piece.values) : outputJson("printf", pieceText(piece));
  return `${line}\n`;
}
