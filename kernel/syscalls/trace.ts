/**
 * Tracepoints at the system call boundary: `raw_syscalls:sys_enter`, `syscalls:sys_enter_NAME` and their exits.
 *
 * @module
 */

import type { Kernel } from "../kernel.ts";
import { tracepoint, type TracepointRef } from "../tracing/reference.ts";

const RAW_ENTER = tracepoint("raw_syscalls:sys_enter", "id", "args");
const RAW_EXIT = tracepoint("raw_syscalls:sys_exit", "id", "ret");

interface Pair {
  readonly enter: TracepointRef;
  readonly exit: TracepointRef;
}

const pairs = new Map<string, Pair>();

/** Tracepoints of an entry function: `__x64_sys_mmap_pgoff` has `sys_enter_mmap_pgoff`. */
function pairOf(entry: string): Pair {
  let pair = pairs.get(entry);
  if (pair === undefined) {
    const name = entry.replace(/^__[a-z0-9]+_sys_/, "");
    pair = { enter: tracepoint(`syscalls:sys_enter_${name}`), exit: tracepoint(`syscalls:sys_exit_${name}`) };
    pairs.set(entry, pair);
  }
  return pair;
}

/** The call is about to be made. */
export function fireEnter(k: Kernel, entry: string, number: number, args: readonly number[]): void {
  if (k.tracepoints.enabled(RAW_ENTER)) {
    k.tracepoints.fire(RAW_ENTER, number, Array.from({ length: 6 }, (_, i) => args[i] ?? 0));
  }
  const { enter } = pairOf(entry);
  if (k.tracepoints.enabled(enter)) k.tracepoints.fire(enter, number, ...args);
}

/** The call has its result. */
export function fireExit(k: Kernel, entry: string, number: number, ret: number): void {
  if (k.tracepoints.enabled(RAW_EXIT)) k.tracepoints.fire(RAW_EXIT, number, ret);
  const { exit } = pairOf(entry);
  if (k.tracepoints.enabled(exit)) k.tracepoints.fire(exit, number, ret);
}
