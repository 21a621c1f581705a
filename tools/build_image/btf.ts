/**
 * Parses BTF, the kernel's type format (Documentation/bpf/btf.rst), into type records with names as text.
 *
 * Both byte orders' magic is known, little endian is read. A module's split BTF continues the kernel's: its type ids and its string
 * offsets count on from there.
 *
 * @module
 */
import { isCircular, referencesOf } from "./btf_references.ts";
import { InputError } from "./lines.ts";

/** A type as BTF stores it, names resolved. Type ids count from 1; 0 is void. */
export type BtfType =
  | {
    readonly kind: "int";
    readonly name: string;
    readonly size: number;
    readonly encoding: number;
    readonly bits: number;
    readonly bitOffset: number;
  }
  | { readonly kind: "float"; readonly name: string; readonly size: number }
  | { readonly kind: "ptr" | "const" | "volatile" | "restrict"; readonly to: number }
  | { readonly kind: "typedef" | "type_tag"; readonly name: string; readonly to: number }
  | { readonly kind: "array"; readonly of: number; readonly index: number; readonly length: number }
  | {
    readonly kind: "struct" | "union";
    readonly name: string;
    readonly size: number;
    readonly members: readonly BtfMember[];
  }
  | {
    readonly kind: "enum";
    readonly name: string;
    readonly size: number;
    readonly signed: boolean;
    readonly values: readonly (readonly [name: string, value: bigint])[];
  }
  | { readonly kind: "fwd"; readonly name: string; readonly union: boolean }
  | { readonly kind: "func"; readonly name: string; readonly proto: number; readonly linkage: number }
  | { readonly kind: "func_proto"; readonly ret: number; readonly params: readonly BtfParam[] }
  | { readonly kind: "var"; readonly name: string; readonly type: number; readonly linkage: number }
  | {
    readonly kind: "datasec";
    readonly name: string;
    readonly size: number;
    readonly vars: readonly { readonly type: number; readonly offset: number; readonly size: number }[];
  }
  | { readonly kind: "decl_tag"; readonly name: string; readonly type: number; readonly component: number };

/** A member; `bitSize` is 0 unless it is a bit-field. */
export interface BtfMember {
  readonly name: string;
  readonly type: number;
  readonly bitOffset: number;
  readonly bitSize: number;
}

/** A parameter of a FUNC_PROTO. */
export interface BtfParam {
  readonly name: string;
  readonly type: number;
}

const MAGIC = 0xeb9f;

/** A parsed section. */
export interface BtfSection {
  /** Index = type id, entry 0 is undefined (void); a module's section begins with the kernel's types. */
  readonly types: readonly (BtfType | undefined)[];
  /** The string at an offset; throws a RangeError outside. */
  readonly text: (offset: number) => string;
  /** Offsets from here on belong to a module's own strings. */
  readonly textEnd: number;
}

/**
 * Parses a BTF section; with `base`, the kernel's, a module's split BTF.
 *
 * Throws an InputError that names `label` and the byte offset for what is no BTF, is cut short, holds an unknown kind or refers to nothing.
 */
export function parseBtf(bytes: Uint8Array, label: string, base?: BtfSection): BtfSection {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const fail = (what: string, at: number): InputError =>
    new InputError(
      `Cannot read BTF from ${label}: ${what} at byte ${at}; wanted the raw section, as /sys/kernel/btf/vmlinux has it`,
    );
  if (bytes.length < 24) throw fail("the header is cut short", bytes.length);
  if (view.getUint16(0, true) !== MAGIC) {
    throw fail(view.getUint16(0, false) === MAGIC ? "big-endian BTF" : "no BTF magic 0xeb9f", 0);
  }
  if (bytes[2] !== 1) throw fail(`version ${bytes[2]}, not 1`, 2);
  const headLength = view.getUint32(4, true);
  const typesStart = headLength + view.getUint32(8, true);
  const typesEnd = typesStart + view.getUint32(12, true);
  const stringsStart = headLength + view.getUint32(16, true);
  const stringsEnd = stringsStart + view.getUint32(20, true);
  if (typesEnd > bytes.length || stringsEnd > bytes.length) {
    throw fail(`the file is cut short: sections end at ${Math.max(typesEnd, stringsEnd)}`, bytes.length);
  }
  const first = base?.textEnd ?? 0;
  const own = stringReader(bytes, stringsStart, stringsEnd);
  const text = (offset: number) => base && offset < first ? base.text(offset) : own(offset - first);
  const types = base ? [...base.types] : [undefined];
  const cursor: Cursor = { view, at: typesStart, text };
  while (cursor.at < typesEnd) {
    const start = cursor.at;
    try {
      types.push(parseType(cursor));
    } catch (error) {
      throw fail(`type ${types.length}: ${error instanceof Error ? error.message : error}`, start);
    }
  }
  types.forEach((type, id) => {
    const outside = type && referencesOf(type).find((to) => to >= types.length);
    if (outside !== undefined) {
      throw fail(`type ${id} refers to type ${outside}, of ${types.length - 1}`, typesStart);
    }
    if (isCircular(types, id)) throw fail(`type ${id} is defined by itself`, typesStart);
  });
  return { types: normalizeBitFields(types), text, textEnd: first + stringsEnd - stringsStart };
}

