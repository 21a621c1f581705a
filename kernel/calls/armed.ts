/**
 * What a call costs while something is armed on its function: registers and stack words by the architecture's
 * convention, the hooks, the way back through the trampoline.
 *
 * @module
 */

import type { Addr, CType } from "../../image/model.ts";
import { type ArgumentLayout, prototypeLayout } from "../arch/arguments.ts";
import { fillEntry } from "../arch/fill.ts";
import { PtRegs, UNKNOWN_RETURN, type UnknownReader } from "../arch/pt_regs.ts";
import type { Kernel } from "../kernel.ts";
import type { Task } from "../process/task.ts";
import { type Frame, SP } from "./frame.ts";
import { FrameRegs } from "./frame_regs.ts";
import type { KernelFunction } from "./kernel_function.ts";

/** How a function takes arguments and gives its result. */
export interface Convention {
  /** Arguments by its prototype. */
  readonly nargs: number;
  readonly layout: ArgumentLayout | null;
  readonly wideResult: boolean;
  /** Bit n: argument n has 32 bits, in a register of 64. */
  readonly narrow: number;
}

/** Fills registers for armed calls and runs their hooks. */
export class ArmedCalls {
  readonly #k: Kernel;
  /** Told when a handler reads an argument or a result that nothing determines. */
  onUnknown: UnknownReader | null = null;
  /** Hits so far: entries of armed functions. */
  hits = 0;

  constructor(k: Kernel) {
    this.#k = k;
  }

  /**
   * Control reached the function's first instruction; `returnAddress` NaN: it returns where its call site says. False: a
   * handler diverted it, and the body must not run (the result is then `skipped(frame)`).
   */
  enter(task: Task, frame: Frame, returnAddress: Addr): boolean {
    const { fn } = frame;
    const { hooks } = fn;
    if (hooks === null) return true;
    this.hits++;
    const regs = frame.regs ??= new PtRegs(this.#k.arch, this.#k.memory);
    const source = frame.source ??= new FrameRegs(this.#k, this, frame);
    source.enter(task, returnAddress);
    regs.defer(source);
    regs.functionName = fn.name;
    regs.onUnknown = this.onUnknown;
    frame.hooked = hooks.entry(regs);
    return regs.skipTo !== regs.skipTo || regs.skipTo === fn.address;
  }

  /** The result that a handler set when it diverted the function. */
  skipped(frame: Frame): number {
    return frame.regs === null ? NaN : resultOf(frame.regs);
  }

  /** The function returns `result` while its return is hooked: runs the trampoline, gives the result as it then is. */
  leave(frame: Frame, result: number): number {
    frame.hooked = false;
    const { regs, source } = frame;
    if (regs === null || source === null) return result;
    source.leave(result);
    regs.defer(source);
    this.#k.kprobes.trampoline(regs);
    // Where nobody looked at the registers, nobody changed the result.
    return regs.deferred || source.still(regs, result) ? result : resultOf(regs);
  }

  /** Fires the armed offsets between what control has passed and `offset`, inclusive. */
  pass(frame: Frame, offset: number): void {
    const hooks = frame.fn.hooks;
    if (hooks === null) return;
    const from = frame.passed;
    frame.passed = offset;
    for (const armed of hooks.offsets) {
      if (armed <= from) continue;
      if (armed > offset) break;
      this.#fire(frame, armed);
    }
  }

  /** At return: fires the armed offsets after the last call that no other call stands in front of. */
  passEnd(frame: Frame): void {
    const hooks = frame.fn.hooks;
    if (hooks === null) return;
    const from = frame.passed;
    const next = frame.fn.callSites().find((site) => site.offset > from);
    const end = next === undefined ? Infinity : next.offset;
    for (const armed of hooks.offsets) {
      if (armed > from && armed <= end) this.#fire(frame, armed);
    }
  }

  #fire(frame: Frame, offset: number): void {
    const regs = frame.regs ??= new PtRegs(this.#k.arch, this.#k.memory);
    regs.functionName = frame.fn.name;
    regs.onUnknown = this.onUnknown;
    // What registers hold inside a function is the compiler's secret: arguments stand for them.
    const sp = (frame.words[SP] ?? 0) - frame.stackSize;
    const { nargs, layout } = this.convention(frame.fn);
    fillEntry(regs, this.#k.memory, sp, 0, frame.words, nargs, layout);
    regs.ip = frame.fn.address + offset;
    frame.fn.hooks?.at(offset, regs);
  }

  /** How a function is called; worked out when it is first asked for. */
  convention(fn: KernelFunction): Convention {
    let convention = fn.convention;
    if (convention === null) {
      const image = this.#k.image;
      const prototype = image.prototype(fn.name) ?? image.prototype(fn.base);
      const layout = prototype === undefined ? null : prototypeLayout(this.#k.arch, image, prototype);
      const wideResult = prototype !== undefined &&
        isWide(prototype.ret, (t) => image.sizeOf(t), image.pointerSize);
      const narrow = prototype === undefined || image.pointerSize === 4
        ? 0
        : prototype.params.reduce((bits, { type }, i) => image.sizeOf(type) === 4 ? bits | 1 << i : bits, 0);
      convention = {
        nargs: fn.nargs,
        layout: layout === null || layout.plain ? null : layout,
        wideResult,
        narrow,
      };
      fn.convention = convention;
    }
    return convention;
  }
}

function isWide(type: CType, sizeOf: (type: CType) => number, word: number): boolean {
  return type.kind !== "void" && sizeOf(type) > word;
}

function resultOf(regs: PtRegs): number {
  return (regs.unknown & UNKNOWN_RETURN) !== 0 ? NaN : regs.returnValue;
}
