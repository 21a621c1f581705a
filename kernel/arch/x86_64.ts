/**
 * x86_64: six arguments in registers, the rest from `sp+8`; the call pushes the return address.
 *
 * @module
 */

import { type ArchModel, consecutive } from "./model.ts";

const REGISTERS = [
  "r15",
  "r14",
  "r13",
  "r12",
  "bp",
  "bx",
  "r11",
  "r10",
  "r9",
  "r8",
  "ax",
  "cx",
  "dx",
  "si",
  "di",
  "orig_ax",
  "ip",
  "cs",
  "flags",
  "sp",
  "ss",
];

/** The x86_64 calling convention, with four-level page tables and no address randomisation. */
export const X86_64: ArchModel = {
  arch: "x86_64",
  wordSize: 8,
  regsSize: 168,
  registers: consecutive(REGISTERS, 0, 8),
  aliases: {},
  argumentRegisters: ["di", "si", "dx", "cx", "r8", "r9"],
  stackArguments: 8,
  returnRegisters: ["ax", "dx"],
  ipRegister: "ip",
  spRegister: "sp",
  fpRegister: "bp",
  flagsRegister: "flags",
  linkRegister: null,
  syscallRegisters: ["di", "si", "dx", "r10", "r8", "r9"],
  syscallNumberRegister: "orig_ax",
  entryValues: { cs: 0x10, ss: 0x18, flags: 0x246, orig_ax: -1 },
  threadSize: 16384,
  stackPadding: 0,
  breakpoint: [0xcc],
  breakpointBias: 1,
  kprobesOnFtrace: true,
  instructionAlign: 1,
  trampoline: "arch_rethook_trampoline",
  layout: {
    userEnd: 0x7ffffffff000,
    directMap: -0x778000000000, // ffff888000000000
    directMapSize: 0x100000000,
    physicalBase: 0,
    vmalloc: -0x370000000000, // ffffc90000000000
    vmallocEnd: -0x170000000000, // ffffe90000000000
    vmemmap: -0x160000000000, // ffffea0000000000
    modules: -0x40000000, // ffffffffc0000000
    modulesEnd: -0x1000000, // ffffffffff000000
    fixmap: -0xa00000, // ffffffffff600000 is the vsyscall page; the permanent fixmap ends above it
    fixmapEnd: -0x200000,
  },
};
