/**
 * Registers of a hit as one line of text.
 *
 * @module
 */

import type { PtRegs } from "../kernel/arch/pt_regs.ts";
import type { Kernel } from "../kernel/kernel.ts";

/**
 * Instruction and stack pointer, link register if there is one, then the registers that carry the function's arguments
 * or, at a return, its result: `ip=0x… sp=0x… di=0x… si=0x…`.
 */
export function registersText(kernel: Kernel, regs: PtRegs, returning: boolean): string {
  const { arch } = kernel;
  const words = kernel.calls.functionByName(regs.functionName)?.nargs ?? 0;
  const names = [
    arch.ipRegister,
    arch.spRegister,
    ...(arch.linkRegister === null || returning ? [] : [arch.linkRegister]),
    ...(returning ? arch.returnRegisters.slice(0, 1) : arch.argumentRegisters.slice(0, words)),
  ];
  return names.map((name) => {
    const bits = regs.register(name).size * 8;
    return `${name}=0x${BigInt.asUintN(bits, regs.getBig(name)).toString(16)}`;
  }).join(" ");
}
