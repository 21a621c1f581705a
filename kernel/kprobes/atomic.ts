/**
 * What must not be done in a handler, which can't wait.
 *
 * @module
 */

import type { ProbeHost } from "./host.ts";
import type { ProbePoint } from "./point.ts";

/** In a breakpoint's handler on x86: an NMI and an interrupt count. */
const IN_BREAKPOINT = 0x00110000;
/** Elsewhere: preemption is off. */
const PREEMPT_OFF = 0x00000001;

/** `__schedule_bug`: the running task wants to wait while a handler of a probe at `point` runs. */
export function scheduleBug(host: ProbeHost, point: ProbePoint | undefined): void {
  const { comm, pid } = host.current;
  const breakpoint = host.arch.arch !== "arm64" && point !== undefined && !point.onFtrace && !point.hitAsJump;
  const count = (breakpoint ? IN_BREAKPOINT : PREEMPT_OFF).toString(16).padStart(8, "0");
  host.log.printk(`BUG: scheduling while atomic: ${comm}/${pid}/0x${count}`, "err");
}
