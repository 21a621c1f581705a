/**
 * What a builder has gathered: inert until a program numbers its opaque functions and names its maps.
 *
 * @module
 */

import type { Aggregation, AttachPoint, Expr, Statement } from "../graph/nodes.ts";
import type { Captured, Values } from "./capture/mod.ts";

/** Key under which builders keep their spec, out of the way of completion. */
export const SPEC: unique symbol = Symbol("kscope.probe");

/** One step as captured. */
export type StepSpec =
  | { readonly op: "filter"; readonly captured: Captured<Expr> }
  | { readonly op: "print"; readonly captured: Captured<Expr> }
  | { readonly op: "printf"; readonly format: string; readonly captured: Captured<Expr> | undefined }
  | { readonly op: "do"; readonly captured: Captured<readonly Statement[]> }
  | { readonly op: "limit" | "sample"; readonly count: number }
  /** Ends the run where it is true. */
  | { readonly op: "until"; readonly captured: Captured<Expr> };

/** How a probe fills a map. */
export interface MapSpec {
  readonly aggregation: Aggregation;
  readonly value: Captured<Expr> | undefined;
  /** Only the largest entries are shown. */
  readonly top?: number;
  /** It is printed and cleared every so often. */
  readonly every?: Extract<AttachPoint, { readonly kind: "interval" }>;
}

/** A probe as built so far. */
export interface ProbeSpec {
  readonly point: AttachPoint;
  /** Further attach points of a list. */
  readonly more: readonly AttachPoint[];
  /** What a kretprobe keeps of its entry. */
  readonly entry: Captured<Expr> | undefined;
  /** What it emits as rows. */
  readonly row: Captured<Expr> | undefined;
  readonly steps: readonly StepSpec[];
  readonly key: Captured<Expr> | undefined;
  readonly map: MapSpec | undefined;
  /** Name given with `.as()`. */
  readonly mapName: string | undefined;
  readonly values: Values;
}

/** A spec with nothing but its attach point. */
export function emptySpec(point: AttachPoint, ...more: readonly AttachPoint[]): ProbeSpec {
  return {
    point,
    more,
    entry: undefined,
    row: undefined,
    steps: [],
    key: undefined,
    map: undefined,
    mapName: undefined,
    values: {},
  };
}

/** A spec with one more step. */
export function withStep(spec: ProbeSpec, step: StepSpec): ProbeSpec {
  return { ...spec, steps: [...spec.steps, step] };
}
