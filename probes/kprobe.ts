/**
 * kprobes: a probe at a function's entry, or at an instruction inside it.
 *
 * @module
 */

import { Probe } from "./builder.ts";
import type { EntryContext } from "./context.ts";
import type { Functions, KnownFunction, UnknownArgs } from "./declared.ts";
import { checkInteger, checkOptions } from "./options.ts";
import { listSpec } from "./lists.ts";

/** Options of a kprobe. */
export interface KprobeOptions {
  /** Bytes from the function's start to the probed instruction; 0 where not given. */
  readonly offset?: number;
}

/** The context of a kprobe on a declared function. */
export type KprobeContext<N extends keyof F, F = Functions> = EntryContext<
  F[N] extends { readonly args: infer Args } ? Args : never
>;

/** What `kprobe` can be called as; `F` declares the functions. */
export interface Kprobe<F = Functions> {
  /**
   * A probe at the entry of a kernel function, or of each of a list: `kprobe(["vfs_read", "vfs_write"])`. Its arguments have the types of the kernel's own prototype. The names
   * are those of the generated declarations; `kprobe.any` takes every other. Whether the kernel at hand has the
   * function, and lets it be probed, is checked where the probe attaches.
   *
   * ```ts
   * import { kprobe } from "./kprobe.ts";
   * const opens = kprobe("vfs_open").filter((c) => c.comm === "cat").by((c) => c.args.path.dentry.d_name.name).count();
   * if (opens.point.kind !== "kprobe") throw new Error("a kprobe");
   * ```
   *
   * @throws {TypeError} For a name or options of the wrong shape.
   */
  <N extends KnownFunction<F>>(
    name: N | readonly N[],
    options?: KprobeOptions,
  ): Probe<KprobeContext<N, F>>;
  /**
   * A probe on a function that the declarations leave out, or on several by a glob: `*`, `?`, `[a-z]`, as in
   * `kprobe.any("vfs_*")`. The arguments have no types.
   */
  any(name: string, options?: KprobeOptions): Probe<EntryContext<UnknownArgs>>;
}

function build<C>(names: string | readonly string[], options: KprobeOptions | undefined): Probe<C> {
  checkOptions(options, ["offset"], "a kprobe");
  const offset = checkInteger(options?.offset ?? 0, 0, Number.MAX_SAFE_INTEGER, "the offset of a kprobe");
  return new Probe(
    listSpec(names, "a kprobe", (target) => ({ kind: "kprobe", target, offset })),
  );
}

function any(name: string, options?: KprobeOptions): Probe<EntryContext<UnknownArgs>> {
  return build(name, options);
}

function typed<N extends KnownFunction>(
  name: N | readonly N[],
  options?: KprobeOptions,
): Probe<KprobeContext<N>> {
  return build(name, options);
}

/** A probe at the entry of a kernel function: see {@linkcode Kprobe}. */
export const kprobe: Kprobe = Object.assign(typed, { any });
