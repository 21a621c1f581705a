/**
 * Kernel stacks for display.
 *
 * @module
 */

import { addressHex } from "../image/address.ts";
import type { Addr } from "../image/model.ts";
import type { Kernel } from "../kernel/kernel.ts";
import type { Task } from "../kernel/process/task.ts";

/** One return address on a stack. */
export interface StackFrame {
  readonly address: Addr;
  /** `do_sys_openat2+0xaf`. */
  readonly symbol: string;
}

/** The kernel stack of a task, innermost frame first. Empty while it runs in user space. */
export function kernelStack(k: Kernel, task: Task): readonly StackFrame[] {
  return k.calls.stack(task).map((address) => ({ address, symbol: k.image.describe(address) }));
}

/** One line per frame: address, symbol. */
export function formatStack(k: Kernel, frames: readonly StackFrame[]): string {
  return frames
    .map(({ address, symbol }, i) => `#${String(i).padEnd(2)} ${addressHex(k.image.arch, address)} ${symbol}`)
    .join("\n");
}
