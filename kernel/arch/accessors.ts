/**
 * The accessors that probe programs know: `regs_get_kernel_argument` and friends of `ptrace.h`, and the `PT_REGS_*`
 * macros of `bpf_tracing.h`, with their documented quirks.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import type { PtRegs } from "./pt_regs.ts";

/** What `PT_REGS_PARM1` … accept as of Linux 6.1 (five) on each architecture; i386 has three. */
const PARAMETERS = { x86_64: 5, arm64: 5, i386: 3 } as const;

/** `regs_get_kernel_argument(regs, n)`, from 0: on arm64 an argument past x7 reads 0. */
export function kernelArgument(regs: PtRegs, n: number): number {
  if (n >= regs.model.argumentRegisters.length && regs.model.arch === "arm64") return 0;
  if (n < regs.model.argumentRegisters.length) return regs.arg(n);
  return kernelStackNth(regs, n - regs.model.argumentRegisters.length + 1);
}

/** `regs_get_kernel_stack_nth(regs, n)`: word n from the stack pointer; 0 outside the thread's stack. */
export function kernelStackNth(regs: PtRegs, n: number): number {
  const sp = regs.sp;
  const at = sp + n * regs.model.wordSize;
  const size = regs.model.threadSize;
  if (Math.floor(at / size) !== Math.floor(sp / size)) return 0;
  return regs.memory.readWord(at);
}

/** `regs_get_register(regs, offset)`: the word at a byte offset of `struct pt_regs`; 0 past the last named register. */
export function registerAt(regs: PtRegs, offset: number): number {
  const info = regs.model.registers.find((r) => r.named && r.offset === offset);
  return info === undefined ? 0 : regs.get(info.name);
}

/** `PT_REGS_PARMn`, from 1. Throws where the macro does not exist for that architecture. */
export function ptRegsParm(regs: PtRegs, n: number): number {
  return regs.get(
    parameterRegister(regs, n, regs.model.argumentRegisters, "PT_REGS_PARM", PARAMETERS[regs.model.arch]),
  );
}

/** `PT_REGS_PARMn_SYSCALL`, from 1, on the *user* registers: on arm64 the first is `orig_x0`. */
export function ptRegsParmSyscall(regs: PtRegs, n: number): number {
  const names = regs.model.arch === "arm64"
    ? ["orig_x0", ...regs.model.syscallRegisters.slice(1)]
    : regs.model.syscallRegisters;
  return regs.get(parameterRegister(regs, n, names, "PT_REGS_PARM_SYSCALL", names.length));
}

function parameterRegister(
  regs: PtRegs,
  n: number,
  names: readonly string[],
  macro: string,
  limit: number,
): string {
  const name = n >= 1 && n <= limit ? names[n - 1] : undefined;
  if (name !== undefined) return name;
  throw new RangeError(`Cannot read ${macro}${n}: ${regs.model.arch} has parameters 1 to ${limit}`);
}

/** `PT_REGS_RET`: on x86 the address of the return address's slot (sp itself), on arm64 the link register. */
export function ptRegsRet(regs: PtRegs): Addr {
  return regs.linkIndex >= 0 ? regs.returnAddress : regs.sp;
}

/** `PT_REGS_FP`: the frame pointer register. */
export function ptRegsFp(regs: PtRegs): number {
  return regs.get(regs.model.fpRegister);
}

/** `PT_REGS_RC`: the result. */
export function ptRegsRc(regs: PtRegs): number {
  return regs.returnValue;
}

/** `PT_REGS_SP`: the stack pointer. */
export function ptRegsSp(regs: PtRegs): Addr {
  return regs.sp;
}

/** `PT_REGS_IP`: the instruction pointer. */
export function ptRegsIp(regs: PtRegs): Addr {
  return regs.ip;
}
