/**
 * Software events: what the kernel counts itself.
 *
 * @module
 */

import { Probe } from "./builder.ts";
import type { BaseContext } from "./context.ts";
import { checkInteger, checkName } from "./options.ts";
import { emptySpec } from "./spec.ts";

/** Events that the modeled kernel counts. `cpu-clock` comes every `count` nanoseconds, on each CPU. */
export type SoftwareEvent =
  | "context-switches"
  | "cs"
  | "cpu-clock"
  | "cpu"
  | "cpu-migrations"
  | "page-faults"
  | "faults";

/**
 * A probe at every `count`-th software event.
 *
 * ```ts
 * import { software } from "./software.ts";
 * const faults = software("page-faults", 1).by((c) => c.comm).count();
 * if (faults.point.kind !== "software") throw new Error("a software event");
 * ```
 *
 * @throws {TypeError} For a name or a count of the wrong shape.
 */
export function software(event: SoftwareEvent, count = 1): Probe<BaseContext> {
  checkName(event, "event", "a software probe");
  checkInteger(count, 1, Number.MAX_SAFE_INTEGER, "the count of a software event");
  return new Probe(emptySpec({ kind: "software", event, count }));
}
