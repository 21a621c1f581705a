/**
 * Whole structs and arrays as values, for printing them.
 *
 * @module
 */

import { bareType, isCharacter } from "../../image/ctype.ts";
import type { CType, KernelImage, Member } from "../../image/model.ts";
import type { Hit } from "../hit.ts";
import type { Value } from "../value.ts";
import { readBits } from "./bits.ts";

/** Reads a value that lies at an address. */
export type Reader = (hit: Hit, address: number) => Value;

/** Structs inside structs are read to this depth; pointers are not followed. */
const MAX_DEPTH = 4;

/** Elements of an array that are read. */
const MAX_ELEMENTS = 64;

/** How to read a value of a C type; `null` values stand for what is too deep or has no size. */
export function structReader(type: CType, image: KernelImage, depth: number = MAX_DEPTH): Reader {
  const bare = bareType(type);
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
    const bare = bareType(member.type);
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
