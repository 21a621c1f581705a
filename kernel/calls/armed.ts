/**
 * What a call costs while something is armed on its function: registers and stack words by the architecture's
 * convention, the hooks, the way back through the trampoline.
 *
 * @module
 */

import { bareType } from "../../image/ctype.ts";
import type { Addr, CType } from "../../image/model.ts";
import { prototypeLayout } from "../arch/arguments.ts";
import { fillEntry } from "../arch/fill.ts";
import { PtRegs, UNKNOWN_RETURN, type UnknownReader } from "../arch/pt_regs.ts";
import { type ArgumentWords, readArgument } from "../arch/read_entry.ts";
import type { Kernel } from "../kernel.ts";
import type { Task } from "../process/task.ts";
import { type Frame, SP } from "./frame.ts";
import { FrameRegs } from "./frame_regs.ts";
import type { KernelFunction } from "./kernel_function.ts";

/** How a function takes arguments and gives its result. */
export interface Convention extends ArgumentWords {
  /** Arguments by its prototype. */
  readonly nargs: number;
  readonly wideResult: boolean;
}

/** Arguments that every call passes on, known or not. */
const PASSED = 6;

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
   * handler diverted it or changed its arguments, so the body must not simply run: see `Diversions`.
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
    // Most handlers look at no register.
    return regs.resumption === null && (regs.deferred || !source.takeArguments(regs));
  }

  /** The result that the registers hold, where a handler diverted the function. */
  result(frame: Frame): number {
    return frame.regs === null ? NaN : resultOf(frame.regs);
  }

  /** The arguments with which another function is entered in place of a call that was diverted. */
  argumentsFor(frame: Frame, fn: KernelFunction): number[] {
    const { regs } = frame;
    if (regs === null) return [];
    const convention = this.convention(fn);
    const registers = convention.layout === null ? Math.min(regs.argumentIndex.length, PASSED) : 0;
    // Registers in which the call passed nothing hold what nobody knows, unless a handler set them.
    const passed = Math.max(frame.nargs, this.convention(frame.fn).nargs);
    return Array.from({ length: Math.max(convention.nargs, registers) }, (_, i) => {
      const value = readArgument(regs, frame.words[SP] as number, i, convention);
      return value === 0 && i >= passed ? NaN : value;
    });
  }

  /** Whether the body runs of a call that is not simply to go on: a handler changed its arguments, or left out its begin. */
  staysIn({ regs }: Frame): boolean {
    return regs !== null && (regs.resumption === null || regs.resumption.kind === "continues");
  }

  /** A handler sent a call's code past what lies before an offset, and it has not come there yet. */
  moved(frame: Frame): boolean {
    return frame.regs?.resumption?.kind === "continues";
  }

  /** Whether that leaves out what lies at `offset`. */
  skips(frame: Frame, offset: number): boolean {
    const { regs } = frame;
    if (regs === null || regs.resumption?.kind !== "continues") return false;
    if (offset < regs.resumption.offset) return true;
    regs.resumption = null;
    return false;
  }

  /** The function returns `result` while its return is hooked: runs the trampoline, gives the result as it then is. */
  leave(frame: Frame, result: number): number {
    frame.hooked = false;
    const { regs, source } = frame;
    if (regs === null || source === null) return result;
    source.leave(result);
    regs.defer(source);
    this.#k.kprobes.trampoline(regs);
    if (regs.resumption?.kind === "faults") this.#k.oopses.die(regs.resumption.fault, regs);
    // Where nobody looked at the registers, nobody changed the result.
    if (regs.deferred || source.still(regs, result)) return result;
    this.#k.calls.diversions.tampered(frame);
    return resultOf(regs);
  }

  /** Fires the armed offsets between what control has passed and `offset`, inclusive. */
  pass(frame: Frame, offset: number): void {
    const from = frame.passed;
    frame.passed = offset;
    this.#fireBetween(frame, from, offset);
  }

  /** At return: fires the armed offsets after the last call that no other call stands in front of. */
  passEnd(frame: Frame): void {
    const from = frame.passed;
    const next = frame.fn.callSites().find((site) => site.offset > from);
    this.#fireBetween(frame, from, next === undefined ? Infinity : next.offset);
    if (frame.regs !== null) frame.regs.resumption = null;
  }

  #fireBetween(frame: Frame, passed: number, end: number): void {
    const { hooks } = frame.fn;
    if (hooks === null) return;
    let from = passed;
    for (const armed of hooks.offsets) {
      if (armed <= from) continue;
      if (armed > end) break;
      this.#fire(frame, armed);
      const { resumption } = frame.regs as PtRegs;
      if (resumption === null) continue;
      this.#k.calls.diversions.tampered(frame);
      if (resumption.kind === "faults") this.#k.oopses.die(resumption.fault, frame.regs as PtRegs);
      if (resumption.kind === "continues") from = resumption.offset - 1;
    }
    if (from > frame.passed) frame.passed = from;
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
        signed: prototype?.params.reduce((bits, { type }, i) => isSigned(type) ? bits | 1 << i : bits, 0) ??
          -1,
      };
      fn.convention = convention;
    }
    return convention;
  }
}

function isWide(type: CType, sizeOf: (type: CType) => number, word: number): boolean {
  return type.kind !== "void" && sizeOf(type) > word;
}

function isSigned(type: CType): boolean {
  const bare = bareType(type);
  return (bare.kind === "int" || bare.kind === "enum") && bare.signed;
}

function resultOf(regs: PtRegs): number {
  return (regs.unknown & UNKNOWN_RETURN) !== 0 ? NaN : regs.returnValue;
}
