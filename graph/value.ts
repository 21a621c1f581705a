/**
 * Values as plain data: what a print is handed and what a map's snapshot holds. Integers, strings and booleans are
 * themselves; what prints differently from its JavaScript form is tagged.
 *
 * @module
 */

import type { Addr, KernelImage } from "../image/model.ts";
import type { Stack } from "./hit.ts";

/** A value of a run. `null` is a missing one. */
export type Value =
  | number
  | bigint
  | string
  | boolean
  | null
  | PointerValue
  | StackValue
  | TupleValue
  | ArrayValue
  | BufferValue
  | StructValue;

/** An address; prints as `0xffff888003c4d000`. */
export interface PointerValue {
  /** `pointer` */
  readonly kind: "pointer";
  /** Where it points. */
  readonly address: Addr;
}

/** A kernel stack, innermost frame first. */
export interface StackValue {
  /** `stack` */
  readonly kind: "stack";
  /** Addresses: of the hit, then of each return. */
  readonly frames: readonly Addr[];
  /** The frames as bpftrace prints them: `vfs_read+1`, or hex where no symbol covers the address. */
  readonly symbols: readonly string[];
  /** Prints as perf does, or as addresses alone. */
  readonly mode?: "perf" | "raw";
}

/** A tuple; prints as `(1, abc)`. */
export interface TupleValue {
  /** `tuple` */
  readonly kind: "tuple";
  /** Its parts. */
  readonly items: readonly Value[];
}

/** A C array; prints as `[1,2,3]`. */
export interface ArrayValue {
  /** `array` */
  readonly kind: "array";
  /** Its elements. */
  readonly items: readonly Value[];
}

/** Bytes copied out of memory; printable ones print as they are, others as `\\x1f`. */
export interface BufferValue {
  /** `buffer` */
  readonly kind: "buffer";
  /** The bytes, 0 to 255. */
  readonly bytes: readonly number[];
}

/** A record, C struct or union; prints as `{ .a = 1, .b = x }`. */
export interface StructValue {
  /** `struct` */
  readonly kind: "struct";
  /** Its members in the order of the declaration. */
  readonly fields: readonly { readonly name: string; readonly value: Value }[];
}

/**
 * An address in hex: kernel addresses of 64-bit kernels (negative numbers) as their 64 bits.
 *
 * ```ts
 * import { addressText } from "./value.ts";
 * if (addressText(-1) !== "0xffffffffffffffff") throw new Error("64 bits");
 * ```
 */
export function addressText(address: Addr): string {
  if (!Number.isSafeInteger(address)) return String(address);
  if (address >= 0) return "0x" + address.toString(16);
  const high = Math.floor(address / 2 ** 32) >>> 0;
  const low = address >>> 0;
  return "0x" + high.toString(16) + low.toString(16).padStart(8, "0");
}

/** Turns stack addresses into text. */
export type Symbolizer = (address: Addr) => string;

/** The symbolizer of an image, in bpftrace's form: the offset is decimal and always there. */
export function symbolizer(image: KernelImage): Symbolizer {
  return (address) => {
    const found = image.symbolAt(address);
    return found === undefined ? addressText(address) : `${found.symbol.name}+${found.offset}`;
  };
}

/** A captured stack as a value. */
export function stackValue(stack: Stack, symbolize: Symbolizer): StackValue {
  const symbols = stack.symbols ?? stack.frames.map(symbolize);
  const value = { kind: "stack", frames: stack.frames, symbols } as const;
  return stack.mode === undefined ? value : { ...value, mode: stack.mode };
}

/**
 * What an opaque function returned, as a value: `undefined` is null, an array a tuple, an object with a numeric
 * `address` a pointer, anything else without a plain form its `String`.
 */
export function toValue(raw: unknown, symbolize: Symbolizer): Value {
  switch (typeof raw) {
    case "number":
    case "bigint":
    case "string":
    case "boolean":
      return raw;
    case "object":
      return raw === null ? null : objectValue(raw, symbolize);
    case "undefined":
      return null;
    default:
      return String(raw);
  }
}

/** What an opaque function returned as a row: an object's own members are its columns. */
export function rowValue(raw: unknown, symbolize: Symbolizer): StructValue {
  if (typeof raw !== "object" || raw === null || Array.isArray(raw)) {
    throw new TypeError("A row is made of named columns: return an object, { file: …, bytes: … }");
  }
  if (isValueObject(raw) && raw.kind === "struct") {
    const fields = raw.fields.map(({ name, value }) => ({ name, value: toValue(value, symbolize) }));
    return { kind: "struct", fields };
  }
  const fields = Object.entries(raw).map(([name, value]: [string, unknown]) => ({
    name,
    value: toValue(value, symbolize),
  }));
  return { kind: "struct", fields };
}

function objectValue(raw: object, symbolize: Symbolizer): Value {
  if (Array.isArray(raw)) {
    return { kind: "tuple", items: raw.map((item: unknown) => toValue(item, symbolize)) };
  }
  if (isValueObject(raw)) {
    if (raw.kind !== "struct") return raw;
    return {
      kind: "struct",
      fields: raw.fields.map(({ name, value }) => ({ name, value: toValue(value, symbolize) })),
    };
  }
  if (isStack(raw)) return stackValue(raw, symbolize);
  const address = addressOf(raw);
  return address === undefined ? String(raw) : { kind: "pointer", address };
}

/** What objects answer under this key that are no value: a sentence that says so. */
export const NO_VALUE: unique symbol = Symbol("no value");

/**
 * The address of an object that stands for a place in memory, signed as everywhere; undefined for other objects.
 *
 * @throws {TypeError} If the object says that it is no value.
 */
export function addressOf(raw: object): Addr | undefined {
  const refusal: unknown = Reflect.get(raw, NO_VALUE);
  if (typeof refusal === "string") throw new TypeError(refusal);
  // Typed views answer "address" without listing it among their fields.
  const address: unknown = Reflect.get(raw, "address");
  if (typeof address === "bigint") return Number(BigInt.asIntN(64, address));
  return typeof address === "number" ? address : undefined;
}

/** True for a captured stack. */
export function isStack(raw: object): raw is Stack {
  return "frames" in raw && Array.isArray(raw.frames) && "key" in raw && typeof raw.key === "string";
}

function isValueObject(raw: object): raw is Exclude<Value, number | bigint | string | boolean | null> {
  if (!("kind" in raw)) return false;
  return raw.kind === "pointer" && "address" in raw || raw.kind === "stack" && "symbols" in raw ||
    raw.kind === "tuple" && "items" in raw || raw.kind === "array" && "items" in raw ||
    raw.kind === "buffer" && "bytes" in raw || raw.kind === "struct" && "fields" in raw;
}
