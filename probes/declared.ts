/**
 * The generated declarations, as the rest of the DSL uses them.
 *
 * @module
 */

export type * from "../types/words.ts";
export type { Functions, KernelTypes, Tracepoints } from "../types/kernel.ts";
