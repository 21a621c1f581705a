/**
 * BTF types as records, and their compact form; `type_decode.ts` reads it back.
 *
 * Type ids are BTF's; FUNCs are no types here but entries of the prototype index, so their ids are holes.
 *
 * @module
 */
import { ByteWriter } from "./bytes.ts";

/** Types in one chunk. */
export const TYPES_PER_CHUNK = 128;

/** A struct or union member; `name` is a name id. */
export interface MemberRecord {
  readonly name: number;
  readonly type: number;
  readonly bitOffset: number;
  readonly bitSize: number;
}

/** A parameter; a variadic prototype ends in one of type 0 with an empty name. */
export interface ParamRecord {
  readonly name: number;
  readonly type: number;
}

/** A BTF type; names are name ids, types are type ids. */
export type TypeRecord =
  | { readonly kind: "hole" }
  | { readonly kind: "int"; readonly name: number; readonly size: number; readonly encoding: number }
  | { readonly kind: "float"; readonly name: number; readonly size: number }
  | { readonly kind: "ptr" | "const" | "volatile" | "restrict"; readonly to: number }
  | { readonly kind: "typedef" | "type_tag"; readonly name: number; readonly to: number }
  | { readonly kind: "array"; readonly of: number; readonly length: number }
  | {
    readonly kind: "struct" | "union";
    readonly name: number;
    readonly size: number;
    readonly members: readonly MemberRecord[];
  }
  | {
    readonly kind: "enum";
    readonly name: number;
    readonly size: number;
    readonly signed: boolean;
    readonly values: readonly (readonly [name: number, value: bigint])[];
  }
  | { readonly kind: "fwd"; readonly name: number; readonly union: boolean }
  | { readonly kind: "func_proto"; readonly ret: number; readonly params: readonly ParamRecord[] };

/** Kinds by their code. */
export const TYPE_KINDS = [
  "hole",
  "int",
  "float",
  "ptr",
  "const",
  "volatile",
  "restrict",
  "typedef",
  "type_tag",
  "array",
  "struct",
  "union",
  "enum",
  "fwd",
  "func_proto",
] as const satisfies readonly TypeRecord["kind"][];

/** Encodes one chunk of types whose first has id `firstId`. */
export function encodeTypes(types: readonly TypeRecord[], firstId: number): Uint8Array {
  const out = new ByteWriter();
  types.forEach((type, i) => encodeType(out, type, firstId + i));
  return out.finish();
}

function encodeType(out: ByteWriter, type: TypeRecord, id: number): void {
  // A distance back, or below 0 to itself and forward; 0 is void.
  const ref = (to: number) => out.int(to === 0 ? 0 : to < id ? id - to : id - to - 1);
  out.byte(TYPE_KINDS.indexOf(type.kind));
  switch (type.kind) {
    case "hole":
      return;
    case "int":
      out.uint(type.name).byte(type.size).byte(type.encoding);
      return;
    case "float":
      out.uint(type.name).byte(type.size);
      return;
    case "ptr":
    case "const":
    case "volatile":
    case "restrict":
      ref(type.to);
      return;
    case "typedef":
    case "type_tag":
      out.uint(type.name);
      ref(type.to);
      return;
    case "array":
      ref(type.of);
      out.uint(type.length);
      return;
    case "struct":
    case "union": {
      const bits = type.members.some((m) => m.bitSize > 0 || m.bitOffset % 8 !== 0);
      out.uint(type.name).uint(type.size).uint(type.members.length * 2 + (bits ? 1 : 0));
      let last = 0;
      for (const member of type.members) {
        const offset = bits ? member.bitOffset : member.bitOffset / 8;
        out.uint(member.name);
        ref(member.type);
        out.int(offset - last);
        if (bits) out.byte(member.bitSize);
        last = offset;
      }
      return;
    }
    case "enum": {
      out.uint(type.name).byte(type.size).uint(type.values.length * 2 + (type.signed ? 1 : 0));
      let last = 0n;
      for (const [name, value] of type.values) {
        out.uint(name);
        wideInt(out, value - last);
        last = value;
      }
      return;
    }
    case "fwd":
      out.uint(type.name).byte(type.union ? 1 : 0);
      return;
    case "func_proto":
      ref(type.ret);
      out.uint(type.params.length);
      for (const param of type.params) {
        out.uint(param.name);
        ref(param.type);
      }
      return;
  }
}

/** Enumerators may need 64 bits, more than a varint's 2^53: zigzag, split in two. */
function wideInt(out: ByteWriter, value: bigint): void {
  const zigzag = value >= 0n ? value * 2n : -value * 2n - 1n;
  out.uint(Number(zigzag & 0xffff_ffffn) * 2 + (zigzag > 0xffff_ffffn ? 1 : 0));
  if (zigzag > 0xffff_ffffn) out.uint(Number(zigzag >> 32n));
}
