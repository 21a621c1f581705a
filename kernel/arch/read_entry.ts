/**
 * Reads arguments back out of registers and stack words, as a function finds them that is entered with them: the way
 * back of `fill.ts`.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import type { ArgumentLayout } from "./arguments.ts";
import { type PtRegs, unknownBit } from "./pt_regs.ts";
import { highWord, lowWord } from "./words.ts";

/** How a function takes its arguments. */
export interface ArgumentWords {
  /** Where argument n is not word n; else null. */
  readonly layout: ArgumentLayout | null;
  /** Bit n: argument n has 32 bits, in a register of 64. */
  readonly narrow: number;
  /** Bit n: argument n is a signed integer. */
  readonly signed: number;
}

/**
 * Whether argument n still is what `fillEntry` made of `value`, for a function that was entered with stack pointer `sp`.
 * `narrow` as there.
 */
export function argumentHolds(
  regs: PtRegs,
  sp: Addr,
  n: number,
  value: number,
  layout: ArgumentLayout | null,
  narrow: number,
): boolean {
  const wide = regs.model.wordSize === 8;
  const known = value !== value ? 0 : value;
  if (layout === null) {
    if (value !== value && (regs.unknown & unknownBit(n)) === 0) return false;
    return wordIs(regs, sp, n, lowWord(known), wide && (narrow >> n & 1) === 0 ? highWord(known) : 0);
  }
  const first = layout.first[n] ?? -1;
  if (first < 0) return true;
  if (value !== value && (regs.unknown & unknownBit(first)) === 0) return false;
  for (let part = 0; part < (layout.words[n] as number); part++) {
    const sign = known < 0 ? -1 : 0;
    const low = part === 0 ? lowWord(known) : part === 1 && !wide ? highWord(known) : sign;
    if (!wordIs(regs, sp, first + part, low, part === 0 ? highWord(known) : sign)) return false;
  }
  return true;
}

/** Argument n as a number, NaN where nothing determines it. */
export function readArgument(regs: PtRegs, sp: Addr, n: number, words: ArgumentWords): number {
  const { layout } = words;
  const word = layout === null ? n : layout.first[n] ?? -1;
  if (word < 0 || (regs.unknown & unknownBit(word)) !== 0) return NaN;
  const low = half(regs, sp, word, 0);
  const signed = (words.signed >> n & 1) === 1;
  if (regs.model.wordSize === 8) {
    if ((words.narrow >> n & 1) === 1) return signed ? low : low >>> 0;
    return half(regs, sp, word, 1) * 0x100000000 + (low >>> 0);
  }
  if (layout !== null && (layout.words[n] as number) > 1) {
    return half(regs, sp, word + 1, 0) * 0x100000000 + (low >>> 0);
  }
  return signed ? low : low >>> 0;
}

function wordIs(regs: PtRegs, sp: Addr, word: number, low: number, high: number): boolean {
  return half(regs, sp, word, 0) === low && (regs.model.wordSize === 4 || half(regs, sp, word, 1) === high);
}

/** Half of an argument word, signed: 0 the lower one. */
function half(regs: PtRegs, sp: Addr, word: number, which: 0 | 1): number {
  const { argumentIndex, model } = regs;
  const index = argumentIndex[word];
  if (index !== undefined) return regs.halves[index + which] as number;
  const value = regs.memory.readWord(
    sp + model.stackArguments + (word - argumentIndex.length) * model.wordSize,
  );
  return which === 0 ? lowWord(value) : highWord(value);
}
