/**
 * Where each argument of a call lies. Arguments are laid out in *words*: word 0 is the first argument register, and
 * after the last argument register the words of the stack follow.
 *
 * @module
 */

import type { ArchModel } from "./model.ts";

/** How a function takes its arguments. */
export interface ArgumentOptions {
  /** Everything on the stack: i386's `asmlinkage` functions and every function with `...`. No effect elsewhere. */
  readonly onStack?: boolean;
}

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
 * Lays out arguments of the given widths in bytes, as GCC does for kernel code.
 *
 * On i386 an argument wider than what is left of the three registers goes to the stack, and so does all that follows it.
 * On the 64-bit architectures a 16-byte integer needs two registers (an even and the next one on arm64) or two
 * aligned stack words. Widths above 16 (structures in memory) go to the stack.
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
  widths: readonly number[],
  options: ArgumentOptions = {},
): ArgumentLayout {
  const registers = model.argumentRegisters.length;
  const first = new Int16Array(widths.length);
  const words = new Int16Array(widths.length);
  let register = model.arch === "i386" && options.onStack === true ? registers : 0;
  let stack = 0;
  let plain = register === 0;
  for (let i = 0; i < widths.length; i++) {
    const width = widths[i] ?? model.wordSize;
    const need = Math.max(1, Math.ceil(width / model.wordSize));
    words[i] = need;
    if (model.arch === "arm64" && need === 2 && register % 2 === 1) register++;
    if (register + need <= registers && (model.arch === "i386" || need <= 2)) {
      first[i] = register;
      register += need;
    } else {
      // x86_64 may still use the remaining registers for later, smaller arguments; the others may not.
      if (model.arch !== "x86_64") register = registers;
      if (model.wordSize === 8 && need === 2) stack += stack % 2;
      first[i] = registers + stack;
      stack += need;
    }
    if (first[i] !== i || need !== 1) plain = false;
  }
  return { model, first, words, plain };
}
