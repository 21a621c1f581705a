/**
 * Which words of registers and stack the parameters of a function take.
 *
 * @module
 */

import { bareType } from "../../image/ctype.ts";
import type { Arch, CType, KernelImage, Param } from "../../image/model.ts";

/** Argument registers of each convention; i386's are those of `-mregparm=3`. */
const REGISTER_WORDS: Readonly<Record<Arch, number>> = { x86_64: 6, arm64: 8, i386: 3 };

/** How many argument words are in registers. */
export function registerWords(arch: Arch): number {
  return REGISTER_WORDS[arch];
}

/** True for a struct that is passed as a pointer to a copy. */
export function passedByReference(arch: Arch, size: number): boolean {
  return arch === "arm64" && size > 16;
}

/** Argument words up to the last that a parameter takes; undefined where `...` may add any number. */
export function argumentWordCount(params: readonly Param[], image: KernelImage): number | undefined {
  if (params.at(-1)?.type.kind === "void") return undefined;
  const starts = argumentWords(params, image);
  return params.reduce((most, param, i) => Math.max(most, (starts[i] ?? 0) + wordsOf(param.type, image)), 0);
}

/**
 * The index of each parameter's first argument word. Words 0 and up are the argument registers, then the stack.
 * What does not fit into the registers that are left goes to the stack whole; on i386 and arm64 the registers are
 * then used up.
 */
export function argumentWords(params: readonly Param[], image: KernelImage): readonly number[] {
  const registers = REGISTER_WORDS[image.arch];
  // A function with `...` (a last parameter of type void) takes everything on i386's stack.
  const onStack = image.arch === "i386" && params.at(-1)?.type.kind === "void";
  let used = onStack ? registers : 0;
  let stack = registers;
  return params.map((param) => {
    const words = wordsOf(param.type, image);
    // x86_64 passes structs of more than two words in memory, whatever registers are free.
    const inMemory = image.arch === "x86_64" && words > 2;
    if (!inMemory && used + words <= registers) {
      used += words;
      return used - words;
    }
    if (!inMemory && image.arch !== "x86_64") used = registers;
    stack += words;
    return stack - words;
  });
}

function wordsOf(type: CType, image: KernelImage): number {
  const bare = bareType(type);
  if (bare.kind === "void" || bare.kind === "fwd" || bare.kind === "func_proto" || bare.kind === "ptr") {
    return 1;
  }
  const size = image.sizeOf(bare);
  if (passedByReference(image.arch, size)) return 1;
  return Math.max(1, Math.ceil(size / image.pointerSize));
}
