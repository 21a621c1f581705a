/**
 * How far a handler may reach: stack depth and argument words, the same for captured functions and for those that run
 * as they are.
 *
 * @module
 */

import type { KernelImage, Prototype } from "../image/model.ts";
import { argumentWordCount, registerWords } from "./passes/argument_words.ts";

/** Deepest stack that can be asked for: bpftrace's limit. */
export const MAX_STACK_DEPTH = 1024;

/** Frames that `kstack()` takes where no number is given: bpftrace's default. */
export const DEFAULT_STACK_DEPTH = 127;

/** Words of a kernel stack: 16 KiB on 64-bit kernels, 8 KiB on i386. */
const STACK_WORDS = 2048;

/** What is wrong with a stack depth, as a sentence; undefined where it will do. */
export function stackDepthFault(depth: number): string | undefined {
  if (Number.isInteger(depth) && depth >= 1 && depth <= MAX_STACK_DEPTH) return undefined;
  return `Cannot take a stack of ${depth} frames: the depth is from 1 to ${MAX_STACK_DEPTH}`;
}

/**
 * What is wrong with the number of an argument word, as a sentence; undefined where it will do. The registers of the
 * convention can always be read; on the stack, the words that the prototype puts there, or any where no prototype
 * limits them.
 */
export function argumentFault(
  index: number,
  image: KernelImage,
  prototype: Prototype | undefined,
): string | undefined {
  if (!Number.isInteger(index) || index < 0) {
    return `Cannot read argument ${index}: the number of an argument is a whole number from 0 up`;
  }
  const registers = registerWords(image.arch);
  if (index < registers) return undefined;
  const words = prototype === undefined ? undefined : argumentWordCount(prototype.params, image);
  if (index < (words ?? registers + STACK_WORDS)) return undefined;
  const held = words === undefined
    ? `a kernel stack has ${STACK_WORDS} words`
    : `${prototype?.text ?? "the function"} takes ${words === 1 ? "1 word" : `${words} words`}`;
  return `Cannot read argument ${index}: ${registers} are in registers, and ${held}`;
}
