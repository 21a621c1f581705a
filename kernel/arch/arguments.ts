/**
 * Where each argument of a call lies. Arguments are laid out in *words*: word 0 is the first argument register, and
 * after the last argument register the words of the stack follow.
 *
 * @module
 */

import { bareType } from "../../image/ctype.ts";
import type { KernelImage, Prototype } from "../../image/model.ts";
import type { ArchModel } from "./model.ts";

/** How a function takes its arguments. */
export interface ArgumentOptions {
  /** Everything on the stack: i386's `asmlinkage` functions and every function with `...`. No effect elsewhere. */
  readonly onStack?: boolean;
}

/** An argument's size in bytes; a number is an integer or pointer of that size, aligned to it. */
export type ArgumentWidth = number | {
  readonly size: number;
  /** A structure passed by value, made of words. */
  readonly struct: true;
};

/** The words that a function's arguments occupy. */
export interface ArgumentLayout {
  readonly model: ArchModel;
  /** First word of each argument. */
  readonly first: Int16Array;
  /** Words of each argument: 1, or more for an integer wider than a register. */
  readonly words: Int16Array;
  /** True where argument n is word n for every n. */
  readonly plain: boolean;
}

/**
 * Lays out arguments of the given widths, as GCC does for kernel code.
 *
 * On i386 an argument wider than what is left of the three registers goes to the stack, and so does all that follows it.
 * On the 64-bit architectures 16 bytes need two registers (for an integer on arm64: an even one and the next) or two
 * stack words. Larger structures go to the stack; on arm64 a pointer to a copy is passed instead.
 *
 * ```ts
 * import { archModel } from "./mod.ts";
 * import { argumentLayout } from "./arguments.ts";
 * import { assertEquals } from "@std/assert";
 *
 * // vfs_fallocate(file, mode, loff_t offset, loff_t len): ax, dx, then two words of stack for each loff_t
 * const { first } = argumentLayout(archModel("i386"), [4, 4, 8, 8]);
 * assertEquals([...first], [0, 1, 3, 5]);
 * ```
 */
export function argumentLayout(
  model: ArchModel,
  widths: readonly ArgumentWidth[],
  options: ArgumentOptions = {},
): ArgumentLayout {
  const registers = model.argumentRegisters.length;
  const first = new Int16Array(widths.length);
  const words = new Int16Array(widths.length);
  let register = model.arch === "i386" && options.onStack === true ? registers : 0;
  let stack = 0;
  let plain = register === 0;
  widths.forEach((width, i) => {
    const paired = typeof width === "number" && width > model.wordSize && model.wordSize === 8;
    const need = wordsOf(model, typeof width === "number" ? width : width.size);
    words[i] = need;
    if (paired && model.arch === "arm64") register += register % 2;
    if (register + need <= registers && (model.arch === "i386" || need <= 2)) {
      first[i] = register;
      register += need;
    } else {
      // x86_64 may still use the remaining registers for later, smaller arguments; the others may not.
      if (model.arch !== "x86_64") register = registers;
      if (paired) stack += stack % 2;
      first[i] = registers + stack;
      stack += need;
    }
    if (first[i] !== i || need !== 1) plain = false;
  });
  return { model, first, words, plain };
}

/** Words that an argument takes; on arm64 a large structure is one: the pointer to its copy. */
function wordsOf(model: ArchModel, size: number): number {
  if (model.arch === "arm64" && size > 16) return 1;
  return Math.max(1, Math.ceil(size / model.wordSize));
}

/**
 * The layout of a prototype's arguments. A function with `...` (in BTF a last parameter of type void) takes everything on
 * i386's stack; its variable arguments follow the named ones and are not part of the layout.
 */
export function prototypeLayout(model: ArchModel, image: KernelImage, prototype: Prototype): ArgumentLayout {
  const variadic = prototype.params.at(-1)?.type.kind === "void";
  const params = variadic ? prototype.params.slice(0, -1) : prototype.params;
  const widths = params.map(({ type }): ArgumentWidth => {
    const bare = bareType(type);
    const size = image.sizeOf(bare);
    return bare.kind === "struct" || bare.kind === "union" ? { size, struct: true } : size;
  });
  return argumentLayout(model, widths, { onStack: variadic });
}
