/**
 * What goes wrong inside a hit: faults in handlers, probes that can't be stepped over.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import type { PtRegs } from "../arch/pt_regs.ts";
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
 * A handler threw. Where that was a bad memory access, old releases ask the probe's fault handler: true if it dealt with
 * it. Otherwise the log has the kernel's line, and the error goes on.
 */
export function handlerFault(host: ProbeHost, p: Kprobe, regs: PtRegs, error: unknown): boolean {
  if (!(error instanceof MemoryFault)) return false;
  if (host.release.faultHandler && p.faultHandler !== null) {
    const trapnr = host.arch.arch === "arm64" ? ESR_TRANSLATION_FAULT : X86_TRAP_PF;
    const result = p.faultHandler(p, regs, trapnr);
    if (result !== 0 && result !== undefined) return true;
  }
  const at = Number.isNaN(error.address) ? "?" : host.pointers.plain(error.address);
  host.log.printk(
    host.arch.arch === "arm64"
      ? `Unable to handle kernel paging request at virtual address ${at}`
      : `BUG: unable to handle page fault for address: ${at}`,
    "alert",
  );
  return false;
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
