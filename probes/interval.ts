/**
 * Intervals: a probe that fires again and again, on one CPU.
 *
 * @module
 */

import { Probe } from "./builder.ts";
import type { BaseContext } from "./context.ts";
import { type Interval, intervalPoint } from "./interval_point.ts";
import { emptySpec } from "./spec.ts";

export type { Interval } from "./interval_point.ts";

/**
 * A probe that fires every so often in virtual time.
 *
 * ```ts
 * import { interval } from "./interval.ts";
 * const ticks = interval("100ms").print((c) => `${c.elapsed}`);
 * if (ticks.point.kind !== "interval" || ticks.point.ns !== 100_000_000) throw new Error("100 ms");
 * ```
 *
 * @throws {TypeError} If the period is no positive integer with a unit.
 */
export function interval(every: Interval): Probe<BaseContext> {
  return new Probe(emptySpec(intervalPoint(every, "an interval")));
}
