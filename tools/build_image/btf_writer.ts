/**
 * Writes BTF, the reverse of `btf.ts`: tests make sections of their own with it.
 *
 * @module
 */
import { ByteWriter } from "../../image/bytes.ts";
import type { BtfType } from "./btf.ts";

/** BTF kind numbers, but for enums, which have one for 32 and one for 64 bits. */
const CODES: Readonly<Record<Exclude<BtfType["kind"], "enum">, number>> = {
  int: 1,
  ptr: 2,
  array: 3,
  struct: 4,
  union: 5,
  fwd: 7,
  typedef: 8,
  volatile: 9,
  const: 10,
  restrict: 11,
  func: 12,
  func_proto: 13,
  var: 14,
  datasec: 15,
  float: 16,
  decl_tag: 17,
  type_tag: 18,
};
const ENUM = 6;
const ENUM64 = 19;

/** The bytes of a BTF section that holds the types as ids 1, 2, ..., or of a module's that count on from the kernel's. */
export function writeBtf(types: readonly BtfType[], kernel: readonly BtfType[] = []): Uint8Array {
  const base = kernel.length === 0 ? undefined : new Strings();
  for (const type of kernel) writeType(new ByteWriter(), base!, type);
  const strings = new Strings(base);
  const body = new ByteWriter();
  for (const type of types) writeType(body, strings, type);
  const text = strings.bytes();
  const out = new ByteWriter().byte(0x9f).byte(0xeb).byte(1).byte(0);
  for (const word of [24, 0, body.length, body.length, text.length]) u32(out, word);
  return out.raw(body.finish()).raw(text).finish();
}

class Strings {
  readonly #offsets = new Map<string, number>();
  readonly #out = new ByteWriter();
  readonly #base: Strings | undefined;
  readonly #start: number;

  constructor(base?: Strings) {
    this.#base = base;
    this.#start = base ? base.#out.length : 0;
    // Only the first section begins with the empty string.
    if (!base) this.offset("");
  }

  offset(text: string): number {
    const known = this.known(text) ?? this.#base?.known(text);
    if (known !== undefined) return known;
    const offset = this.#start + this.#out.length;
    this.#offsets.set(text, offset);
    this.#out.raw(new TextEncoder().encode(text)).byte(0);
    return offset;
  }

  known(text: string): number | undefined {
    return this.#offsets.get(text);
  }

  bytes(): Uint8Array {
    return this.#out.finish();
  }
}

function u32(out: ByteWriter, word: number): void {
  out.byte(word & 0xff).byte((word >>> 8) & 0xff).byte((word >>> 16) & 0xff).byte(word >>> 24);
}

function writeType(out: ByteWriter, strings: Strings, type: BtfType): void {
  const head = (
    length: number,
    flag: boolean,
    word: number,
    code = CODES[type.kind as keyof typeof CODES],
  ) => {
    u32(out, strings.offset("name" in type ? type.name : ""));
    u32(out, (length | (code << 24) | (flag ? 0x8000_0000 : 0)) >>> 0);
    u32(out, word);
  };
  const words = (...values: number[]) => values.forEach((value) => u32(out, value >>> 0));
  switch (type.kind) {
    case "int":
      head(0, false, type.size);
      return words(type.encoding << 24 | type.bitOffset << 16 | type.bits);
    case "float":
      return head(0, false, type.size);
    case "ptr":
    case "const":
    case "volatile":
    case "restrict":
    case "typedef":
    case "type_tag":
      return head(0, false, type.to);
    case "array":
      head(0, false, 0);
      return words(type.of, type.index, type.length);
    case "struct":
    case "union": {
      const flag = type.members.some((member) => member.bitSize > 0);
      head(type.members.length, flag, type.size);
      for (const { name, type: id, bitOffset, bitSize } of type.members) {
        words(strings.offset(name), id, flag ? bitSize << 24 | bitOffset : bitOffset);
      }
      return;
    }
    case "enum": {
      const wide = type.size === 8;
      head(type.values.length, type.signed, type.size, wide ? ENUM64 : ENUM);
      for (const [name, value] of type.values) {
        words(strings.offset(name), Number(value & 0xffff_ffffn));
        if (wide) words(Number((value >> 32n) & 0xffff_ffffn));
      }
      return;
    }
    case "fwd":
      return head(0, type.union, 0);
    case "func":
      return head(type.linkage, false, type.proto);
    case "func_proto":
      head(type.params.length, false, type.ret);
      for (const param of type.params) words(strings.offset(param.name), param.type);
      return;
    case "var":
      head(0, false, type.type);
      return words(type.linkage);
    case "datasec":
      head(type.vars.length, false, type.size);
      for (const variable of type.vars) words(variable.type, variable.offset, variable.size);
      return;
    case "decl_tag":
      head(0, false, type.type);
      return words(type.component);
  }
}
