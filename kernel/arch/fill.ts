/**
 * Makes registers and stack words out of a call: what the call engine runs at every armed hit. No allocation, no
 * `bigint`.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import type { ArgumentLayout } from "./arguments.ts";
import type { PtRegs, StackMemory } from "./pt_regs.ts";
import { UNKNOWN_RETURN, unknownBit } from "./pt_regs.ts";
import { highWord } from "./words.ts";

const blanks = new Map<string, Int32Array>();

/**
 * Fills `regs` and the stack for the first instruction of a function. `args` are signed words, NaN where unknown;
 * `nargs` of them count. Registers that the convention does not determine read 0.
 *
 * `layout` is needed where argument n is not simply word n (`ArgumentLayout.plain` is false). Bit n of `narrow`: argument
 * n is an int that was moved by 32 bits, so that the upper half of its register is 0.
 * The caller sets `regs.functionName`, and `regs.ip` as the kind of probe presents it.
 */
export function fillEntry(
  regs: PtRegs,
  memory: StackMemory,
  sp: Addr,
  returnAddress: Addr,
  args: ArrayLike<number>,
  nargs: number,
  layout: ArgumentLayout | null = null,
  narrow = 0,
): void {
  const halves = regs.begin();
  halves.set(regs.blank ??= blankOf(regs));
  regs.setIndex(regs.spIndex, sp);
  regs.resumption = null;
  if (regs.linkIndex >= 0) {
    regs.setIndex(regs.linkIndex, returnAddress);
    // The caller's frame record lies at the bottom of its frame: x29 equals sp on entry.
    regs.setIndex(regs.linkIndex - 2, sp);
  } else {
    memory.writeWord(sp, returnAddress);
  }
  if (layout !== null && !layout.plain) {
    regs.layout = layout;
    fillByLayout(regs, memory, sp, args, nargs, layout);
    return;
  }
  regs.layout = null;
  const registers = regs.argumentIndex;
  const inRegisters = nargs < registers.length ? nargs : registers.length;
  const wide = regs.model.wordSize === 8;
  let unknown = 0;
  for (let i = 0; i < inRegisters; i++) {
    const value = args[i] as number;
    const index = registers[i] as number;
    halves[index] = value;
    if (wide) halves[index + 1] = (narrow >> i & 1) === 1 ? 0 : highWord(value);
    if (value !== value) unknown |= 1 << i;
  }
  if (nargs > inRegisters) {
    const base = sp + regs.model.stackArguments;
    const size = regs.model.wordSize;
    for (let i = inRegisters; i < nargs; i++) {
      const value = args[i] as number;
      if (value !== value) unknown |= unknownBit(i);
      memory.writeWord(base + (i - inRegisters) * size, value !== value ? 0 : value);
    }
  }
  regs.unknown = unknown;
}

/** Fills `regs` for the moment after a function returned: result registers, and the stack pointer as its caller has it. */
export function fillReturn(regs: PtRegs, sp: Addr, value: number, wide = false): void {
  regs.begin().set(regs.blank ??= blankOf(regs));
  regs.setIndex(regs.spIndex, sp);
  regs.setIndex(regs.returnIndex, value);
  if (wide && regs.model.wordSize === 4) regs.halves[regs.returnHighIndex] = highWord(value);
  regs.unknown = value !== value ? UNKNOWN_RETURN : 0;
  regs.resumption = null;
  regs.layout = null;
}

/** The stack pointer after the return of a function that was entered with `sp`. */
export function stackAfterReturn(regs: PtRegs, sp: Addr): Addr {
  return regs.linkIndex >= 0 ? sp : sp + regs.model.wordSize;
}

function fillByLayout(
  regs: PtRegs,
  memory: StackMemory,
  sp: Addr,
  args: ArrayLike<number>,
  nargs: number,
  layout: ArgumentLayout,
): void {
  const count = regs.argumentIndex.length;
  const narrow = regs.model.wordSize === 4;
  const base = sp + regs.model.stackArguments;
  let unknown = 0;
  // Arguments past the prototype have no place.
  const laidOut = Math.min(nargs, layout.first.length);
  for (let i = 0; i < laidOut; i++) {
    const given = args[i] as number;
    const word = layout.first[i] as number;
    const words = layout.words[i] as number;
    for (let part = 0; part < words; part++) {
      const at = word + part;
      if (given !== given) unknown |= unknownBit(at);
      const known = given !== given ? 0 : given;
      const value = part === 0 ? known : part === 1 && narrow ? highWord(known) : known < 0 ? -1 : 0;
      if (at < count) regs.setIndex(regs.argumentIndex[at] as number, value);
      else memory.writeWord(base + (at - count) * regs.model.wordSize, value);
    }
  }
  regs.unknown = unknown;
}

/** Registers before any argument is set: zero, but for those with one value in all kernel code. */
function blankOf(regs: PtRegs): Int32Array {
  const known = blanks.get(regs.model.arch);
  if (known !== undefined) return known;
  const blank = new Int32Array(regs.halves.length);
  for (const [name, value] of Object.entries(regs.model.entryValues)) {
    const info = regs.register(name);
    blank[info.offset >> 2] = value;
    if (info.size === 8) blank[(info.offset >> 2) + 1] = highWord(value);
  }
  blanks.set(regs.model.arch, blank);
  return blank;
}
