/**
 * The probe kinds over declarations of one's own: other functions of the shipped kernels, or another kernel's.
 *
 * @module
 */

import { type Fentry, fentry } from "./fentry.ts";
import { type Fexit, fexit } from "./fexit.ts";
import { type Kprobe, kprobe } from "./kprobe.ts";
import { type Kretprobe, kretprobe } from "./kretprobe.ts";
import { type Latency, latency } from "./latency.ts";
import { type Tracepoint, tracepoint } from "./tracepoint.ts";

/** The probe kinds that take names, typed by `F` (functions) and `T` (tracepoints). */
export interface DeclaredProbes<F, T> {
  /** See `kprobe`. */
  readonly kprobe: Kprobe<F>;
  /** See `kretprobe`. */
  readonly kretprobe: Kretprobe<F>;
  /** See `fentry`. */
  readonly fentry: Fentry<F>;
  /** See `fexit`. */
  readonly fexit: Fexit<F>;
  /** See `latency`. */
  readonly latency: Latency<F>;
  /** See `tracepoint`. */
  readonly tracepoint: Tracepoint<T>;
}

/**
 * The probe kinds, typed by declarations that `tools/generate_types.ts` made.
 *
 * ```ts
 * import { declared } from "./declarations.ts";
 *
 * // Normally imported from the generated module.
 * interface Functions {
 *   my_function: { readonly args: { count: number }; readonly ret: number };
 * }
 *
 * const { kprobe } = declared<Functions>();
 * const calls = kprobe("my_function").sum((c) => c.args.count);
 * if (calls.point.kind !== "kprobe") throw new Error("a kprobe");
 * ```
 */
export function declared<F, T = Record<never, never>>(): DeclaredProbes<F, T> {
  // The builders look at no declaration: the same functions serve all of them.
  return { kprobe, kretprobe, fentry, fexit, latency, tracepoint } as unknown as DeclaredProbes<F, T>;
}
