/**
 * Sizes of types, and where a field path lands.
 *
 * @module
 */
import { bareType } from "./ctype.ts";
import type { CType, FieldLayout, Member } from "./model.ts";

/** A struct or union type. */
export type Compound = Extract<CType, { kind: "struct" | "union" }>;

/** Size in bytes; 0 for void, functions and types that are only declared. */
export function sizeOf(type: CType, pointerSize: 4 | 8): number {
  const at = bareType(type);
  switch (at.kind) {
    case "int":
    case "float":
    case "enum":
    case "struct":
    case "union":
      return at.size;
    case "ptr":
      return pointerSize;
    case "array":
      return at.length * sizeOf(at.of, pointerSize);
    default:
      return 0;
  }
}

/**
 * Layout of `a.b[2].c` inside a struct or union: through anonymous members, nested structs and array elements, not through pointers.
 * Undefined where a name is no field, an index is out of bounds or a step needs a pointer followed.
 */
export function fieldLayout(type: CType, path: string, pointerSize: 4 | 8): FieldLayout | undefined {
  let at: FieldLayout = { type, offset: 0, bitShift: 0, bitSize: 0 };
  for (const step of path.split(".")) {
    const parts = /^(\w+)((?:\[\d+\])*)$/.exec(step);
    if (!parts) return undefined;
    const found = findMember(at.type, parts[1]!);
    if (!found) return undefined;
    const { member, baseBits } = found;
    const bits = baseBits + member.bitOffset;
    const bitShift = member.bitSize > 0 ? bits % 8 : 0;
    at = { type: member.type, offset: at.offset + Math.floor(bits / 8), bitShift, bitSize: member.bitSize };
    for (const [, index] of parts[2]!.matchAll(/\[(\d+)\]/g)) {
      const element = elementLayout(at, Number(index), pointerSize);
      if (!element) return undefined;
      at = element;
    }
  }
  return at;
}

function elementLayout(at: FieldLayout, index: number, pointerSize: 4 | 8): FieldLayout | undefined {
  const array = bareType(at.type);
  if (array.kind !== "array") return undefined;
  // Length 0 is a flexible array: the kernel indexes it beyond its declared end.
  if (array.length > 0 && index >= array.length) return undefined;
  return {
    type: array.of,
    offset: at.offset + index * sizeOf(array.of, pointerSize),
    bitShift: 0,
    bitSize: 0,
  };
}

function findMember(type: CType, name: string): { member: Member; baseBits: number } | undefined {
  const compound = bareType(type);
  if (compound.kind !== "struct" && compound.kind !== "union") return undefined;
  for (const member of compound.members) {
    if (member.name === name) return { member, baseBits: 0 };
    if (member.name !== "") continue;
    const inner = findMember(member.type, name);
    if (inner) return { member: inner.member, baseBits: inner.baseBits + member.bitOffset };
  }
  return undefined;
}

/** Field names at this level, anonymous members flattened, in order of declaration. */
export function fieldNames(type: CType): string[] {
  const compound = bareType(type);
  if (compound.kind !== "struct" && compound.kind !== "union") return [];
  return compound.members.flatMap((member) => member.name === "" ? fieldNames(member.type) : [member.name]);
}
