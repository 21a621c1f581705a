/**
 * Tracepoints at the system call boundary: `raw_syscalls:sys_enter`, `syscalls:sys_enter_NAME` and their exits.
 *
 * @module
 */

import type { Kernel } from "../kernel.ts";
import { tracepoint } from "../tracing/reference.ts";
import type { CallFacts } from "./call_facts.ts";

const RAW_ENTER = tracepoint("raw_syscalls:sys_enter", "id", "args");
const RAW_EXIT = tracepoint("raw_syscalls:sys_exit", "id", "ret");

/** The call is about to be made. */
export function fireEnter(k: Kernel, { number, enter }: CallFacts, args: readonly number[]): void {
  if (k.tracepoints.enabled(RAW_ENTER)) {
    k.tracepoints.fire(RAW_ENTER, number, Array.from({ length: 6 }, (_, i) => args[i] ?? 0));
  }
  if (k.tracepoints.enabled(enter)) k.tracepoints.fire(enter, number, ...args);
}

/** The call has its result. */
export function fireExit(k: Kernel, { number, exit }: CallFacts, ret: number): void {
  if (k.tracepoints.enabled(RAW_EXIT)) k.tracepoints.fire(RAW_EXIT, number, ret);
  if (k.tracepoints.enabled(exit)) k.tracepoints.fire(exit, number, ret);
}
