/**
 * `dump_stack()`.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import type { Kernel } from "../kernel.ts";
import { sprintSymbol } from "./symbol_text.ts";
import { taintText } from "./taint.ts";

/**
 * Logs what runs and how it got there: CPU, task, release, and the return addresses of its kernel stack. `from`, an
 * address such as `regs.ip`, comes first.
 */
export function dumpStack(k: Kernel, from?: Addr): void {
  const { log, current } = k;
  const x86 = k.arch.arch !== "arm64";
  log.printk(
    `CPU: ${current.cpu} PID: ${current.pid} Comm: ${current.comm} ${taintText(k)} ${k.image.release}`,
    "info",
  );
  log.printk(x86 ? "Call Trace:" : "Call trace:");
  if (x86) log.printk(" <TASK>");
  const addresses = k.calls.stack(current);
  for (const address of from === undefined ? addresses : [from, ...addresses]) {
    log.printk(` ${symbolWithSize(k, address)}`);
  }
  if (x86) log.printk(" </TASK>");
}

/** `%pS`: `vfs_read+0x10/0x310`, with ` [module]` for a module's. */
export function symbolWithSize(k: Kernel, address: Addr): string {
  const found = k.image.symbolAt(address);
  return found === undefined ? `0x${k.pointers.hex(address)}` : sprintSymbol(found);
}
