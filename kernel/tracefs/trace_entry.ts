/**
 * One record of the trace buffer.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";

/** What a record says. */
export type TraceContent =
  /** An event's text behind its context columns, without the newline: `k1: (vfs_read+0x0/0x310)`. */
  | { readonly kind: "event"; readonly text: string | (() => string) }
  /** What `trace_marker` or `trace_printk` was given, without the newline at its end, and the function that recorded it. */
  | { readonly kind: "print"; readonly place: string; readonly text: string }
  /** The function tracer's. */
  | { readonly kind: "function"; readonly ip: Addr; readonly parent: Addr }
  /** The function_graph tracer's, at a call. */
  | { readonly kind: "graph_entry"; readonly func: Addr; readonly depth: number }
  /** The function_graph tracer's, at a return. Times are virtual nanoseconds. */
  | {
    readonly kind: "graph_return";
    readonly func: Addr;
    readonly depth: number;
    readonly calltime: number;
    readonly rettime: number;
  };

/** One record. */
export interface TraceEntry {
  /** Virtual nanoseconds. */
  readonly time: number;
  readonly cpu: number;
  readonly pid: number;
  /** The five columns `irqs-off need-resched hardirq/softirq preempt-depth migrate-disable`: `.....`. */
  readonly flags: string;
  readonly content: TraceContent;
}

/** The text of an event record. */
export function eventText(text: string | (() => string)): string {
  return typeof text === "string" ? text : text();
}
