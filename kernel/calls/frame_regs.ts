/**
 * What the registers of one frame's hits hold, at the call's first instruction and after its return. Most handlers look
 * at none of them: they are filled for the first one that does.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import { fillEntry, fillReturn } from "../arch/fill.ts";
import { type PtRegs, type RegsSource, UNKNOWN_RETURN } from "../arch/pt_regs.ts";
import { argumentHolds, readArgument } from "../arch/read_entry.ts";
import { highWord, lowWord } from "../arch/words.ts";
import type { Kernel } from "../kernel.ts";
import type { Task } from "../process/task.ts";
import type { ArmedCalls } from "./armed.ts";
import { type Frame, SP } from "./frame.ts";

/** Fills the registers of one frame. */
export class FrameRegs implements RegsSource {
  /** Return address of the call, or what stands in its place; NaN: where the call site says. And the result. */
  readonly #words = new Float64Array(2);
  readonly #k: Kernel;
  readonly #armed: ArmedCalls;
  readonly #frame: Frame;
  readonly #linked: boolean;
  #task: Task | null = null;
  /** Depth of the task's stack with the frame on top. */
  #depth = 0;
  #returned = false;

  constructor(k: Kernel, armed: ArmedCalls, frame: Frame) {
    this.#k = k;
    this.#armed = armed;
    this.#frame = frame;
    this.#linked = k.arch.linkRegister !== null;
  }

  /** The call is at its first instruction; `returnAddress` NaN: it returns where its call site says. */
  enter(task: Task, returnAddress: Addr): void {
    this.#task = task;
    this.#depth = task.depth;
    this.#returned = false;
    this.#words[RETURN] = returnAddress;
  }

  /** The call has returned `result`. */
  leave(result: number): void {
    this.#returned = true;
    this.#words[RETURN] = NaN;
    this.#words[RESULT] = result;
  }

  /** See `RegsSource`. */
  stackPointer(): Addr {
    const sp = this.#frame.words[SP] as number;
    return this.#returned && !this.#linked ? sp + this.#k.arch.wordSize : sp;
  }

  /** See `RegsSource`. */
  returnTo(): Addr {
    const known = this.#words[RETURN] as number;
    if (known === known || this.#task === null) return known;
    return this.#words[RETURN] = this.#k.calls.returnAddress(this.#task, this.#depth);
  }

  /** See `RegsSource`. */
  returnElsewhere(address: Addr): void {
    this.#words[RETURN] = address;
    if (!this.#linked) this.#k.memory.writeWord(this.stackPointer(), address);
  }

  /** See `RegsSource`. */
  fill(regs: PtRegs): void {
    if (this.#returned) this.#fillReturn(regs);
    else this.#fillEntry(regs);
  }

  /** Gives the call the arguments that filled registers hold now. False: they are those that it was made with. */
  takeArguments(regs: PtRegs): boolean {
    const { fn, words } = this.#frame;
    const convention = this.#armed.convention(fn);
    const { layout } = convention;
    const moved = this.#moved(convention.narrow);
    const count = this.#count();
    // Words on the stack change without the registers' doing.
    if (!regs.touched && layout === null && count <= regs.argumentIndex.length) return false;
    const sp = words[SP] as number;
    let changed = false;
    for (let i = 0; i < count; i++) {
      if (argumentHolds(regs, sp, i, words[i] as number, layout, moved)) continue;
      words[i] = readArgument(regs, sp, i, convention);
      changed = true;
    }
    return changed;
  }

  /** Whether filled registers still hold the result. */
  still(regs: PtRegs, result: number): boolean {
    const { halves, returnIndex } = regs;
    if (result !== result) return (regs.unknown & UNKNOWN_RETURN) !== 0;
    return halves[returnIndex] === lowWord(result) &&
      (regs.model.wordSize === 4 || halves[returnIndex + 1] === highWord(result));
  }

  #fillReturn(regs: PtRegs): void {
    const frame = this.#frame;
    const link = this.#words[RETURN] as number;
    const { wideResult } = this.#armed.convention(frame.fn);
    fillReturn(regs, this.stackPointer(), this.#words[RESULT] as number, wideResult);
    if (this.#linked && link === link) regs.setIndex(regs.linkIndex, link);
  }

  /** Puts in place what a call finds at its first instruction: registers, and the words on the stack. */
  #fillEntry(regs: PtRegs): void {
    const frame = this.#frame;
    const { words } = frame;
    const { nargs, layout, narrow } = this.#armed.convention(frame.fn);
    // What the caller did not pass is unknown; what it left in registers beyond the arguments is there too.
    for (let i = frame.nargs; i < nargs; i++) words[i] = NaN;
    const sp = words[SP] as number;
    fillEntry(regs, this.#k.memory, sp, this.returnTo(), words, this.#count(), layout, this.#moved(narrow));
  }

  /** Words that registers and stack are filled with. */
  #count(): number {
    const { fn, nargs } = this.#frame;
    const convention = this.#armed.convention(fn);
    return convention.layout === null && nargs > convention.nargs ? nargs : convention.nargs;
  }

  /** Which arguments were moved by 32 bits. */
  #moved(narrow: number): number {
    return narrow !== 0 && this.#passesWholeWords() ? 0 : narrow;
  }

  /** arm64's system call functions hand on what user space passed, sign-extended; everything else moves ints by 32 bits. */
  #passesWholeWords(): boolean {
    if (this.#k.archName !== "arm64") return false;
    return this.#task?.frames[this.#depth - 2]?.fn.name.startsWith("__arm64_sys_") ?? false;
  }
}

/** Places in `FrameRegs`' words. */
const RETURN = 0;
const RESULT = 1;
