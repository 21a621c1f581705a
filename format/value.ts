/**
 * Values as text and JSON, in bpftrace's forms. The types here are structural: what a run returns fits them.
 *
 * @module
 */

import { jsonArray, jsonNumber, jsonObject, jsonString } from "./json.ts";

/** A value to print. `null` and `undefined` are missing ones. */
export type PlainValue =
  | number
  | bigint
  | string
  | boolean
  | null
  | undefined
  | { readonly kind: "pointer"; readonly address: number }
  | {
    readonly kind: "stack";
    readonly symbols: readonly string[];
    /** Addresses of the frames, for modes that show them. */
    readonly frames?: readonly number[];
    readonly mode?: "perf" | "raw";
  }
  | { readonly kind: "tuple"; readonly items: readonly PlainValue[] }
  | { readonly kind: "array"; readonly items: readonly PlainValue[] }
  | { readonly kind: "buffer"; readonly bytes: readonly number[] }
  | {
    readonly kind: "struct";
    readonly fields: readonly { readonly name: string; readonly value: PlainValue }[];
  };

/**
 * A value as text.
 *
 * ```ts
 * import { valueText } from "./value.ts";
 * const text = valueText({ kind: "tuple", items: ["bash", 12, true] });
 * if (text !== "(bash, 12, true)") throw new Error(text);
 * ```
 */
export function valueText(value: PlainValue): string {
  switch (typeof value) {
    case "string":
      return value;
    case "number":
      return numberText(value);
    case "bigint":
    case "boolean":
      return String(value);
    case "undefined":
      return "null";
    default:
      return value === null ? "null" : objectText(value);
  }
}

function objectText(value: Extract<PlainValue, object>): string {
  switch (value.kind) {
    case "pointer":
      return pointerText(value.address);
    case "stack":
      return stackText(value.symbols, value.mode, value.frames);
    case "tuple":
      return `(${value.items.map(valueText).join(", ")})`;
    case "array":
      return `[${value.items.map(valueText).join(",")}]`;
    case "buffer":
      return bytesText(value.bytes);
    case "struct":
      return `{ ${value.fields.map((field) => `.${field.name} = ${valueText(field.value)}`).join(", ")} }`;
  }
}

/** A value as JSON, spaced as bpftrace does. Stacks are their text. */
export function valueJson(value: PlainValue): string {
  switch (typeof value) {
    case "string":
      return jsonString(value);
    case "number":
    case "bigint":
      return jsonNumber(value);
    case "boolean":
      return String(value);
    case "undefined":
      return "null";
    default:
      return value === null ? "null" : objectJson(value);
  }
}

function objectJson(value: Extract<PlainValue, object>): string {
  switch (value.kind) {
    case "pointer":
      return unsigned(value.address).toString();
    case "stack":
      return jsonString(stackText(value.symbols, value.mode, value.frames));
    case "tuple":
    case "array":
      return jsonArray(value.items.map(valueJson));
    case "buffer":
      return jsonArray(value.bytes.map(String));
    case "struct":
      return jsonObject(value.fields.map((field) => [field.name, valueJson(field.value)]));
  }
}

/** Bytes as text: printable ASCII as it is, others as `\\x1f`; `all`: every byte so. */
export function bytesText(bytes: readonly number[], all = false): string {
  return bytes
    .map((byte) => !all && byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : `\\x${hexByte(byte)}`)
    .join("");
}

/** A byte as two hex digits. */
export function hexByte(byte: number): string {
  return byte.toString(16).padStart(2, "0");
}

/** A number in decimal; -0 is 0. */
export function numberText(value: number): string {
  return String(value + 0);
}

/** An address in hex; kernel addresses of 64-bit kernels are negative numbers here and print as their 64 bits. */
export function pointerText(address: number): string {
  return `0x${unsigned(address).toString(16)}`;
}

function unsigned(address: number): bigint {
  return Number.isFinite(address) ? BigInt.asUintN(64, BigInt(Math.trunc(address))) : 0n;
}

/**
 * A stack: a newline, then a line per frame, indented by 8 spaces. As perf has it: a tab, the address, the symbol; raw:
 * the address alone.
 */
export function stackText(
  symbols: readonly string[],
  mode?: "perf" | "raw",
  frames: readonly number[] = [],
): string {
  const lines = symbols.map((symbol, i) => {
    if (mode === undefined) return `        ${symbol}\n`;
    const address = unsigned(frames[i] ?? 0).toString(16);
    return mode === "raw" ? `${address}\n` : `\t${address} ${symbol}\n`;
  });
  return `\n${lines.join("")}`;
}

/** A map's key as text: the parts joined as in a tuple, without its parentheses. */
export function keyText(parts: readonly PlainValue[]): string {
  return flatKey(parts).map(valueText).join(", ");
}

/** A map's key as JSON has it: its text without any spaces. */
export function keyJson(parts: readonly PlainValue[]): string {
  return jsonString(keyText(parts).replaceAll(" ", ""));
}

function flatKey(parts: readonly PlainValue[]): readonly PlainValue[] {
  const only = parts[0];
  const isTuple = parts.length === 1 && typeof only === "object" && only !== null && only.kind === "tuple";
  return isTuple ? only.items : parts;
}
