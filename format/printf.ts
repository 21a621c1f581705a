/**
 * printf as bpftrace has it: C's verbs, `%s` for any value, `%r` for buffers, and integers of 32 bits unless the verb
 * has a length.
 *
 * @module
 */

import { gfpText } from "./gfp.ts";
import { bytesText, hexByte, type PlainValue, pointerText, valueText } from "./value.ts";

interface Conversion {
  readonly flags: string;
  readonly width: number;
  /** -1 where there is none. */
  readonly precision: number;
  readonly length: string;
  readonly verb: string;
}

const CONVERSION = /%(?:(%)|([-+ #0]*)(\d*)(?:\.(\d*))?(hh|h|ll|l|j|z|t)?(rx|rh|gr|[diuoxXcpsr]))/g;

/**
 * Formats values. A value that is missing prints as null; verbs beyond what is known stay as they are.
 *
 * ```ts
 * import { formatPrintf } from "./printf.ts";
 * const text = formatPrintf("%-4s|%5d|%x\n", ["ab", 12, 255]);
 * if (text !== "ab  |   12|ff\n") throw new Error(text);
 * ```
 */
export function formatPrintf(format: string, values: readonly PlainValue[]): string {
  let next = 0;
  return format.replace(
    CONVERSION,
    (
      _all,
      percent: string | undefined,
      flags = "",
      width = "",
      precision: string | undefined,
      length = "",
      verb = "",
    ) => {
      if (percent !== undefined) return "%";
      return convert(values[next++], {
        flags,
        width: width === "" ? 0 : Number(width),
        precision: precision === undefined ? -1 : Number(precision),
        length,
        verb,
      });
    },
  );
}

function convert(value: PlainValue, conversion: Conversion): string {
  switch (conversion.verb) {
    case "s":
      // Precision is read but does not cut strings, as in bpftrace.
      return pad(valueText(value), conversion);
    case "c":
      return pad(
        typeof value === "string" ? value.slice(0, 1) : String.fromCharCode(Number(toBig(value) & 0xffn)),
        conversion,
      );
    case "p":
      return pad(pointerText(address(value)), conversion);
    case "r":
      return pad(bytesText(bytesOf(value)), conversion);
    case "rx":
      return pad(bytesText(bytesOf(value), true), conversion);
    case "rh":
      return pad(bytesOf(value).map(hexByte).join(" "), conversion);
    case "gr":
      return pad(gfpText(Number(BigInt.asUintN(32, toBig(value)))), conversion);
    default:
      return integer(value, conversion);
  }
}

function pad(text: string, { flags, width }: Conversion): string {
  return flags.includes("-") ? text.padEnd(width) : text.padStart(width);
}

const BITS: Readonly<Record<string, number>> = { hh: 8, h: 16, "": 32, l: 64, ll: 64, j: 64, z: 64, t: 64 };

function integer(value: PlainValue, conversion: Conversion): string {
  const { flags, verb, precision, width } = conversion;
  const bits = BITS[conversion.length] ?? 32;
  const signed = verb === "d" || verb === "i";
  const exact = signed ? BigInt.asIntN(bits, toBig(value)) : BigInt.asUintN(bits, toBig(value));
  const magnitude = exact < 0n ? -exact : exact;
  let digits = magnitude.toString(verb === "o" ? 8 : verb === "x" || verb === "X" ? 16 : 10);
  if (precision === 0 && exact === 0n) digits = "";
  digits = digits.padStart(precision, "0");
  let prefix = exact < 0n
    ? "-"
    : signed && flags.includes("+")
    ? "+"
    : signed && flags.includes(" ")
    ? " "
    : "";
  if (flags.includes("#") && exact !== 0n && (verb === "x" || verb === "X")) prefix += "0x";
  if (flags.includes("#") && verb === "o" && !digits.startsWith("0")) digits = `0${digits}`;
  // A precision or "-" overrides the flag "0", as in C.
  if (flags.includes("0") && !flags.includes("-") && precision < 0) {
    digits = digits.padStart(width - prefix.length, "0");
  }
  const text = verb === "X" ? (prefix + digits).toUpperCase() : prefix + digits;
  return pad(text, conversion);
}

function toBig(value: PlainValue): bigint {
  switch (typeof value) {
    case "bigint":
      return value;
    case "number":
      return Number.isFinite(value) ? BigInt(Math.trunc(value)) : 0n;
    case "boolean":
      return value ? 1n : 0n;
    case "string":
      return toBig(Number(value));
    default:
      return BigInt(address(value));
  }
}

function address(value: PlainValue): number {
  if (typeof value === "object" && value !== null) return value.kind === "pointer" ? value.address : 0;
  return value === null || value === undefined ? 0 : Number(BigInt.asIntN(64, toBig(value)));
}

function bytesOf(value: PlainValue): readonly number[] {
  if (typeof value === "object" && value !== null && value.kind === "buffer") return value.bytes;
  if (typeof value === "object" && value !== null && value.kind === "array") {
    return value.items.map((item) => Number(toBig(item) & 0xffn));
  }
  return [...new TextEncoder().encode(valueText(value))];
}
