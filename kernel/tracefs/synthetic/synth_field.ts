/**
 * Fields of synthetic events: their types, sizes and conversions.
 *
 * @module
 */

import { isErrno, kstrtoul } from "../probe_events/kstrto.ts";

/** Longest string in a record, its NUL included. */
const STR_VAR_LEN_MAX = 256;
/** Most characters of an array's length. */
const LENGTH_DIGITS = 3;

/** Sizes in bytes by word size, and conversions of the types that have no array. */
const TYPES: ReadonlyMap<string, readonly [size: number | "long", format: string]> = new Map(
  Object.entries<readonly [size: number | "long", format: string]>({
    "s64": [8, "%lld"],
    "u64": [8, "%llu"],
    "s32": [4, "%d"],
    "u32": [4, "%u"],
    "s16": [2, "%d"],
    "u16": [2, "%u"],
    "s8": [1, "%d"],
    "u8": [1, "%u"],
    "char": [1, "%d"],
    "unsigned char": [1, "%u"],
    "int": [4, "%d"],
    "unsigned int": [4, "%u"],
    "long": ["long", "%ld"],
    "unsigned long": ["long", "%lu"],
    "bool": [1, "%d"],
    "pid_t": [4, "%d"],
    "gfp_t": [4, "%x"],
  }),
);

/** One field. */
export interface SynthField {
  readonly name: string;
  /** As it was written: `u64`, `char[16]`, `char[]`. */
  readonly type: string;
  /** Bytes that its type has; 8 for a string whose place is dynamic. */
  readonly size: number;
  readonly signed: boolean;
  readonly isString: boolean;
  /** A string of any length. */
  readonly isDynamic: boolean;
  /** Its conversion in `print fmt`. */
  readonly format: string;
}

/** Bytes that a field takes in the record. */
export function roomOf(field: SynthField): number {
  return field.isString && !field.isDynamic ? STR_VAR_LEN_MAX : 8;
}

/** A field of that type and name; null where there is no such type. */
export function synthField(type: string, name: string, wordSize: 4 | 8): SynthField | null {
  const isString = type.includes("char[");
  const known = TYPES.get(type);
  let size = known === undefined ? 0 : known[0] === "long" ? wordSize : known[0];
  if (known === undefined && isString) {
    const length = stringSize(type);
    if (length === null) return null;
    size = length;
  }
  if (size === 0 && !isString) return null;
  const signed = !type.startsWith("u") && type !== "gfp_t";
  const isDynamic = size === 0;
  return {
    name,
    type,
    size: isDynamic ? 8 : size,
    signed,
    isString,
    isDynamic,
    format: known?.[1] ?? "%s",
  };
}

/** `synth_field_string_size`: 0 for any length, null for what is no length. */
function stringSize(type: string): number | null {
  const start = type.indexOf("char[") + "char[".length;
  const end = type.indexOf("]");
  if (end < start || end + 1 < type.length || end - start > LENGTH_DIGITS) return null;
  if (end === start) return 0;
  const length = kstrtoul(type.slice(start, end), 0, 32);
  return isErrno(length) || length > STR_VAR_LEN_MAX ? null : Number(length);
}
