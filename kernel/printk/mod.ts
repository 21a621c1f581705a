/**
 * The kernel log and how it shows pointers.
 *
 * @module
 */

export { PointerFormat } from "./pointer.ts";
export { dumpStack, symbolWithSize } from "./dump_stack.ts";
export { LOG_LEVELS, type LogLevel, type LogRecord, LogRing } from "./ring.ts";
