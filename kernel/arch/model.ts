/**
 * What an architecture decides: the layout of `struct pt_regs`, where arguments, results and return addresses live,
 * how a breakpoint is encoded, and how the address space is cut up.
 *
 * @module
 */

import type { Addr, Arch } from "../../image/model.ts";

/** A register inside `struct pt_regs`. */
export interface RegisterInfo {
  /** The kernel's own name for it (`di`, `x0`, `orig_ax`). */
  readonly name: string;
  /** Byte offset in `struct pt_regs`. */
  readonly offset: number;
  /** Bytes that hold the value: a word, or 2 for i386's segment selectors. */
  readonly size: number;
  /** False for the fields that `%REG` in a kprobe event does not accept (arm64's `orig_x0` and what follows). */
  readonly named: boolean;
}

/** Ranges of an architecture's address space, in `image/model.ts`'s numeric form. Ends are exclusive. */
export interface AddressLayout {
  /** First address that is no user address. */
  readonly userEnd: Addr;
  /** Linear map of physical memory. */
  readonly directMap: Addr;
  readonly directMapSize: number;
  /** Physical address that `directMap` maps. */
  readonly physicalBase: number;
  readonly vmalloc: Addr;
  readonly vmallocEnd: Addr;
  /** `struct page` array. */
  readonly vmemmap: Addr;
  readonly modules: Addr;
  readonly modulesEnd: Addr;
  readonly fixmap: Addr;
  readonly fixmapEnd: Addr;
}

/** One architecture, as plain data. Get it with `archModel`. */
export interface ArchModel {
  readonly arch: Arch;
  /** Bytes of a register and of a pointer. */
  readonly wordSize: 4 | 8;
  /** Size of `struct pt_regs` in bytes. */
  readonly regsSize: number;
  /** Every field of `struct pt_regs`, by ascending offset. */
  readonly registers: readonly RegisterInfo[];
  /** Other names of registers: arm64's `lr` is `x30`. */
  readonly aliases: Readonly<Record<string, string>>;
  /** Registers that carry the first arguments of a kernel function. */
  readonly argumentRegisters: readonly string[];
  /** Bytes from the stack pointer at function entry to the first argument on the stack. */
  readonly stackArguments: number;
  /** Low word and high word of a result. */
  readonly returnRegisters: readonly [low: string, high: string];
  readonly ipRegister: string;
  readonly spRegister: string;
  readonly fpRegister: string;
  readonly flagsRegister: string;
  /** The register that holds the return address, or null where the call pushes it on the stack. */
  readonly linkRegister: string | null;
  /** Registers of the *user* `pt_regs` that carry a system call's arguments. */
  readonly syscallRegisters: readonly string[];
  /** Register of the user `pt_regs` that holds the system call number. */
  readonly syscallNumberRegister: string;
  /** Registers that have one value in all kernel code at function entry: segments, flags. */
  readonly entryValues: Readonly<Record<string, number>>;
  /** Bytes of a kernel stack. */
  readonly threadSize: number;
  /** Bytes left free above the user `pt_regs` at the top of a kernel stack. */
  readonly stackPadding: number;
  /** The breakpoint instruction that a kprobe writes. */
  readonly breakpoint: readonly number[];
  /** How far `ip` has gone past the breakpoint when a handler sees it: 1 on x86, 0 on arm64. */
  readonly breakpointBias: number;
  /** Whether a kprobe on the ftrace site becomes an ftrace callback (else that site is refused). */
  readonly kprobesOnFtrace: boolean;
  /** Required alignment of an instruction. */
  readonly instructionAlign: number;
  /** Name of the code that a hooked return goes to. */
  readonly trampoline: string;
  readonly layout: AddressLayout;
}

/** The register of that name, or its alias; undefined where the architecture has none. */
export function registerOf(model: ArchModel, name: string): RegisterInfo | undefined {
  const real = Object.hasOwn(model.aliases, name) ? model.aliases[name] : name;
  return model.registers.find((r) => r.name === real);
}

/** Names that `%REG` accepts, in offset order, aliases last. */
export function registerNames(model: ArchModel): readonly string[] {
  return [...model.registers.filter((r) => r.named).map((r) => r.name), ...Object.keys(model.aliases)];
}

/** Registers that follow one another, `size` bytes each. */
export function consecutive(names: readonly string[], offset: number, size: number): RegisterInfo[] {
  return names.map((name, i) => ({ name, offset: offset + i * size, size, named: true }));
}
