/**
 * Profiles: a probe that fires again and again on every CPU.
 *
 * @module
 */

import { Probe } from "./builder.ts";
import type { BaseContext } from "./context.ts";
import { type Interval, intervalPoint } from "./interval_point.ts";
import { emptySpec } from "./spec.ts";

/**
 * A probe that fires every so often in virtual time, on each CPU in what runs there.
 *
 * ```ts
 * import { profile } from "./profile.ts";
 * const busy = profile("99hz").filter((c) => c.pid !== 0).by((c) => c.comm).count();
 * if (busy.point.kind !== "profile" || busy.point.spec !== "hz:99") throw new Error("99 times a second");
 * ```
 *
 * @throws {TypeError} If the period is no positive integer with a unit.
 */
export function profile(every: Interval): Probe<BaseContext> {
  const { ns, spec } = intervalPoint(every, "a profile");
  return new Probe(emptySpec({ kind: "profile", ns, spec }));
}
