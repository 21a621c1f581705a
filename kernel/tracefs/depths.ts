/**
 * How deep tracers look.
 *
 * @module
 */

/** Deepest stack that a record has, the kernel's and a program's: `FTRACE_STACK_ENTRIES`. */
export const FTRACE_STACK_ENTRIES = 64;
/** Calls within each other that the graph tracer follows. */
export const FTRACE_RETFUNC_DEPTH = 50;
