/**
 * The probe that fires when a run begins.
 *
 * @module
 */

import { Probe } from "./builder.ts";
import type { BaseContext } from "./context.ts";
import { emptySpec } from "./spec.ts";

/** A probe that fires once, after everything is attached and before the workload starts. */
export function begin(): Probe<BaseContext> {
  return new Probe(emptySpec({ kind: "begin" }));
}
