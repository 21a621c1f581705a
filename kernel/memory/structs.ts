/**
 * Fields of kernel structures: their layout looked up once, then read and written through memory.
 *
 * @module
 */

import { bareType } from "../../image/ctype.ts";
import { nearNames } from "../../image/near.ts";
import type { Addr, CType, FieldLayout, KernelImage } from "../../image/model.ts";
import type { Memory } from "./memory.ts";

/** Access to one field of one structure. Keep it: `get` and `set` look nothing up. */
export class FieldAccess {
  /** Bytes from the start of the structure. */
  readonly offset: number;
  /** Bytes of the field (of the storage unit for a bit-field). */
  readonly size: number;
  readonly signed: boolean;
  readonly layout: FieldLayout;
  readonly #memory: Memory;
  readonly #name: string;

  constructor(memory: Memory, image: KernelImage, layout: FieldLayout, name: string) {
    this.#memory = memory;
    this.#name = name;
    this.layout = layout;
    this.offset = layout.offset;
    const type = bareType(layout.type);
    this.size = layout.bitSize > 0 ? bytesFor(layout.bitShift + layout.bitSize) : image.sizeOf(type);
    this.signed = isSigned(type, image);
  }

  /** Address of the field inside the structure at `base`. */
  at(base: Addr): Addr {
    return base + this.offset;
  }

  /** Reads an integer, enum or pointer. 64-bit values come as signed words; a `RangeError` names `getBig` beyond ±2^53. */
  get(base: Addr): number {
    if (this.layout.bitSize > 0) return Number(this.#bits(base));
    if (this.size === 8 || this.size <= 4) {
      return this.#memory.load(base + this.offset, this.#scalar(), this.signed);
    }
    throw new RangeError(
      `Cannot read ${this.#name} as a number: it has ${this.size} bytes; use at() and readBytes`,
    );
  }

  /** Writes an integer, enum or pointer. */
  set(base: Addr, value: number): void {
    if (this.layout.bitSize > 0) this.#setBits(base, BigInt(value));
    else this.#memory.store(base + this.offset, this.#scalar(), value);
  }

  /** Reads it, exact: unsigned types as unsigned. */
  getBig(base: Addr): bigint {
    if (this.layout.bitSize > 0) return this.#bits(base);
    return this.#memory.readBig(base + this.offset, this.#scalar(), this.signed);
  }

  /** Writes it, exact. */
  setBig(base: Addr, value: bigint): void {
    if (this.layout.bitSize > 0) this.#setBits(base, value);
    else if (this.size === 8) this.#memory.writeBig(base + this.offset, 8, value);
    else this.set(base, Number(BigInt.asIntN(32, value)));
  }

  /** Reads a `char` array as text. */
  string(base: Addr): string {
    return this.#memory.readString(base + this.offset, this.size);
  }

  /** Writes a `char` array, cut to its size with a NUL at the end. */
  setString(base: Addr, text: string): void {
    this.#memory.fill(base + this.offset, this.size, 0);
    this.#memory.writeString(base + this.offset, text, this.size);
  }

  #scalar(): number {
    if (this.size === 1 || this.size === 2 || this.size === 4 || this.size === 8) return this.size;
    throw new RangeError(`Cannot use ${this.#name} as a number: it has ${this.size} bytes`);
  }

  #bits(base: Addr): bigint {
    const raw = this.#unit(base) >> BigInt(this.layout.bitShift);
    return this.signed ? BigInt.asIntN(this.layout.bitSize, raw) : BigInt.asUintN(this.layout.bitSize, raw);
  }

  #setBits(base: Addr, value: bigint): void {
    const mask = ((1n << BigInt(this.layout.bitSize)) - 1n) << BigInt(this.layout.bitShift);
    let unit = (this.#unit(base) & ~mask) | ((value << BigInt(this.layout.bitShift)) & mask);
    for (let i = 0; i < this.size; i++) {
      this.#memory.store(base + this.offset + i, 1, Number(unit & 0xffn));
      unit >>= 8n;
    }
  }

  #unit(base: Addr): bigint {
    let unit = 0n;
    for (let i = this.size - 1; i >= 0; i--) {
      unit = (unit << 8n) | BigInt(this.#memory.load(base + this.offset + i, 1, false));
    }
    return unit;
  }
}

/**
 * Typed access to structures of one kernel: `k.structs.field("struct file", "f_path.dentry").get(file)`. Look a field up
 * once and keep what you get.
 */
export class Structs {
  readonly #image: KernelImage;
  readonly #memory: Memory;
  readonly #fields = new Map<string, FieldAccess>();
  readonly #sizes = new Map<string, number>();

  constructor(image: KernelImage, memory: Memory) {
    this.#image = image;
    this.#memory = memory;
  }

  /** Access to a field, through anonymous members and nested structures (not pointers). Throws with near names. */
  field(type: string, path: string): FieldAccess {
    const key = `${type} ${path}`;
    let access = this.#fields.get(key);
    if (access === undefined) {
      const found = this.#type(type);
      const layout = this.#image.field(found, path);
      if (layout === undefined) throw this.#noField(type, path, found);
      access = new FieldAccess(this.#memory, this.#image, layout, `${type}.${path}`);
      this.#fields.set(key, access);
    }
    return access;
  }

  /** Whether this kernel's structure has such a field. */
  has(type: string, path: string): boolean {
    const found = this.#image.type(type);
    return found !== undefined && this.#image.field(found, path) !== undefined;
  }

  /** Bytes from the start of the structure to a field. */
  offsetOf(type: string, path: string): number {
    return this.field(type, path).offset;
  }

  /** Bytes of a structure. */
  size(type: string): number {
    let size = this.#sizes.get(type);
    if (size === undefined) {
      size = this.#image.sizeOf(this.#type(type));
      this.#sizes.set(type, size);
    }
    return size;
  }

  #type(name: string): CType {
    const found = this.#image.type(name);
    if (found !== undefined) return found;
    const near = this.#image.nearTypes(name, 1)[0];
    throw new Error(
      `Cannot find type "${name}": kernel ${this.#image.release} (${this.#image.arch}) has no such type${
        near === undefined ? "" : `; did you mean "${near}"?`
      }`,
    );
  }

  #noField(type: string, path: string, found: CType): Error {
    const names = this.#image.fieldNames(found);
    const near = nearNames(path, names, 1)[0];
    const shown = names.slice(0, 12).join(", ");
    return new Error(
      `Cannot find field "${path}" of ${type}: kernel ${this.#image.release} (${this.#image.arch}) has no such field; ${
        near === undefined ? `it has ${shown}${names.length > 12 ? ", …" : ""}` : `did you mean "${near}"?`
      }`,
    );
  }
}

function isSigned(type: CType, image: KernelImage): boolean {
  if (type.kind === "int") return type.signed;
  if (type.kind === "enum") return type.signed;
  return type.kind === "ptr" && image.pointerSize === 8;
}

function bytesFor(bits: number): number {
  return Math.ceil(bits / 8);
}
