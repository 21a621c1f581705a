/**
 * C objects in kernel memory as JavaScript sees them inside an opaque handler: `c.args.path.dentry.d_name.name`.
 * Captured handlers never come here; they are compiled to plain loads.
 *
 * @module
 */

import type { Addr, CType, FieldLayout, KernelImage } from "../image/model.ts";
import { isCharacter, strip } from "../graph/types.ts";
import { addressToBigInt } from "../image/address.ts";

/** How objects read memory: never throws, a fault reads 0 or "" and is counted. */
export interface ObjectReader {
  readonly image: KernelImage;
  load(address: Addr, size: number, signed: boolean): number;
  str(address: Addr, max: number): string;
}

/** Longest string read through a `char *`, bytes: bpftrace's default `max_strlen`. */
export const MAX_STRING = 1024;

/** What stands behind a C value in JavaScript: numbers, booleans, strings, and objects for the rest. */
export type ObjectValue = number | boolean | string | object;

/** Reads the value of a type that lies at an address. */
export function readValue(reader: ObjectReader, type: CType, address: Addr): ObjectValue {
  const bare = strip(type);
  switch (bare.kind) {
    case "int":
    case "enum": {
      const value = reader.load(address, bare.size, bare.signed);
      return bare.kind === "int" && bare.encoding === "bool" ? value !== 0 : value;
    }
    case "ptr":
      return pointerValue(
        reader,
        bare,
        reader.load(address, reader.image.pointerSize, reader.image.pointerSize === 8),
      );
    case "array":
      return isCharacter(bare.of) && bare.length > 0
        ? reader.str(address, bare.length)
        : arrayView(reader, bare.of, address, bare.length);
    case "struct":
    case "union":
      return pointerView(reader, bare, address);
    default:
      return pointerView(reader, { kind: "void", id: 0 }, address);
  }
}

/** The value of a scalar word (an argument, a result) of a type: pointers become views, integers are cut to size. */
export function wordValue(reader: ObjectReader, type: CType, word: number): ObjectValue {
  const bare = strip(type);
  switch (bare.kind) {
    case "int":
      return bare.encoding === "bool" ? (word & 0xff) !== 0 : cutWord(word, bare.size, bare.signed);
    case "enum":
      return cutWord(word, bare.size, bare.signed);
    case "ptr":
      return pointerValue(reader, bare, word);
    default:
      return word;
  }
}

/** Cuts a signed word to a C integer type, as a function of that parameter type sees its register. */
export function cutWord(word: number, size: number, signed: boolean): number {
  if (size === 8) {
    if (signed || word >= 0) return word;
    throw new RangeError(
      `Cannot read ${
        BigInt.asUintN(64, BigInt(word))
      } as a number: it is beyond 2^53; c.arg(n) or c.reg(name) give the ` +
        "word as a signed number",
    );
  }
  if (size === 4) return signed ? word | 0 : word >>> 0;
  const bits = size * 8;
  const low = word & ((1 << bits) - 1);
  return signed && low >= 1 << (bits - 1) ? low - (1 << bits) : low;
}

function pointerValue(
  reader: ObjectReader,
  type: CType & { readonly kind: "ptr" },
  word: number,
): ObjectValue {
  return isCharacter(type.to) ? reader.str(word, MAX_STRING) : pointerView(reader, strip(type.to), word);
}

const layouts = new WeakMap<KernelImage, Map<string, FieldLayout | null>>();

function fieldOf(image: KernelImage, type: CType, name: string): FieldLayout | null {
  let known = layouts.get(image);
  if (known === undefined) layouts.set(image, known = new Map());
  const key = `${type.id}.${name}`;
  let layout = known.get(key);
  if (layout === undefined) known.set(key, layout = image.field(type, name) ?? null);
  return layout;
}

