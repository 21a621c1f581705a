/**
 * The kernel's own printf: widths, lengths and the pointer conversions of `lib/vsprintf.c` that trace formats use.
 *
 * @module
 */

import type { Addr, Arch } from "../../../image/model.ts";
import type { BytesReader } from "./bytes_reader.ts";
import type { CValue, RecordBytes } from "./c_eval.ts";

/** How pointers print. */
export interface PointerPrinter {
  readonly arch: Arch;
  /** `%p` */
  hashed(address: Addr): string;
  /** `%pS`: with offset and size. */
  symbolText(address: Addr): string;
  /** `%ps`: the name. */
  symbolName(address: Addr): string;
  /** A string of kernel memory, for `%s` of a pointer; null where it can't be read. */
  readString(address: bigint): string | null;
}

const CONVERSION = /%([-+ #0]*)(\*|\d+)?(?:\.(\*|\d+))?(hh|h|ll|l|L|z|t|q)?([a-zA-Z%])([A-Za-z0-9]*)/g;
/** What may follow `%p`. */
const POINTER_KINDS =
  /^(?:S[RBb]?|s|B|F|f|x|K|I4|i4|I6c?|i6|ISpfsc|ISpc|ISc|ISp|IS|M[RF]?|m[RF]?|UB|Ub|UL|Ul|U|h[CDN]?|e|bl|b|d[234]?|D[234]?|V|t[Rsd]?|g|OF|NF|GFP)/;

/** Formats values; those that are missing print as nothing. */
export function formatPrintk(
  format: string,
  values: readonly CValue[],
  record: BytesReader,
  printer: PointerPrinter,
): string {
  let at = 0;
  const take = (): CValue => values[at++] ?? 0n;
  return format.replace(
    CONVERSION,
    (
      _whole,
      flags: string,
      width: string | undefined,
      precision: string | undefined,
      length: string | undefined,
      kind: string,
      tail: string,
    ) => {
      if (kind === "%") return `%${tail}`;
      const asNumber = (text: string | undefined): number | undefined =>
        text === undefined ? undefined : text === "*" ? Number(asInteger(take())) : Number(text);
      let wide = asNumber(width);
      const precise = asNumber(precision);
      let modes = flags;
      if (wide !== undefined && wide < 0) {
        modes += "-";
        wide = -wide;
      }
      let text: string;
      let rest = tail;
      if (kind === "p") {
        const suffix = POINTER_KINDS.exec(tail)?.[0] ?? "";
        rest = tail.slice(suffix.length);
        text = pointerText(suffix, take(), wide, record, printer);
        if (suffix !== "" && !/^[sSBFfxK]/.test(suffix)) wide = undefined;
      } else if (kind === "s") {
        text = stringText(take(), record, printer).slice(0, precise);
        modes = modes.replace("0", "");
      } else if (kind === "c") {
        text = String.fromCharCode(Number(asInteger(take()) & 0xffn));
      } else {
        text = integerText(kind, length, modes, precise, asInteger(take()), printer.arch);
      }
      return pad(text, wide ?? 0, modes) + rest;
    },
  );
}

function asInteger(value: CValue): bigint {
  return typeof value === "bigint" ? value : 0n;
}

function pad(text: string, width: number, flags: string): string {
  if (text.length >= width) return text;
  if (flags.includes("-")) return text.padEnd(width);
  if (!flags.includes("0")) return text.padStart(width);
  const sign = /^(?:[-+ ]|0x)/.exec(text)?.[0] ?? "";
  return sign + text.slice(sign.length).padStart(width - sign.length, "0");
}

function integerText(
  kind: string,
  length: string | undefined,
  flags: string,
  precision: number | undefined,
  value: bigint,
  arch: Arch,
): string {
  const bits = length === "hh"
    ? 8
    : length === "h"
    ? 16
    : length === "ll" || length === "L" || length === "q"
    ? 64
    : length === undefined || arch === "i386"
    ? 32
    : 64;
  const signed = kind === "d" || kind === "i";
  const number = signed ? BigInt.asIntN(bits, value) : BigInt.asUintN(bits, value);
  const base = kind === "x" || kind === "X" ? 16 : kind === "o" ? 8 : 10;
  let digits = (number < 0n ? -number : number).toString(base);
  if (precision !== undefined) digits = digits.padStart(precision, "0");
  if (flags.includes("#") && base === 16) digits = `0x${digits}`;
  if (flags.includes("#") && base === 8) digits = `0${digits}`;
  if (kind === "X") digits = digits.toUpperCase();
  const sign = number < 0n
    ? "-"
    : signed && flags.includes("+")
    ? "+"
    : signed && flags.includes(" ")
    ? " "
    : "";
  return sign + digits;
}

function stringText(value: CValue, record: BytesReader, printer: PointerPrinter): string {
  if (typeof value === "string") return value;
  if (typeof value === "object") return record.str(value.start, value.length, false);
  if (value === 0n) return "(null)";
  return printer.readString(value) ?? "(fault)";
}

function pointerText(
  suffix: string,
  value: CValue,
  width: number | undefined,
  record: BytesReader,
  printer: PointerPrinter,
): string {
  if (typeof value === "object") return bytesText(suffix, value, width, record);
  const address = Number(asInteger(value));
  switch (suffix[0]) {
    case "S":
    case "B":
    case "F":
      return printer.symbolText(address);
    case "s":
    case "f":
      return printer.symbolName(address);
    case "x":
    case "K":
      return BigInt.asUintN(printer.arch === "i386" ? 32 : 64, asInteger(value)).toString(16)
        .padStart(printer.arch === "i386" ? 8 : 16, "0");
    default:
      return printer.hashed(address);
  }
}

/** Addresses, identifiers and bitmaps that lie in the record. */
function bytesText(
  suffix: string,
  value: RecordBytes,
  width: number | undefined,
  record: BytesReader,
): string {
  const bytes = [...record.bytes.subarray(value.start, value.start + value.length)];
  const two = (byte: number): string => byte.toString(16).padStart(2, "0");
  if (/^[iI]4/.test(suffix)) return bytes.slice(0, 4).join(".");
  if (/^[iI]6/.test(suffix)) return ipv6Text(bytes, suffix.includes("c"));
  if (suffix.startsWith("IS")) return socketText(bytes, suffix.includes("p"));
  if (/^[mM]/.test(suffix)) return bytes.slice(0, 6).map(two).join(suffix.startsWith("M") ? ":" : "");
  if (suffix.startsWith("U")) {
    return bytes.slice(0, 16).map(two).join("").replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
  }
  if (suffix === "bl") return bitsText(bytes, width ?? bytes.length * 8);
  return bytes.slice(0, width ?? bytes.length).map(two).join(
    suffix === "hN" ? "" : suffix === "hC" ? ":" : " ",
  );
}

/** A bitmap as ranges: `0-3,7`. */
function bitsText(bytes: readonly number[], count: number): string {
  const ranges: string[] = [];
  let start = -1;
  for (let bit = 0; bit <= count; bit++) {
    const set = bit < count && (((bytes[bit >> 3] ?? 0) >> (bit & 7)) & 1) === 1;
    if (set && start < 0) start = bit;
    if (!set && start >= 0) {
      ranges.push(bit - 1 === start ? `${start}` : `${start}-${bit - 1}`);
      start = -1;
    }
  }
  return ranges.join(",");
}

function ipv6Text(bytes: readonly number[], compressed: boolean): string {
  const groups = Array.from({ length: 8 }, (_, i) => ((bytes[2 * i] ?? 0) << 8) | (bytes[2 * i + 1] ?? 0));
  if (!compressed) return groups.map((group) => group.toString(16).padStart(4, "0")).join(":");
  let best = 0;
  let bestAt = -1;
  for (let i = 0; i < 8; i++) {
    let run = 0;
    while (i + run < 8 && groups[i + run] === 0) run++;
    if (run > best && run > 1) [best, bestAt] = [run, i];
  }
  const text = (part: readonly number[]): string => part.map((group) => group.toString(16)).join(":");
  return bestAt < 0 ? text(groups) : `${text(groups.slice(0, bestAt))}::${text(groups.slice(bestAt + best))}`;
}

/** A `struct sockaddr_in` or `sockaddr_in6`. */
function socketText(bytes: readonly number[], withPort: boolean): string {
  const family = (bytes[0] ?? 0) | ((bytes[1] ?? 0) << 8);
  const port = ((bytes[2] ?? 0) << 8) | (bytes[3] ?? 0);
  if (family === 2) return bytes.slice(4, 8).join(".") + (withPort ? `:${port}` : "");
  if (family === 10) {
    const address = ipv6Text(bytes.slice(8, 24), true);
    return withPort ? `[${address}]:${port}` : address;
  }
  return "(null)";
}
