/**
 * Records of stacks.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import type { TraceBuffer } from "./buffer.ts";

/** Bytes in front of the addresses. */
const HEAD = 16;

/** `__ftrace_trace_stack`: a stack of the running task, innermost first. */
export function emitStack(buffer: TraceBuffer, callers: readonly (Addr | string)[], flags: string): void {
  buffer.record({ kind: "stack", callers }, flags, HEAD + callers.length * 8);
}
