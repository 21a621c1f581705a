/**
 * uprobes: a probe at a function of a user program or library.
 *
 * @module
 */

import { Probe } from "./builder.ts";
import { shown } from "./capture/mod.ts";
import type { UserEntryContext } from "./context.ts";
import { checkInteger, checkOptions } from "./options.ts";
import { emptySpec } from "./spec.ts";

/** Options of a uprobe. */
export interface UprobeOptions {
  /** Bytes from the function's start to the probed instruction; 0 where not given. */
  readonly offset?: number;
}

/** The two parts of `file:function`. */
export function userTarget(name: unknown, kind: string): { readonly path: string; readonly target: string } {
  const colon = typeof name === "string" ? name.lastIndexOf(":") : -1;
  const path = typeof name === "string" ? name.slice(0, colon).trim() : "";
  const target = typeof name === "string" ? name.slice(colon + 1).trim() : "";
  if (colon < 0 || path === "" || target === "") {
    throw new TypeError(
      `Cannot build a ${kind} from ${shown(name)}: it takes "file:function", as "libc:malloc" or ` +
        '"/lib/x86_64-linux-gnu/libc.so.6:malloc"',
    );
  }
  return { path, target };
}

/**
 * A probe where a function of a user program or library is entered. The file is a path, or `libc` for the C library of
 * whatever architecture runs. The function is a name, or an offset in the file (`0x26800`).
 *
 * ```ts
 * import { uprobe } from "./uprobe.ts";
 * const sizes = uprobe("libc:malloc").by((c) => c.comm).hist((c) => c.arg(0));
 * if (sizes.point.kind !== "uprobe") throw new Error("a uprobe");
 * ```
 *
 * @throws {TypeError} For a name or options of the wrong shape.
 */
export function uprobe(name: string, options?: UprobeOptions): Probe<UserEntryContext> {
  const { path, target } = userTarget(name, "uprobe");
  checkOptions(options, ["offset"], "a uprobe");
  const offset = checkInteger(options?.offset ?? 0, 0, Number.MAX_SAFE_INTEGER, "the offset of a uprobe");
  return new Probe(emptySpec({ kind: "uprobe", path, target, offset }));
}
