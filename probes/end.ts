/**
 * The probe that fires when a run ends.
 *
 * @module
 */

import { Probe } from "./builder.ts";
import type { BaseContext } from "./context.ts";
import { emptySpec } from "./spec.ts";

/** A probe that fires once, after the workload has ended and before the maps are shown. */
export function end(): Probe<BaseContext> {
  return new Probe(emptySpec({ kind: "end" }));
}
