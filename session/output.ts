/**
 * Collects what handlers print, as text or JSON lines, in the order in which they print it.
 *
 * @module
 */

import {
  aggregateJson,
  aggregateText,
  formatPrintf,
  jsonObject,
  mapJson,
  mapText,
  outputJson,
  type PlainMapValue,
  printJson,
  printText,
} from "../format/mod.ts";
import type { MapValue } from "../graph/maps/cell.ts";
import type { MapSnapshot } from "../graph/maps/runtime_map.ts";
import type { Value } from "../graph/value.ts";
import type { OutputSink, TextForm } from "./hit.ts";

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
  | { readonly op: "printf"; readonly format: string; readonly values: readonly Value[] }
  | {
    readonly op: "map";
    readonly map: MapSnapshot;
    readonly options: { readonly top?: number; readonly div?: number };
  }
  | { readonly op: "entry"; readonly value: MapValue; readonly div: number | undefined }
  | { readonly op: "text"; readonly form: TextForm; readonly text: string };

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

  printMap(map: MapSnapshot, top: number | undefined, div: number | undefined): void {
    const options = { ...(top === undefined ? {} : { top }), ...(div === undefined ? {} : { div }) };
    this.#take({ op: "map", map, options });
  }

  printEntry(value: MapValue, div: number | undefined): void {
    this.#take({ op: "entry", value, div });
  }

  write(form: TextForm, text: string): void {
    this.#take({ op: "text", form, text });
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
  switch (piece.op) {
    case "print":
      return printText(piece.values);
    case "printf":
      return formatPrintf(piece.format, piece.values);
    case "map":
      return mapText(piece.map, piece.options);
    case "entry": {
      const text = aggregateText(piece.value, piece.div);
      return text.endsWith("\n") ? text : `${text}\n`;
    }
    case "text":
      return piece.text;
  }
}

function pieceJson(piece: Piece): string {
  const line = pieceLine(piece);
  return line === "" ? "" : `${line}\n`;
}

function pieceLine(piece: Piece): string {
  switch (piece.op) {
    case "print":
      return printJson(piece.values);
    case "printf":
      return outputJson("printf", pieceText(piece));
    case "map":
      return mapJson(piece.map, piece.options);
    case "entry":
      return jsonObject([["type", `"${typeOf(piece.value)}"`], [
        "data",
        aggregateJson(piece.value, piece.div),
      ]]);
    case "text":
      return outputJson(piece.form, piece.text);
  }
}

function typeOf(value: PlainMapValue): string {
  const kind = typeof value === "object" && value !== null ? value.kind : "";
  return kind === "histogram" ? "hist" : kind === "stats" ? "stats" : "value";
}
