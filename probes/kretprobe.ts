/**
 * kretprobes: a probe where a function returns.
 *
 * @module
 */

import { Probe } from "./builder.ts";
import type { ReturnContext } from "./context.ts";
import type { Functions, KnownFunction, Unknown } from "./declared.ts";
import { captureValue } from "./capture/mod.ts";
import type { KprobeContext } from "./kprobe.ts";
import { listSpec } from "./lists.ts";
import { checkInteger, checkOptions } from "./options.ts";

/** Options of a kretprobe. */
export interface KretprobeOptions {
  /**
   * How many calls may be underway at once (on all CPUs); more are missed, and counted. Where not given: the kernel's
   * default, twice the CPUs and at least 10. At most 4096, as in the kernel's tracefs.
   */
  readonly maxactive?: number;
}

/** What a kretprobe keeps of the function's entry. */
export interface EntryOptions<C, E> extends KretprobeOptions {
  /**
   * Runs where the function is entered, with its arguments; what it returns is `c.entry` at the return:
   * `entry: (c) => ({ size: c.args.count })`.
   */
  readonly entry?: (c: C) => E;
}

/** A context with what was kept of the entry. */
export type Kept<C, E> = [E] extends [never] ? C : C & { readonly entry: E };

/** The context of a kretprobe on a declared function. */
export type KretprobeContext<N extends keyof F, F = Functions> = ReturnContext<Returned<N, F>>;

/** What a declared function returns. */
export type Returned<N extends keyof F, F = Functions> = F[N] extends { readonly ret: infer Ret } ? Ret
  : never;

/** What `kretprobe` can be called as; `F` declares the functions. */
export interface Kretprobe<F = Functions> {
  /**
   * A probe where a kernel function returns, or each of a list: `c.retval` has the type of the kernel's own prototype.
   *
   * ```ts
   * import { kretprobe } from "./kretprobe.ts";
   * const sizes = kretprobe("vfs_read", { maxactive: 20 }).filter((c) => c.retval > 0).hist((c) => c.retval);
   * if (sizes.point.kind !== "kretprobe") throw new Error("a kretprobe");
   * ```
   *
   * @throws {TypeError} For a name or options of the wrong shape.
   */
  <N extends KnownFunction<F>, E = never>(
    name: N | readonly N[],
    options?: EntryOptions<KprobeContext<N, F>, E>,
  ): Probe<Kept<KretprobeContext<N, F>, E>>;
  /**
   * A probe on a function that the declarations leave out, or on several by a glob: `*`, `?`, `[a-z]`, as in
   * `kretprobe.any("vfs_*")`. The result has no type.
   */
  any(name: string, options?: KretprobeOptions): Probe<ReturnContext<Unknown>>;
}

/** Most instances that a kretprobe may have, tracefs's limit. */
export const MAX_MAXACTIVE = 4_096;

/** Checks a kretprobe's options; 0 stands for the kernel's default. */
export function checkMaxactive(
  options: KretprobeOptions | undefined,
  where: string,
  known: readonly string[] = ["maxactive"],
): number {
  checkOptions(options, known, where);
  if (options?.maxactive === undefined) return 0;
  return checkInteger(options.maxactive, 1, MAX_MAXACTIVE, `the maxactive of ${where}`);
}

function build<C>(
  names: string | readonly string[],
  options: EntryOptions<never, unknown> | undefined,
): Probe<C> {
  const maxactive = checkMaxactive(options, "a kretprobe", ["maxactive", "entry"]);
  const spec = listSpec(names, "a kretprobe", (target) => ({ kind: "kretprobe", target, maxactive }));
  const entry = options?.entry === undefined
    ? undefined
    : captureValue(options.entry, "the entry of a kretprobe", {});
  return new Probe({ ...spec, entry });
}

function any(name: string, options?: KretprobeOptions): Probe<ReturnContext<Unknown>> {
  return build(name, options);
}

function typed<N extends KnownFunction, E = never>(
  name: N | readonly N[],
  options?: EntryOptions<KprobeContext<N>, E>,
): Probe<Kept<KretprobeContext<N>, E>> {
  return build(name, options as EntryOptions<never, unknown> | undefined);
}

/** A probe where a function returns: see {@linkcode Kretprobe}. */
export const kretprobe: Kretprobe = Object.assign(typed, { any });
