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
import type { ResolvedPoint } from "./attach_points.ts";

/** The surroundings of an expression. */
export interface Scope {
  readonly image: KernelImage;
  readonly at: ResolvedPoint;
  /** Number of functions that opaque nodes may name. */
  readonly functions: number;
  readonly locals: ReadonlyMap<string, ValueType>;
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
