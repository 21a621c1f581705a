/**
 * C objects in kernel memory as JavaScript sees them inside an opaque handler: `c.args.path.dentry.d_name.name`.
 * Captured handlers never come here; they are compiled to plain loads.
 *
 * @module
 */

import type { Addr, CType, FieldLayout, KernelImage } from "../image/model.ts";
import { addressToBigInt } from "../image/address.ts";
import { bitField, MAX_ELEMENTS, MAX_STRING, shapeOf } from "../image/c_value.ts";
import { bareType } from "../image/ctype.ts";
import { nearNames } from "../image/near.ts";

/** How objects read memory: never throws, a fault reads 0 or "" and is counted. */
export interface ObjectReader {
  readonly image: KernelImage;
  load(address: Addr, size: number, signed: boolean): number;
  str(address: Addr, max: number): string;
}

/** What stands behind a C value in JavaScript: numbers, booleans, strings, and objects for the rest. */
export type ObjectValue = number | boolean | string | object;

/** Reads the value of a type that lies at an address. */
export function readValue(reader: ObjectReader, type: CType, address: Addr): ObjectValue {
  const shape = shapeOf(type);
  const { pointerSize } = reader.image;
  switch (shape.is) {
    case "bool":
      return reader.load(address, shape.size, false) !== 0;
    case "integer":
      return reader.load(address, shape.size, shape.signed);
    case "characters":
      return reader.str(address, shape.max);
    case "string":
    case "pointer":
      return wordValue(reader, type, reader.load(address, pointerSize, pointerSize === 8));
    case "array":
      return arrayView(reader, shape.of, address, shape.length);
    case "compound":
      return pointerView(reader, shape.type, address);
    case "nothing":
      return pointerView(reader, { kind: "void", id: 0 }, address);
  }
}

/** The value of a scalar word (an argument, a result) of a type: pointers become views, integers are cut to size. */
export function wordValue(reader: ObjectReader, type: CType, word: number): ObjectValue {
  const shape = shapeOf(type);
  switch (shape.is) {
    case "bool":
      return (word & 0xff) !== 0;
    case "integer":
      return cutWord(word, shape.size, shape.signed);
    case "string":
      return reader.str(word, MAX_STRING);
    case "pointer":
      return pointerView(reader, bareType(shape.to), word);
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
    const near = nearNames(name, reader.image.fieldNames(type), 1)[0];
    throw new TypeError(
      `Cannot read field "${name}": ${type.kind} ${type.name || "(anonymous)"} has no such field${
        near === undefined ? "" : `; did you mean "${near}"?`
      }`,
    );
  }
  if (layout.bitSize > 0) return readBits(reader, layout, address);
  return readValue(reader, layout.type, address + layout.offset);
}

function readBits(reader: ObjectReader, layout: FieldLayout, address: Addr): ObjectValue {
  const value = bitField(layout, address, (at) => reader.load(at, 1, false)) ?? 0n;
  if (shapeOf(layout.type).is === "bool") return value !== 0n;
  const near = Number(value);
  if (Number.isSafeInteger(near)) return near;
  throw new RangeError(
    `Cannot read a bit-field of ${layout.bitSize} bits as a number: ${value} is outside ±2^53`,
  );
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
  return pointerView(reader, bareType(type), address);
}

function arrayView(reader: ObjectReader, of: CType, address: Addr, length: number): object {
  const size = reader.image.sizeOf(of);
  return Array.from(
    { length: Math.min(length, MAX_ELEMENTS) },
    (_, i) => readValue(reader, of, address + i * size),
  );
}

function conversion(name: symbol, text: () => string, number: () => number): unknown {
  if (name === Symbol.toPrimitive) return (hint: string) => hint === "number" ? number() : text();
  return undefined;
}

function hex(reader: ObjectReader, address: Addr): string {
  return `0x${addressToBigInt(reader.image.arch, address).toString(16)}`;
}
