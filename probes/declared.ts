/**
 * The generated declarations, as the rest of the DSL uses them.
 *
 * @module
 */

import type { Functions, Tracepoints } from "../types/kernel.ts";

/**
 * A function that the declarations know. A name that is not one may be misspelt: `kscope list 'kprobe:vfs_*'` shows
 * what there is. A function that the kernel has and the declarations leave out, and a glob, go through `.any`:
 * `kprobe.any("vfs_*")`.
 */
export type KnownFunction<F = Functions> = keyof F & string;

/**
 * A tracepoint that the declarations know, as `subsystem:event`. A name that is not one may be misspelt:
 * `kscope list 'tracepoint:sched:*'` shows what there is. One that the declarations leave out, and a glob, go through
 * `.any`: `tracepoint.any("sched:*")`.
 */
export type KnownTracepoint<T = Tracepoints> = keyof T & string;

export type * from "../types/words.ts";
export type { Functions, KernelTypes, Tracepoints } from "../types/kernel.ts";
