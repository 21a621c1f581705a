/**
 * Calling kernel functions from a handler.
 *
 * @module
 */

import { fn } from "../calls/function.ts";
import type { Kernel } from "../kernel.ts";

/**
 * Calls a kernel function from inside a probe's handler, as a handler's C code would. Probes on what it calls are hit
 * while this one runs: they miss, and only their `nmissed` tells. The call takes no virtual time and leaves the probed
 * code's own calls as they were.
 *
 * ```ts
 * import { coreImage } from "../../image/mod.ts";
 * import { Kernel } from "../kernel.ts";
 * import { ShapeLibrary } from "../shapes/library.ts";
 * import { callFromHandler } from "./handler_call.ts";
 * import { Kprobe } from "./mod.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const k = new Kernel(await coreImage("x86_64"), ShapeLibrary.empty());
 * const inner = new Kprobe({ symbolName: "mutex_lock" });
 * const outer = new Kprobe({ symbolName: "mutex_unlock", preHandler: () => void callFromHandler(k, "mutex_lock") });
 * assertEquals(k.kprobes.registerKprobes([inner, outer]), 0);
 * callFromHandler(k, "mutex_unlock");
 * assertEquals([inner.nmissed, outer.nmissed], [1, 0]);
 * ```
 *
 * @throws {Error} If the function may sleep: a handler must not.
 */
export function callFromHandler(k: Kernel, name: string, ...args: number[]): number {
  const before = k.clock.now;
  try {
    return k.calls.detour(k.current, fn(name), args);
  } finally {
    k.clock.now = before;
  }
}
