/**
 * Reads recorded words by prototype: a register holds more than a 32-bit argument, and what is above it is noise.
 *
 * @module
 */

import type { CType, KernelImage } from "../../image/model.ts";
import type { WordReader } from "./args_trees.ts";

/** What a parameter or result is, as far as values are concerned. */
export interface ValueType {
  readonly size: number;
  readonly signed: boolean;
  /** Name of the struct that a pointer points to, "" for other pointers, undefined for what is no pointer. */
  readonly pointee: string | undefined;
}

/** Types of arguments and results of one image's functions. */
export class PrototypeWords implements WordReader {
  readonly #image: KernelImage;
  readonly #known = new Map<
    string,
    { readonly params: readonly ValueType[]; readonly ret: ValueType | undefined } | null
  >();

  constructor(image: KernelImage) {
    this.#image = image;
  }

  /** See `WordReader`. */
  argument(fn: string, index: number, word: number): number {
    return narrow(word, this.param(fn, index));
  }

  /** See `WordReader`. */
  result(fn: string, word: number): number {
    const types = this.#types(fn);
    if (types !== null && types.ret === undefined) return NaN;
    return narrow(word, types?.ret);
  }

  /** Type of a parameter, where the image knows the prototype. */
  param(fn: string, index: number): ValueType | undefined {
    return this.#types(fn)?.params[index];
  }

  /** Name of a parameter. */
  paramName(fn: string, index: number): string | undefined {
    return (this.#image.prototype(fn) ?? this.#image.prototype(baseOf(fn)))?.params[index]?.name;
  }

  /** Whether the function returns nothing. */
  isVoid(fn: string): boolean {
    const types = this.#types(fn);
    return types !== null && types.ret === undefined;
  }

  #types(fn: string): { readonly params: readonly ValueType[]; readonly ret: ValueType | undefined } | null {
    let types = this.#known.get(fn);
    if (types === undefined) {
      // A compiler's variant may lack parameters of the original; only suffixes that keep them are looked through.
      const prototype = this.#image.prototype(fn) ?? this.#image.prototype(baseOf(fn));
      types = prototype === undefined ? null : {
        params: prototype.params.map((p) => this.#value(p.type) ?? WORD),
        ret: this.#value(prototype.ret),
      };
      this.#known.set(fn, types);
    }
    return types;
  }

  #value(type: CType): ValueType | undefined {
    let t = type;
    while (
      t.kind === "typedef" || t.kind === "const" || t.kind === "volatile" || t.kind === "restrict" ||
      t.kind === "type_tag"
    ) {
      t = t.to;
    }
    if (t.kind === "void") return undefined;
    if (t.kind === "ptr") {
      let to = t.to;
      while (
        to.kind === "typedef" || to.kind === "const" || to.kind === "volatile" || to.kind === "type_tag"
      ) to = to.to;
      const named = (to.kind === "struct" || to.kind === "union" || to.kind === "fwd") ? to.name : "";
      return { size: this.#image.pointerSize, signed: this.#image.pointerSize === 8, pointee: named };
    }
    const signed = t.kind === "int" || t.kind === "enum" ? t.signed : false;
    return { size: this.#image.sizeOf(t), signed, pointee: undefined };
  }
}

const WORD: ValueType = { size: 8, signed: true, pointee: undefined };

function baseOf(fn: string): string {
  return fn.replace(/\.(?:isra|part|constprop)\..*$/, "");
}

/** A word cut to a type's width. */
function narrow(word: number, type: ValueType | undefined): number {
  if (type === undefined || type.size >= 8 || word !== word) return word;
  const low = ((word % 0x100000000) + 0x100000000) % 0x100000000;
  switch (type.size) {
    case 4:
      return type.signed ? low | 0 : low;
    case 2:
      return type.signed ? (low << 16) >> 16 : low & 0xffff;
    case 1:
      return type.signed ? (low << 24) >> 24 : low & 0xff;
    default:
      return word;
  }
}