function readField(reader: ObjectReader, type: CType, address: Addr, name: string): ObjectValue {
  if (type.kind !== "struct" && type.kind !== "union") {
    throw new TypeError(`Cannot read field "${name}": ${reader.image.typeText(type)} has no fields`);
  }
  const layout = fieldOf(reader.image, type, name);
  if (layout === null) {
    throw new TypeError(
      `Cannot read field "${name}": ${type.kind} ${type.name || "(anonymous)"} has no such field`,
    );
  }
  if (layout.bitSize > 0) return readBits(reader, layout, address);
  return readValue(reader, layout.type, address + layout.offset);
}

function readBits(reader: ObjectReader, layout: FieldLayout, address: Addr): ObjectValue {
  const bare = strip(layout.type);
  let value = 0;
  let scale = 1;
  let left = layout.bitSize;
  let shift = layout.bitShift;
  for (let at = address + layout.offset; left > 0; at++) {
    const take = Math.min(8 - shift, left);
    value += ((reader.load(at, 1, false) >> shift) & ((1 << take) - 1)) * scale;
    scale *= 2 ** take;
    left -= take;
    shift = 0;
  }
  if (bare.kind === "int" && bare.encoding === "bool") return value !== 0;
  return bare.kind === "int" && bare.signed && value >= scale / 2 ? value - scale : value;
}

/** What every pointer answers that is no field of what it points to (`Pointer` in `types/words.ts`). */
function pointerMember(reader: ObjectReader, address: Addr, name: string): unknown {
  switch (name) {
    case "address":
      return addressToBigInt(reader.image.arch, address);
    case "isNull":
      return address === 0;
    case "cast":
      return (type: string) => castPointer(reader, type, address);
    case "toString":
    case "toJSON":
      return () => hex(reader, address);
    case "valueOf":
      return () => address;
    default:
      return undefined;
  }
}

/** A pointer, or a struct in place: fields by name, elements by index. */
function pointerView(reader: ObjectReader, to: CType, address: Addr): object {
  const sized = to.kind !== "void" && to.kind !== "func_proto" && to.kind !== "fwd";
  const size = sized ? reader.image.sizeOf(to) : 1;
  return new Proxy(Object.freeze({}), {
    get(_target, name) {
      if (typeof name === "symbol") return conversion(name, () => hex(reader, address), () => address);
      // As in C, the struct's own field wins.
      if (hasField(reader, to, name)) return readField(reader, to, address, name);
      const member = pointerMember(reader, address, name);
      if (member !== undefined) return member;
      if (/^\d+$/.test(name)) return readValue(reader, to, address + Number(name) * size);
      return readField(reader, to, address, name);
    },
    has: (_target, name) => typeof name === "string" && hasField(reader, to, name),
    ownKeys: () => [],
  });
}

function hasField(reader: ObjectReader, type: CType, name: string): boolean {
  return (type.kind === "struct" || type.kind === "union") && fieldOf(reader.image, type, name) !== null;
}

function castPointer(reader: ObjectReader, name: string, address: Addr): object {
  const type = reader.image.type(name.replace(/\s*\*$/, ""));
  if (type === undefined) {
    const near = reader.image.nearTypes(name)[0];
    throw new TypeError(
      `Cannot cast to "${name}": no such type${near === undefined ? "" : `; did you mean "${near}"?`}`,
    );
  }
  return pointerView(reader, strip(type), address);
}

function arrayView(reader: ObjectReader, of: CType, address: Addr, length: number): object {
  const size = reader.image.sizeOf(of);
  return Array.from({ length: Math.min(length, 4096) }, (_, i) => readValue(reader, of, address + i * size));
}

function conversion(name: symbol, text: () => string, number: () => number): unknown {
  if (name === Symbol.toPrimitive) return (hint: string) => hint === "number" ? number() : text();
  return undefined;
}

function hex(reader: ObjectReader, address: Addr): string {
  return `0x${addressToBigInt(reader.image.arch, address).toString(16)}`;
}
