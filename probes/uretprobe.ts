/**
 * uretprobes: a probe where a function of a user program or library returns.
 *
 * @module
 */

import { Probe } from "./builder.ts";
import type { UserReturnContext } from "./context.ts";
import { emptySpec } from "./spec.ts";
import { userTarget } from "./uprobe.ts";

/**
 * A probe where a function of a user program or library returns. Its name is that of a uprobe.
 *
 * ```ts
 * import { uretprobe } from "./uretprobe.ts";
 * const lines = uretprobe("/bin/bash:readline").by((c) => c.str(c.retval)).count();
 * if (lines.point.kind !== "uretprobe") throw new Error("a uretprobe");
 * ```
 *
 * @throws {TypeError} For a name of the wrong shape.
 */
export function uretprobe(name: string): Probe<UserReturnContext> {
  return new Probe(emptySpec({ kind: "uretprobe", ...userTarget(name, "uretprobe") }));
}
