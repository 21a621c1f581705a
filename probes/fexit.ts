/**
 * fexit: a trampoline where a function returns.
 *
 * @module
 */

import { Probe } from "./builder.ts";
import type { ExitContext } from "./context.ts";
import type { Functions, KnownFunction, Unknown, UnknownArgs } from "./declared.ts";
import type { Returned } from "./kretprobe.ts";
import { listSpec } from "./lists.ts";

/** The context of an fexit on a declared function. */
export type FexitContext<N extends keyof F, F = Functions> = ExitContext<
  F[N] extends { readonly args: infer Args } ? Args : never,
  Returned<N, F>
>;

/** What `fexit` can be called as; `F` declares the functions. */
export interface Fexit<F = Functions> {
  /**
   * A probe where a kernel function returns. It has the arguments and the result.
   *
   * ```ts
   * import { fexit } from "./fexit.ts";
   * const reads = fexit("vfs_read").filter((c) => c.retval < c.args.count).count();
   * if (reads.point.kind !== "fexit") throw new Error("an fexit");
   * ```
   *
   * @throws {TypeError} For a name of the wrong shape.
   */
  <N extends KnownFunction<F>>(name: N | readonly N[]): Probe<FexitContext<N, F>>;
  /** The same for a function that the declarations leave out, or several by a glob: `fexit.any("vfs_*")`. */
  any(name: string): Probe<ExitContext<UnknownArgs, Unknown>>;
}

function build<C>(names: string | readonly string[]): Probe<C> {
  return new Probe(listSpec(names, "an fexit", (target) => ({ kind: "fexit", target })));
}

function any(name: string): Probe<ExitContext<UnknownArgs, Unknown>> {
  return build(name);
}

function typed<N extends KnownFunction>(name: N | readonly N[]): Probe<FexitContext<N>> {
  return build(name);
}

/** A probe where a kernel function returns: see {@linkcode Fexit}. */
export const fexit: Fexit = Object.assign(typed, { any });
