/**
 * kretprobes: a probe where a function returns.
 *
 * @module
 */

import { Probe } from "./builder.ts";
import type { ReturnContext } from "./context.ts";
import type { Functions, KnownFunction, Unknown } from "./declared.ts";
import { checkInteger, checkName, checkOptions } from "./options.ts";
import { emptySpec } from "./spec.ts";

/** Options of a kretprobe. */
export interface KretprobeOptions {
  /**
   * How many calls may be underway at once (on all CPUs); more are missed, and counted. Where not given: the kernel's
   * default, twice the CPUs and at least 10. At most 4096, as in the kernel's tracefs.
   */
  readonly maxactive?: number;
}

/** The context of a kretprobe on a declared function. */
export type KretprobeContext<N extends keyof F, F = Functions> = ReturnContext<Returned<N, F>>;

/** What a declared function returns. */
export type Returned<N extends keyof F, F = Functions> = F[N] extends { readonly ret: infer Ret } ? Ret
  : never;

/** What `kretprobe` can be called as; `F` declares the functions. */
export interface Kretprobe<F = Functions> {
  /**
   * A probe where a kernel function returns: `c.retval` has the type of the kernel's own prototype.
   *
   * ```ts
   * import { kretprobe } from "./kretprobe.ts";
   * const sizes = kretprobe("vfs_read", { maxactive: 20 }).filter((c) => c.retval > 0).hist((c) => c.retval);
   * if (sizes.point.kind !== "kretprobe") throw new Error("a kretprobe");
   * ```
   *
   * @throws {TypeError} For a name or options of the wrong shape.
   */
  <N extends KnownFunction<F>>(name: N, options?: KretprobeOptions): Probe<KretprobeContext<N, F>>;
  /**
   * A probe on a function that the declarations leave out, or on several by a glob: `*`, `?`, `[a-z]`, as in
   * `kretprobe.any("vfs_*")`. The result has no type.
   */
  any(name: string, options?: KretprobeOptions): Probe<ReturnContext<Unknown>>;
}

/** Most instances that a kretprobe may have, tracefs's limit. */
export const MAX_MAXACTIVE = 4_096;

/** Checks a kretprobe's options; 0 stands for the kernel's default. */
export function checkMaxactive(options: KretprobeOptions | undefined, where: string): number {
  checkOptions(options, ["maxactive"], where);
  if (options?.maxactive === undefined) return 0;
  return checkInteger(options.maxactive, 1, MAX_MAXACTIVE, `the maxactive of ${where}`);
}

function build<C>(name: string, options: KretprobeOptions | undefined): Probe<C> {
  checkName(name, "function", "a kretprobe");
  const maxactive = checkMaxactive(options, "a kretprobe");
  return new Probe(emptySpec({ kind: "kretprobe", target: name, maxactive }));
}

function any(name: string, options?: KretprobeOptions): Probe<ReturnContext<Unknown>> {
  return build(name, options);
}

function typed<N extends KnownFunction>(name: N, options?: KretprobeOptions): Probe<KretprobeContext<N>> {
  return build(name, options);
}

/** A probe where a kernel function returns: see {@linkcode Kretprobe}. */
export const kretprobe: Kretprobe = Object.assign(typed, { any });