interface Cursor {
  readonly view: DataView;
  at: number;
  readonly text: (offset: number) => string;
}

function stringReader(bytes: Uint8Array, start: number, end: number): (offset: number) => string {
  const decoder = new TextDecoder();
  const known = new Map<number, string>();
  return (offset) => {
    let name = known.get(offset);
    if (name === undefined) {
      const from = start + offset;
      const to = bytes.indexOf(0, from);
      if (from >= end || to < 0) {
        throw new RangeError(`string offset ${offset} is outside the string section`);
      }
      known.set(offset, name = decoder.decode(bytes.subarray(from, to)));
    }
    return name;
  };
}

function parseType(c: Cursor): BtfType {
  const u32 = () => {
    const word = c.view.getUint32(c.at, true);
    c.at += 4;
    return word;
  };
  const list = <T>(length: number, item: () => T): T[] => Array.from({ length }, item);
  const name = c.text(u32());
  const info = u32();
  const word = u32();
  const length = info & 0xffff;
  const code = (info >>> 24) & 0x1f;
  const flag = info >>> 31 === 1;
  switch (code) {
    case 1: {
      const bits = u32();
      return {
        kind: "int",
        name,
        size: word,
        encoding: (bits >>> 24) & 0x0f,
        bitOffset: (bits >>> 16) & 0xff,
        bits: bits & 0xff,
      };
    }
    case 2:
      return { kind: "ptr", to: word };
    case 3:
      return { kind: "array", of: u32(), index: u32(), length: u32() };
    case 4:
    case 5: {
      const members = list(length, () => {
        const member = c.text(u32());
        const type = u32();
        const offset = u32();
        // With the kind flag, the offset word holds the bit-field's size too.
        return {
          name: member,
          type,
          bitOffset: flag ? offset & 0xff_ffff : offset,
          bitSize: flag ? offset >>> 24 : 0,
        };
      });
      return { kind: code === 4 ? "struct" : "union", name, size: word, members };
    }
    case 6:
      return {
        kind: "enum",
        name,
        size: word,
        signed: flag,
        values: list(length, () => [c.text(u32()), BigInt(flag ? u32() | 0 : u32())] as const),
      };
    case 7:
      return { kind: "fwd", name, union: flag };
    case 8:
      return { kind: "typedef", name, to: word };
    case 9:
      return { kind: "volatile", to: word };
    case 10:
      return { kind: "const", to: word };
    case 11:
      return { kind: "restrict", to: word };
    case 12:
      return { kind: "func", name, proto: word, linkage: length };
    case 13:
      return {
        kind: "func_proto",
        ret: word,
        params: list(length, () => ({ name: c.text(u32()), type: u32() })),
      };
    case 14:
      return { kind: "var", name, type: word, linkage: u32() };
    case 15:
      return {
        kind: "datasec",
        name,
        size: word,
        vars: list(length, () => ({ type: u32(), offset: u32(), size: u32() })),
      };
    case 16:
      return { kind: "float", name, size: word };
    case 17:
      return { kind: "decl_tag", name, type: word, component: u32() | 0 };
    case 18:
      return { kind: "type_tag", name, to: word };
    case 19:
      return {
        kind: "enum",
        name,
        size: word,
        signed: flag,
        values: list(length, () => {
          const enumerator = c.text(u32());
          const value = BigInt(u32()) + (BigInt(u32()) << 32n);
          return [enumerator, flag ? BigInt.asIntN(64, value) : value] as const;
        }),
      };
    default:
      throw new RangeError(`unknown kind ${code}`);
  }
}

/**
 * Old encoders wrote a bit-field as a member of an INT with fewer bits than its bytes; here it reads as the kind flag's form.
 */
function normalizeBitFields(types: (BtfType | undefined)[]): (BtfType | undefined)[] {
  const narrow = (id: number): Extract<BtfType, { kind: "int" }> | undefined => {
    const type = types[id];
    if (type?.kind === "int") return type.bits !== type.size * 8 || type.bitOffset !== 0 ? type : undefined;
    if (type?.kind === "typedef" || type?.kind === "const" || type?.kind === "volatile") {
      return narrow(type.to);
    }
    return undefined;
  };
  return types.map((type) => {
    if (type?.kind !== "struct" && type?.kind !== "union") return type;
    const members = type.members.map((member) => {
      const int = member.bitSize === 0 ? narrow(member.type) : undefined;
      return int ? { ...member, bitOffset: member.bitOffset + int.bitOffset, bitSize: int.bits } : member;
    });
    return { ...type, members };
  });
}
