/**
 * Registers for display.
 *
 * @module
 */

import type { Addr } from "../image/model.ts";
import type { PtRegs } from "../kernel/arch/pt_regs.ts";
import type { Kernel } from "../kernel/kernel.ts";
import type { Task } from "../kernel/process/task.ts";

/** One register. */
export interface RegisterValue {
  readonly name: string;
  /** The whole word, unsigned. */
  readonly value: bigint;
  /** Hexadecimal, as wide as the register. */
  readonly hex: string;
  /** `do_sys_openat2+0xaf` where the value lies in kernel text or data that a symbol covers. */
  readonly symbol: string | undefined;
}

/** The user registers that a task saved when it entered the kernel, in `struct pt_regs` order. */
export function userRegisters(k: Kernel, task: Task): readonly RegisterValue[] {
  return k.arch.registers.map(({ name, offset, size }) => {
    return view(k, name, size, k.memory.probeReadBig(task.userRegs + offset, size, false) ?? 0n);
  });
}

/** The registers of a hit. */
export function hitRegisters(k: Kernel, regs: PtRegs): readonly RegisterValue[] {
  const bytes = new DataView(regs.bytes.buffer);
  return k.arch.registers.map(({ name, offset, size }) => {
    const value = size === 8
      ? bytes.getBigUint64(offset, true)
      : BigInt(size === 2 ? bytes.getUint16(offset, true) : bytes.getUint32(offset, true));
    return view(k, name, size, value);
  });
}

function view(k: Kernel, name: string, size: number, value: bigint): RegisterValue {
  const unsigned = BigInt.asUintN(size * 8, value);
  const address = k.image.pointerSize === 8 ? Number(BigInt.asIntN(64, value)) : Number(unsigned);
  return {
    name,
    value: unsigned,
    hex: unsigned.toString(16).padStart(size * 2, "0"),
    symbol: symbolOf(k, address),
  };
}

function symbolOf(k: Kernel, address: Addr): string | undefined {
  if (!Number.isSafeInteger(address) || k.memory.isUser(address)) return undefined;
  return k.image.symbolAt(address) === undefined ? undefined : k.image.describe(address);
}

/** Registers in rows of `perRow`, symbols below. */
export function formatRegisters(registers: readonly RegisterValue[], perRow = 3): string {
  const width = Math.max(...registers.map((register) => register.name.length));
  const lines: string[] = [];
  for (let i = 0; i < registers.length; i += perRow) {
    lines.push(
      registers.slice(i, i + perRow)
        .map((register) => `${register.name.padStart(width)} ${register.hex}`)
        .join("  "),
    );
  }
  for (const { name, symbol } of registers) {
    if (symbol !== undefined) lines.push(`${name.padStart(width)} is ${symbol}`);
  }
  return lines.join("\n");
}
