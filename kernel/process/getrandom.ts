/**
 * Random bytes for user space: `getrandom`.
 *
 * @module
 */

import type { Kernel } from "../kernel.ts";

/** `count` bytes that depend on the seed, the task and its call alone. */
export function randomBytes(k: Kernel, count: number): Uint8Array {
  const bytes = new Uint8Array(count);
  for (let i = 0; i < count; i++) bytes[i] = k.random.below(256, k.current.pid, k.current.syscalls, i);
  return bytes;
}
