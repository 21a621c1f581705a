/**
 * What the resolution of one probe's expressions works with.
 *
 * @module
 */

import type { KernelImage } from "../../image/model.ts";
import type { Report } from "../diagnostic.ts";
import type { Ir } from "../ir.ts";
import type { Span } from "../nodes.ts";
import { UNKNOWN, type ValueType } from "../types.ts";
import type { MapTypes } from "./map_types.ts";
import type { ResolvedPoint } from "./attach_points.ts";

/** The surroundings of an expression. */
export interface Scope {
  readonly image: KernelImage;
  readonly at: ResolvedPoint;
  /** Number of functions that opaque nodes may name. */
  readonly functions: number;
  readonly locals: ReadonlyMap<string, ValueType>;
  /** The probe's expressions are C's: see `ProbeNode.arithmetic`. */
  readonly c: boolean;
  /** The maps, and what is known of their types so far. */
  readonly maps: MapTypes;
  /** The type of what the probe's `entry` computes; undefined where it has none. */
  readonly entry: ValueType | undefined;
  /** What encloses the statements at hand. */
  readonly inside: { readonly loop: boolean; readonly block: boolean };
  readonly report: Report;
}

/** What stands for an expression that was reported as an error, so that the passes go on. */
export function failed(span: Span | undefined): Ir {
  return { op: "const", value: 0, type: UNKNOWN, ...at(span) };
}

/** A span as a property, absent where there is none. */
export function at(span: Span | undefined): { readonly span?: Span } {
  return span === undefined ? {} : { span };
}

/** `exact` as a property, where the probe reads 64-bit integers exactly. */
export function exactly(scope: Scope): { readonly exact?: true } {
  return scope.c ? { exact: true } : {};
}
