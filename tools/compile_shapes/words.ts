/**
 * Reads recorded words by prototype: a register holds more than a 32-bit argument, and what is above it is noise.
 *
 * @module
 */

import type { CType, KernelImage } from "../../image/model.ts";
import { type ArgumentLayout, prototypeLayout } from "../../kernel/arch/arguments.ts";
import { archModel } from "../../kernel/arch/mod.ts";
import type { WordReader } from "./args_trees.ts";

/** What a parameter or result is, as far as values are concerned. */
export interface ValueType {
  readonly size: number;
  readonly signed: boolean;
  /** Name of the struct that a pointer points to, "" for other pointers, undefined for what is no pointer. */
  readonly pointee: string | undefined;
}

interface FunctionTypes {
  readonly params: readonly ValueType[];
  readonly ret: ValueType | undefined;
  readonly layout: ArgumentLayout;
}

/** Types of arguments and results of one image's functions. */
export class PrototypeWords implements WordReader {
  readonly #image: KernelImage;
  readonly #known = new Map<
    string,
    FunctionTypes | null
  >();

  constructor(image: KernelImage) {
    this.#image = image;
  }

  /**
   * See `WordReader`. Words are registers, then the stack: on i386 a 64-bit parameter is two of them, and may leave
   * a register unused. A parameter whose words were not all recorded is unknown.
   */
  arguments(fn: string, words: readonly number[]): number[] {
    const types = this.#types(fn);
    if (types === null) return [...words];
    const { params, layout } = types;
    const count = layout.plain ? words.length : Math.min(params.length, layout.first.length);
    return Array.from({ length: count }, (_, i) => {
      if (layout.plain) return narrow(words[i] ?? NaN, params[i]);
      const first = layout.first[i] ?? 0;
      const low = words[first] ?? NaN;
      if (layout.words[i] === 1) return narrow(low, params[i]);
      const high = words[first + 1] ?? NaN;
      // Wider than two i386 words, or than one of a 64-bit kernel: no number.
      if (layout.words[i] !== 2 || layout.model.wordSize !== 4 || params[i]?.size !== 8) return NaN;
      return (high | 0) * 0x100000000 + (low >>> 0) + (high - high) + (low - low);
    });
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

  /** Type of the result; undefined where it returns nothing or the image does not know the prototype. */
  returned(fn: string): ValueType | undefined {
    return this.#types(fn)?.ret;
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

  #types(fn: string): FunctionTypes | null {
    let types = this.#known.get(fn);
    if (types === undefined) {
      // A compiler's variant may lack parameters of the original; only suffixes that keep them are looked through.
      const prototype = this.#image.prototype(fn) ?? this.#image.prototype(baseOf(fn));
      types = prototype === undefined ? null : {
        layout: prototypeLayout(archModel(this.#image.arch), this.#image, prototype),
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
