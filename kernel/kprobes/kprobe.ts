/**
 * `struct kprobe`: a handler at an instruction.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import type { PtRegs } from "../arch/pt_regs.ts";
import type { Kretprobe } from "./kretprobe.ts";

/** The probed code is gone (its module was unloaded). */
export const KPROBE_FLAG_GONE = 1;
/** Registered, not armed. */
export const KPROBE_FLAG_DISABLED = 2;
/** Optimised to a jump. */
export const KPROBE_FLAG_OPTIMIZED = 4;
/** Sits on an ftrace site: runs as an ftrace callback. */
export const KPROBE_FLAG_FTRACE = 8;
/** Sits on a function's entry. */
export const KPROBE_FLAG_ON_FUNC_ENTRY = 16;

/** Runs before the probed instruction. Nonzero: the handler diverted execution by setting `regs.ip`. */
export type PreHandler = (p: Kprobe, regs: PtRegs) => number | void;

/** Runs after the probed instruction. */
export type PostHandler = (p: Kprobe, regs: PtRegs, flags: number) => void;

/**
 * Runs when a handler of the probe, or its single step, faults; releases before 5.14 only. Nonzero: the fault is dealt with.
 */
export type FaultHandler = (p: Kprobe, regs: PtRegs, trapnr: number) => number | void;

/** How a kprobe is made. Give `symbolName` or `address`, not both. */
export interface KprobeOptions {
  /** A function's name, or `module:function`. */
  readonly symbolName?: string;
  readonly address?: Addr;
  /** Bytes from the symbol or address to the instruction: an unsigned int, as which a negative one is taken. Default 0. */
  readonly offset?: number;
  readonly preHandler?: PreHandler;
  readonly postHandler?: PostHandler;
  readonly faultHandler?: FaultHandler;
  /** What jprobes used: an address takes one probe that has it. Before 4.19; newer releases don't know it. */
  readonly breakHandler?: PreHandler;
  /** Only `KPROBE_FLAG_DISABLED` counts: register without arming. */
  readonly flags?: number;
  /** What reports call it; default the symbol, or the address in hex. */
  readonly label?: string;
}

/**
 * A kprobe, as the kernel's users hold it. Its fields behave as the C structure's do: registering sets `addr`, and
 * unregistering leaves `addr` and `KPROBE_FLAG_DISABLED` set, so that the same object cannot simply be registered again.
 */
export class Kprobe {
  /** Address of the probed instruction, once registered; null before. */
  addr: Addr | null;
  symbolName: string | null;
  offset: number;
  flags: number;
  /** Hits that did not run the handlers because another probe was running on that CPU. */
  nmissed = 0;
  preHandler: PreHandler | null;
  postHandler: PostHandler | null;
  faultHandler: FaultHandler | null;
  breakHandler: PreHandler | null;
  /** What the breakpoint replaced: the first byte on x86, the instruction word on arm64; null before registration. */
  opcode: number | null = null;
  readonly label: string;
  /** The kretprobe that this is the entry probe of. */
  kretprobe: Kretprobe | null = null;

  constructor(options: KprobeOptions) {
    // A NULL pointer is none.
    this.addr = wholeAddress(options.address) || null;
    this.symbolName = symbol(options.symbolName);
    this.offset = unsignedInt(options.offset ?? 0);
    this.flags = options.flags ?? 0;
    this.preHandler = options.preHandler ?? null;
    this.postHandler = options.postHandler ?? null;
    this.faultHandler = options.faultHandler ?? null;
    this.breakHandler = options.breakHandler ?? null;
    this.label = options.label ?? labelOf(options);
  }

  /** Clears what registration left, so that an unregistered object that has a symbol can be registered again. */
  reset(): void {
    this.addr = null;
    this.flags = 0;
  }

  /** Not armed: disabled, or its code is gone. */
  get disabled(): boolean {
    return (this.flags & (KPROBE_FLAG_DISABLED | KPROBE_FLAG_GONE)) !== 0;
  }
}

function wholeAddress(address: Addr | undefined): Addr {
  if (address === undefined || Number.isSafeInteger(address)) return address ?? 0;
  throw new TypeError(`Cannot make a kprobe at address ${address}: an address is a whole number`);
}

function symbol(name: unknown): string | null {
  if (name === undefined || typeof name === "string") return name ?? null;
  throw new TypeError(
    `Cannot make a kprobe at symbol ${String(name)}: a symbol is given by its name, as "vfs_open"`,
  );
}

/** What C makes of a number that is put into an `unsigned int`. */
function unsignedInt(offset: number): number {
  if (Number.isSafeInteger(offset)) return offset >>> 0;
  throw new TypeError(`Cannot make a kprobe at offset ${offset}: an offset is a whole number of bytes`);
}

function labelOf(options: KprobeOptions): string {
  const offset = options.offset ?? 0;
  const suffix = offset === 0
    ? ""
    : offset > 0
    ? `+0x${offset.toString(16)}`
    : `-0x${(-offset).toString(16)}`;
  if (options.symbolName !== undefined) return options.symbolName + suffix;
  const address = BigInt.asUintN(64, BigInt(options.address ?? 0));
  return `0x${address.toString(16)}${suffix}`;
}
