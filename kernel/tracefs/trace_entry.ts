/**
 * One record of the trace buffer.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";

/** Options that an event's text depends on. */
export interface TextStyle {
  /** `nohash-ptr` */
  readonly rawPointers: boolean;
  /** `sym-addr` */
  readonly symAddr: boolean;
}

/** An event's text behind its context columns, without the newline. */
export type EventText = string | ((style: TextStyle) => string);

/** As traces are shown unless options say otherwise. */
export const PLAIN_STYLE: TextStyle = { rawPointers: false, symAddr: false };

/** What a record says. */
export type TraceContent =
  /** An event's: `k1: (vfs_read+0x0/0x310)`. `type` is its number; without one its text is all there is. */
  | { readonly kind: "event"; readonly text: EventText; readonly type?: number }
  /** What `trace_marker` or `trace_printk` was given, without the newline at its end, and the function that recorded it. */
  | { readonly kind: "print"; readonly place: string; readonly text: string }
  /** A stack, innermost first: addresses, and names of functions that the model doesn't run. */
  | { readonly kind: "stack"; readonly callers: readonly (Addr | string)[] }
  /** A user program's stack. */
  | { readonly kind: "user_stack"; readonly callers: readonly Addr[]; readonly owner: StackOwner | null }
  /** The function tracer's. */
  | { readonly kind: "function"; readonly ip: Addr; readonly parent: Addr }
  /** How often the call before was repeated, and when it was last (with `func-no-repeats`). */
  | {
    readonly kind: "function_repeats";
    readonly ip: Addr;
    readonly parent: Addr;
    readonly count: number;
    readonly last: number;
  }
  /** The function_graph tracer's, at a call. */
  | { readonly kind: "graph_entry"; readonly func: Addr; readonly depth: number }
  /** The function_graph tracer's, at a return. Times are virtual nanoseconds. */
  | {
    readonly kind: "graph_return";
    readonly func: Addr;
    readonly depth: number;
    readonly calltime: number;
    readonly rettime: number;
    /** Calls of the task that were too deep to be followed. */
    readonly overrun?: number;
  };

/** Whose user stack it is: what lies where in it. */
export interface StackOwner {
  /** The file mapped at an address, with where its mapping begins; null where none is. */
  fileAt(address: Addr): { readonly path: string; readonly start: Addr } | null;
}

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
export function eventText(text: EventText, style: TextStyle = PLAIN_STYLE): string {
  return typeof text === "string" ? text : text(style);
}

/** Numbers of records that aren't events (`enum trace_type`). */
export const TRACE_TYPES: Readonly<Record<Exclude<TraceContent["kind"], "event">, number>> = {
  function: 1,
  stack: 4,
  print: 5,
  graph_return: 10,
  graph_entry: 11,
  user_stack: 12,
  function_repeats: 19,
};
