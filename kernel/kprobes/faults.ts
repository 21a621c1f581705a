/**
 * What goes wrong inside a hit: faults in handlers, probes that can't be stepped over.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import type { PtRegs } from "../arch/pt_regs.ts";
import type { Fault } from "../arch/resumption.ts";
import { MemoryFault } from "../memory/fault.ts";
import type { ProbeHost } from "./host.ts";
import type { Kprobe } from "./kprobe.ts";

/** Page fault, as x86 numbers its traps. */
const X86_TRAP_PF = 14;
/** A translation fault of the kernel's own access, as arm64's ESR has it. */
const ESR_TRANSLATION_FAULT = 0x96000006;

/** The kernel met a state that it can't go on from. */
export class KernelBug extends Error {
  constructor(message: string) {
    super(message);
    this.name = "KernelBug";
  }
}

/**
 * A handler threw. Null: that is not the modeled kernel's affair. "handled": it was a bad memory access, and the probe's
 * fault handler, which old releases have, dealt with it. Otherwise the fault that the running task dies of.
 */
export function handlerFault(
  host: ProbeHost,
  p: Kprobe,
  regs: PtRegs,
  error: unknown,
): Fault | "handled" | null {
  // Where nothing determines the address, Linux would have one: there is nothing to say of it.
  if (!(error instanceof MemoryFault) || Number.isNaN(error.address)) return null;
  if (host.release.faultHandler && p.faultHandler !== null) {
    const trapnr = host.arch.arch === "arm64" ? ESR_TRANSLATION_FAULT : X86_TRAP_PF;
    const result = p.faultHandler(p, regs, trapnr);
    if (result !== 0 && result !== undefined) return "handled";
  }
  const { address, access, message } = error;
  const kind = p.kretprobe === null ? "kprobe" : "kretprobe";
  return {
    trap: { kind: "access", address, access },
    reason: `A handler of ${kind} "${p.label}" made a bad access: ${message}`,
  };
}

/** A probe was hit while another was being stepped over inside a third: `reenter_kprobe` gives up. */
export function unrecoverable(host: ProbeHost, point: { readonly address: Addr }): KernelBug {
  const x86 = host.arch.arch !== "arm64";
  host.log.printk(
    x86 ? "kprobes: Unrecoverable kprobe detected." : "kprobes: Failed to recover from reentered kprobes.",
    x86 ? "err" : "warn",
  );
  const where = host.image.symbolAt(point.address);
  const name = where === undefined ? "" : `${where.symbol.name}+0x${where.offset.toString(16)}`;
  host.log.printk(
    `kprobes: Dump kprobe:\n.symbol_name = ${where?.symbol.name ?? "(null)"}, .offset = ${
      (where?.offset ?? 0).toString(16)
    }, .addr = ${name}`,
    "err",
  );
  return new KernelBug(
    `Cannot step over the kprobe at ${name}: it was hit while another one that had interrupted a probe was stepped over`,
  );
}
