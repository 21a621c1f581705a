/**
 * Values in kernel memory in C's syntax, as a debugger prints them. A fault while reading is shown, never thrown.
 *
 * @module
 */

import { addressHex } from "../image/address.ts";
import { bitField, shapeOf } from "../image/c_value.ts";
import { bareType, isCharacter } from "../image/ctype.ts";
import { typeText } from "../image/ctype_text.ts";
import type { Addr, CType, FieldLayout, Member } from "../image/model.ts";
import type { Kernel } from "../kernel/kernel.ts";

/** How much is shown. */
export interface FormatOptions {
  /** Levels of nested structs that are opened; below they read `{...}`. Default 2. */
  readonly depth?: number;
  /** Array elements that are shown. Default 16. */
  readonly elements?: number;
}

const STEP = "    ";
const FAULT = "<fault>";
/** Bytes of a string that are shown behind its pointer. */
const SHOWN_STRING = 64;

/** The value of `type` at `address`, over several lines where it is a struct. */
export function formatAt(k: Kernel, type: CType, address: Addr, options: FormatOptions = {}): string {
  return format(k, type, address, "", options.depth ?? 2, options.elements ?? 16);
}

function format(k: Kernel, type: CType, address: Addr, indent: string, depth: number, most: number): string {
  const bare = bareType(type);
  switch (bare.kind) {
    case "struct":
    case "union":
      return formatMembers(k, bare, address, indent, depth, most);
    case "array":
      return formatArray(k, bare, address, indent, depth, most);
    default:
      return formatScalar(k, type, address);
  }
}

/** An integer, enum, pointer or boolean. */
export function formatScalar(k: Kernel, type: CType, address: Addr): string {
  const bare = bareType(type);
  switch (bare.kind) {
    case "int": {
      const value = k.memory.probeReadBig(address, bare.size, bare.signed);
      if (value === null) return FAULT;
      return bare.encoding === "bool" ? String(value !== 0n) : String(value);
    }
    case "enum": {
      const value = k.memory.probeReadBig(address, bare.size, bare.signed);
      return value === null ? FAULT : enumName(bare, Number(value));
    }
    case "ptr": {
      const value = k.memory.probeReadInt(address, k.image.pointerSize, k.image.pointerSize === 8);
      return Number.isNaN(value) ? FAULT : formatPointer(k, bare, value);
    }
    case "func_proto":
    case "void":
      return k.image.describe(address);
    case "float":
      return `<${bare.name}>`;
    default:
      return "{...}";
  }
}

/** `(struct dentry *)0xffff888003a1c0e0`; what points into text shows the symbol, a string its text. */
export function formatPointer(k: Kernel, type: CType & { readonly kind: "ptr" }, value: Addr): string {
  const cast = `(${typeText(type)})${value === 0 ? "0x0" : addressHex(k.image.arch, value)}`;
  if (value === 0) return cast;
  if (isCharacter(type.to)) {
    const text = k.memory.probeReadString(value, SHOWN_STRING);
    return text === null ? cast : `${cast} ${JSON.stringify(text)}`;
  }
  const symbol = k.image.symbolAt(value);
  return symbol === undefined || k.memory.isUser(value) ? cast : `${cast} <${k.image.describe(value)}>`;
}

function enumName(type: CType & { readonly kind: "enum" }, value: number): string {
  for (const [name, number] of type.values) if (number === value) return name;
  return String(value);
}

function formatArray(
  k: Kernel,
  type: CType & { readonly kind: "array" },
  address: Addr,
  indent: string,
  depth: number,
  most: number,
): string {
  const { of } = type;
  if (isCharacter(of) && type.length > 0) {
    const text = k.memory.probeReadString(address, type.length);
    return text === null ? FAULT : JSON.stringify(text);
  }
  if (type.length === 0) return "{}";
  const size = k.image.sizeOf(of);
  const shown = Math.min(type.length, most);
  const items: string[] = [];
  for (let i = 0; i < shown; i++) {
    items.push(format(k, of, address + i * size, `${indent}${STEP}`, depth - 1, most));
  }
  if (shown < type.length) items.push("...");
  const flat = `{ ${items.join(", ")} }`;
  if (!flat.includes("\n") && flat.length <= 80) return flat;
  return `{\n${items.map((item) => `${indent}${STEP}${item},\n`).join("")}${indent}}`;
}

function formatMembers(
  k: Kernel,
  type: CType & { readonly kind: "struct" | "union" },
  address: Addr,
  indent: string,
  depth: number,
  most: number,
): string {
  if (depth <= 0) return "{...}";
  const lines = type.members.map((member) => {
    const value = formatMember(k, type, member, address, `${indent}${STEP}`, depth, most);
    return `${indent}${STEP}${member.name === "" ? "" : `.${member.name} = `}${value},\n`;
  });
  return lines.length === 0 ? "{}" : `{\n${lines.join("")}${indent}}`;
}

function formatMember(
  k: Kernel,
  type: CType,
  member: Member,
  address: Addr,
  indent: string,
  depth: number,
  most: number,
): string {
  if (member.bitSize > 0) {
    const layout = k.image.field(type, member.name);
    return layout === undefined ? "?" : String(fieldBits(k, layout, address) ?? FAULT);
  }
  // An anonymous member is part of its struct, not a level below it.
  const below = member.name === "" ? depth : depth - 1;
  return format(k, member.type, address + member.bitOffset / 8, indent, below, most);
}

/** A bit-field's value, or null where reading faults. */
export function fieldBits(k: Kernel, layout: FieldLayout, object: Addr): bigint | boolean | null {
  const value = bitField(layout, object, (at) => k.memory.probeReadInt(at, 1, false));
  return value !== null && shapeOf(layout.type).is === "bool" ? value !== 0n : value;
}
