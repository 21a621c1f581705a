/**
 * i386 as the kernel builds it (`-mregparm=3`): three arguments in registers, the rest from `sp+4`.
 *
 * @module
 */

import { type ArchModel, consecutive, type RegisterInfo } from "./model.ts";

const SELECTORS = new Set(["ds", "es", "fs", "gs", "cs", "ss"]);
const REGISTERS = [
  "bx",
  "cx",
  "dx",
  "si",
  "di",
  "bp",
  "ax",
  "ds",
  "es",
  "fs",
  "gs",
  "orig_ax",
  "ip",
  "cs",
  "flags",
  "sp",
  "ss",
];

function registers(): RegisterInfo[] {
  return consecutive(REGISTERS, 0, 4).map((r) => SELECTORS.has(r.name) ? { ...r, size: 2 } : r);
}

/** The i386 calling convention with physical address extension, 3 GiB of user space and no address randomisation. */
export const I386: ArchModel = {
  arch: "i386",
  wordSize: 4,
  regsSize: 68,
  registers: registers(),
  aliases: {},
  argumentRegisters: ["ax", "dx", "cx"],
  stackArguments: 4,
  returnRegisters: ["ax", "dx"],
  ipRegister: "ip",
  spRegister: "sp",
  fpRegister: "bp",
  flagsRegister: "flags",
  linkRegister: null,
  syscallRegisters: ["bx", "cx", "dx", "si", "di", "bp"],
  syscallNumberRegister: "orig_ax",
  entryValues: { cs: 0x60, ss: 0x68, ds: 0x7b, es: 0x7b, fs: 0xd8, flags: 0x246, orig_ax: -1 },
  threadSize: 8192,
  stackPadding: 8,
  breakpoint: [0xcc],
  breakpointBias: 1,
  kprobesOnFtrace: true,
  instructionAlign: 1,
  trampoline: "arch_rethook_trampoline",
  layout: {
    userEnd: 0xc0000000,
    directMap: 0xc0000000,
    directMapSize: 0x37e00000,
    physicalBase: 0,
    vmalloc: 0xf8600000,
    vmallocEnd: 0xff7fe000,
    vmemmap: 0xf4000000, // the page array is ordinary low memory here
    modules: 0xf8600000, // modules come out of vmalloc space
    modulesEnd: 0xff7fe000,
    fixmap: 0xffc00000,
    fixmapEnd: 0xfffff000,
  },
};
