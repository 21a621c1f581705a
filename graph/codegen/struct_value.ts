/**
 * Whole structs and arrays as values, for printing them.
 *
 * @module
 */

import type { CType, KernelImage, Member } from "../../image/model.ts";
import type { Hit } from "../hit.ts";
import { isCharacter, strip } from "../types.ts";
import type { Value } from "../value.ts";

/** Reads a value that lies at an address. */
export type Reader = (hit: Hit, address: number) => Value;

/** Structs inside structs are read to this depth; pointers are not followed. */
const MAX_DEPTH = 4;

/** Elements of an array that are read. */
const MAX_ELEMENTS = 64;

/** How to read a value of a C type; `null` values stand for what is too deep or has no size. */
export function structReader(type: CType, image: KernelImage, depth: number = MAX_DEPTH): Reader {
  const bare = strip(type);
  switch (bare.kind) {
    case "int": {
      const { size, signed } = bare;
      if (bare.encoding === "bool") return (hit, address) => hit.load(address, size, false) !== 0;
      return size > 8 ? nothing : (hit, address) => hit.load(address, size, signed);
    }
    case "enum": {
      const { size, signed } = bare;
      return (hit, address) => hit.load(address, size, signed);
    }
    case "ptr": {
      const size = image.pointerSize;
      return (hit, address) => ({ kind: "pointer", address: hit.load(address, size, size === 8) });
    }
    case "array":
      return arrayReader(bare.of, bare.length, image, depth);
    case "struct":
    case "union": {
      if (depth === 0) return nothing;
      const fields = bare.members.map((member, i) => memberReader(member, i, image, depth));
      return (hit, address) => ({
        kind: "struct",
        fields: fields.map(({ name, read }) => ({ name, value: read(hit, address) })),
      });
    }
    default:
      return nothing;
  }
}

function nothing(): Value {
  return null;
}

/** How to read an array of `length` elements; characters read as a string. */
export function arrayReader(
  of: CType,
  length: number,
  image: KernelImage,
  depth: number = MAX_DEPTH,
): Reader {
  if (isCharacter(of)) return (hit, address) => hit.str(address, length);
  const size = image.sizeOf(of);
  const read = structReader(of, image, depth);
  const count = Math.min(length, MAX_ELEMENTS);
  return (hit, address) => ({
    kind: "array",
    items: Array.from({ length: count }, (_, i) => read(hit, address + i * size)),
  });
}

function memberReader(
  member: Member,
  position: number,
  image: KernelImage,
  depth: number,
): { name: string; read: Reader } {
  const name = member.name === "" ? `(anonymous ${position})` : member.name;
  if (member.bitSize > 0) {
    const offset = Math.floor(member.bitOffset / 8);
    const bare = strip(member.type);
    const signed = (bare.kind === "int" || bare.kind === "enum") && bare.signed;
    return {
      name,
      read: (hit, address) => readBits(hit, address + offset, member.bitOffset % 8, member.bitSize, signed),
    };
  }
  const read = structReader(member.type, image, depth - 1);
  const offset = member.bitOffset / 8;
  return { name, read: (hit, address) => read(hit, address + offset) };
}

/**
 * Reads a bit-field: `bits` bits from bit `shift` (0 to 7) of the byte at `address`, little endian. Reads no byte
 * that the field does not touch, except to make up a load of 1, 2 or 4 bytes.
 */
export function readBits(hit: Hit, address: number, shift: number, bits: number, signed: boolean): number {
  const end = shift + bits;
  let raw: number;
  if (end <= 32) {
    raw = hit.load(address, end <= 8 ? 1 : end <= 16 ? 2 : 4, false) >>> shift;
  } else {
    const low = hit.load(address, 4, false);
    const rest = end - 32;
    const high = hit.load(address + 4, rest <= 8 ? 1 : rest <= 16 ? 2 : 4, false);
    raw = (low >>> shift) + high * 2 ** (32 - shift);
  }
  return cutBits(raw, 0, bits, signed);
}

/** Bits `shift` to `shift + bits` of a non-negative or signed number. */
export function cutBits(value: number, shift: number, bits: number, signed: boolean): number {
  const range = 2 ** bits;
  const shifted = Math.floor(value / 2 ** shift);
  const cut = shifted - Math.floor(shifted / range) * range;
  const result = signed && cut >= range / 2 ? cut - range : cut;
  if (Number.isSafeInteger(result)) return result;
  throw new RangeError(`Cannot read a bit-field of ${bits} bits as a number: ${result} is outside ±2^53`);
}
