/**
 * What the log says of a fault of the kernel itself: `show_fault_oops` and `__die` of x86, `die_kernel_fault` of arm64.
 * Lines that need page tables or the bytes of real code are left out.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import type { Trap } from "../arch/resumption.ts";
import type { PtRegs } from "../arch/pt_regs.ts";
import type { Kernel } from "../kernel.ts";
import { PAGE_SIZE } from "../memory/page.ts";
import { symbolWithSize } from "./dump_stack.ts";
import type { LogLevel } from "./ring.ts";

/** One line, and how bad it is. */
export type OopsLine = readonly [text: string, level: LogLevel];

/** What a trap is called in the line that counts it, and its error code. */
const X86_NAMES: Readonly<Partial<Record<Trap["kind"], string>>> = {
  protection: "general protection fault",
  opcode: "invalid opcode",
  breakpoint: "int3",
};
const PROT = 1;
const WRITE = 2;
const INSTR = 16;
/** arm64: an abort of an instruction fetch, of a data access; translation and permission faults. */
const IABT_EL1 = 0x86000000;
const DABT_EL1 = 0x96000000;
const PC_ALIGNMENT = 0x8a000000;
const ESR_WRITE = 0x40;
const TRANSLATION = 0x04;
const PERMISSION = 0x0f;

/** What comes first: the trap, and what it was about. `regs` as they were, `count` counts the kernel's oopses. */
export function trapLines(
  k: Kernel,
  trap: Trap,
  regs: PtRegs | null,
  count: number,
): readonly OopsLine[] {
  if (trap.kind === "unmodeled") return [];
  if (trap.kind === "lockup") {
    const { comm, pid, cpu } = k.current;
    return [[`watchdog: BUG: soft lockup - CPU#${cpu} stuck for 22s! [${comm}:${pid}]`, "emerg"]];
  }
  const at = trap.kind === "page" && regs !== null
    ? hexBig(k, regs.getBig(k.arch.ipRegister))
    : trap.kind === "access" && trap.address === trap.address
    ? k.pointers.plain(trap.address)
    : "?";
  return k.archName === "arm64" ? arm64Lines(trap, at, count) : x86Lines(k, trap, at, count);
}

function x86Lines(k: Kernel, trap: Trap, at: string, count: number): readonly OopsLine[] {
  const header = (name: string, code: number): OopsLine => [
    `${name}: ${hex(code, 4)} [#${count}] PREEMPT SMP NOPTI`,
    "warn",
  ];
  if (trap.kind !== "page" && trap.kind !== "access") return [header(X86_NAMES[trap.kind] ?? "Oops", 0)];
  const absent = trap.kind === "access" || trap.cause === "absent";
  const what = trap.kind === "access" ? `${trap.access} access` : "instruction fetch";
  const code = (absent ? 0 : PROT) | (trap.kind === "page" ? INSTR : trap.access === "write" ? WRITE : 0);
  const uid = k.current.uid;
  const warning = trap.kind === "access" || absent
    ? []
    : trap.cause === "data"
    ? [`kernel tried to execute NX-protected page - exploit attempt? (uid: ${uid})`]
    : [`unable to execute userspace code (SMEP?) (uid: ${uid})`];
  const lines = [
    isNull(trap.address)
      ? `BUG: kernel NULL pointer dereference, address: ${at}`
      : `BUG: unable to handle page fault for address: ${at}`,
    `#PF: supervisor ${what} in kernel mode`,
    `#PF: error_code(0x${hex(code, 4)}) - ${absent ? "not-present page" : "permissions violation"}`,
  ];
  return [
    ...warning.map((text): OopsLine => [text, "crit"]),
    ...lines.map((text): OopsLine => [text, "alert"]),
    header("Oops", code),
  ];
}

function arm64Lines(trap: Trap, at: string, count: number): readonly OopsLine[] {
  const header = (name: string, esr: number): OopsLine => [
    `Internal error: ${name}: ${hex(esr, 16)} [#${count}] SMP`,
    "emerg",
  ];
  if (trap.kind === "alignment") return [header("SP/PC alignment exception", PC_ALIGNMENT)];
  if (trap.kind !== "page" && trap.kind !== "access") return [header("Oops", 0)];
  const absent = trap.kind === "access" || trap.cause === "absent";
  const esr = (trap.kind === "page" ? IABT_EL1 : DABT_EL1) | (absent ? TRANSLATION : PERMISSION) |
    (trap.kind === "access" && trap.access === "write" ? ESR_WRITE : 0);
  const what = isNull(trap.address)
    ? "NULL pointer dereference"
    : trap.kind === "access" || absent
    ? "paging request"
    : trap.cause === "data"
    ? "execute from non-executable memory"
    : "execution of user memory";
  const unsigned = esr >>> 0;
  const kind = trap.kind === "page" ? "0x21: IABT (current EL)" : "0x25: DABT (current EL)";
  const lines = [
    `Unable to handle kernel ${what} at virtual address ${at}`,
    "Mem abort info:",
    `  ESR = 0x${hex(unsigned, 16)}`,
    `  EC = ${kind}, IL = 32 bits`,
    "  SET = 0, FnV = 0",
    "  EA = 0, S1PTW = 0",
    `  FSC = 0x${hex(esr & 0x3f, 2)}: ${absent ? "level 0 translation fault" : "level 3 permission fault"}`,
  ];
  return [...lines.map((text): OopsLine => [text, "alert"]), header("Oops", unsigned)];
}

/** Where it happened: the instruction, the stack pointer and, on arm64, the link register. */
export function registerLines(k: Kernel, regs: PtRegs): readonly string[] {
  const word = (name: string): string => hexBig(k, regs.getBig(name));
  const ip = symbolWithSize(k, regs.ip);
  switch (k.archName) {
    case "x86_64":
      return [
        `RIP: 0010:${ip}`,
        `RSP: 0018:${word("sp")} EFLAGS: ${word("flags").slice(-8)}`,
        `RAX: ${word("ax")} RBX: ${word("bx")} RCX: ${word("cx")}`,
        `RDX: ${word("dx")} RSI: ${word("si")} RDI: ${word("di")}`,
      ];
    case "i386":
      return [
        `EIP: ${ip}`,
        `EFLAGS: ${word("flags")} CPU: ${k.current.cpu}`,
        `EAX: ${word("ax")} EBX: ${word("bx")} ECX: ${word("cx")} EDX: ${word("dx")}`,
        `ESI: ${word("si")} EDI: ${word("di")} EBP: ${word("bp")} ESP: ${word("sp")}`,
      ];
    case "arm64":
      return [`pc : ${ip}`, `lr : ${symbolWithSize(k, regs.get("lr"))}`, `sp : ${word("sp")}`];
  }
}

function isNull(address: Addr): boolean {
  return address >= 0 && address < PAGE_SIZE;
}

function hex(value: number, digits: number): string {
  return value.toString(16).padStart(digits, "0");
}

function hexBig(k: Kernel, value: bigint): string {
  return BigInt.asUintN(8 * k.arch.wordSize, value).toString(16).padStart(2 * k.arch.wordSize, "0");
}
