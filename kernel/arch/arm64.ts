/**
 * arm64: eight arguments in x0 to x7, the rest from `sp`; the return address is in x30.
 *
 * @module
 */

import { type ArchModel, consecutive, type RegisterInfo } from "./model.ts";

function registers(): RegisterInfo[] {
  const general = Array.from({ length: 31 }, (_, i) => `x${i}`);
  const hidden = (name: string, offset: number, size: number): RegisterInfo => ({
    name,
    offset,
    size,
    named: false,
  });
  return [
    ...consecutive([...general, "sp", "pc", "pstate"], 0, 8),
    hidden("orig_x0", 272, 8),
    hidden("syscallno", 280, 4),
    hidden("sdei_ttbr1", 288, 8),
    hidden("pmr_save", 296, 8),
    hidden("stackframe", 304, 8),
    hidden("stackframe_ip", 312, 8),
    hidden("lockdep_hardirqs", 320, 8),
    hidden("exit_rcu", 328, 8),
  ];
}

/** The arm64 calling convention with 48-bit addresses and no address randomisation. */
export const ARM64: ArchModel = {
  arch: "arm64",
  wordSize: 8,
  regsSize: 336,
  registers: registers(),
  aliases: { lr: "x30" },
  argumentRegisters: ["x0", "x1", "x2", "x3", "x4", "x5", "x6", "x7"],
  stackArguments: 0,
  returnRegisters: ["x0", "x1"],
  ipRegister: "pc",
  spRegister: "sp",
  fpRegister: "x29",
  flagsRegister: "pstate",
  linkRegister: "x30",
  syscallRegisters: ["x0", "x1", "x2", "x3", "x4", "x5"],
  syscallNumberRegister: "syscallno",
  entryValues: { pstate: 0x60400005 },
  threadSize: 16384,
  stackPadding: 0,
  breakpoint: [0x80, 0x00, 0x20, 0xd4],
  breakpointBias: 0,
  kprobesOnFtrace: false,
  instructionAlign: 4,
  trampoline: "__kretprobe_trampoline",
  layout: {
    userEnd: 0x1000000000000,
    directMap: -0x1000000000000, // ffff000000000000
    directMapSize: 0x100000000,
    physicalBase: 0x40000000,
    vmalloc: -0x7ffff8000000, // ffff800008000000
    vmallocEnd: -0x40010010000, // fffffbffefff0000
    vmemmap: -0x40000000000, // fffffc0000000000
    modules: -0x800000000000, // ffff800000000000
    modulesEnd: -0x7ffff8000000,
    fixmap: -0x40002007000, // fffffbfffdff9000
    fixmapEnd: -0x40001800000, // fffffbfffe800000
  },
};
