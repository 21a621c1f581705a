/**
 * fentry: a trampoline where a function is entered.
 *
 * @module
 */

import { Probe } from "./builder.ts";
import type { EntryContext } from "./context.ts";
import type { Functions, KnownFunction, UnknownArgs } from "./declared.ts";

import { listSpec } from "./lists.ts";

/** The context of an fentry on a declared function. */
export type FentryContext<N extends keyof F, F = Functions> = EntryContext<
  F[N] extends { readonly args: infer Args } ? Args : never
>;

/** What `fentry` can be called as; `F` declares the functions. */
export interface Fentry<F = Functions> {
  /**
   * A probe where a kernel function is entered.
   *
   * ```ts
   * import { fentry } from "./fentry.ts";
   * const opens = fentry("vfs_open").by((c) => c.args.path.dentry.d_name.name).count();
   * if (opens.point.kind !== "fentry") throw new Error("an fentry");
   * ```
   *
   * @throws {TypeError} For a name of the wrong shape.
   */
  <N extends KnownFunction<F>>(name: N | readonly N[]): Probe<FentryContext<N, F>>;
  /** The same for a function that the declarations leave out, or several by a glob: `fentry.any("vfs_*")`. */
  any(name: string): Probe<EntryContext<UnknownArgs>>;
}

function build<C>(names: string | readonly string[]): Probe<C> {
  return new Probe(listSpec(names, "an fentry", (target) => ({ kind: "fentry", target })));
}

function any(name: string): Probe<EntryContext<UnknownArgs>> {
  return build(name);
}

function typed<N extends KnownFunction>(name: N | readonly N[]): Probe<FentryContext<N>> {
  return build(name);
}

/** A probe where a kernel function is entered: see {@linkcode Fentry}. */
export const fentry: Fentry = Object.assign(typed, { any });
