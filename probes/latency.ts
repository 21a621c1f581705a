/**
 * Timed kretprobes: how long a function took.
 *
 * @module
 */

import { Probe } from "./builder.ts";
import type { LatencyContext } from "./context.ts";
import type { Functions, KnownFunction, Unknown } from "./declared.ts";
import { checkMaxactive, type KretprobeOptions, type Returned } from "./kretprobe.ts";
import { checkName } from "./options.ts";
import { emptySpec } from "./spec.ts";

/** What `latency` can be called as; `F` declares the functions. */
export interface Latency<F = Functions> {
  /**
   * A probe where a kernel function returns, which knows how long the call took: `c.duration`, in virtual
   * nanoseconds. A kretprobe whose instances keep their entry time; calls beyond `maxactive` are missed, and counted.
   *
   * ```ts
   * import { latency } from "./latency.ts";
   * const slow = latency("vfs_read").filter((c) => c.retval > 0).hist((c) => c.duration);
   * if (slow.point.kind !== "kretprobe") throw new Error("a kretprobe");
   * ```
   *
   * @throws {TypeError} For a name or options of the wrong shape.
   */
  <N extends KnownFunction<F>>(name: N, options?: KretprobeOptions): Probe<LatencyContext<Returned<N, F>>>;
  /** The same for a function that the declarations leave out, or several by a glob: `latency.any("vfs_*")`. */
  any(name: string, options?: KretprobeOptions): Probe<LatencyContext<Unknown>>;
}

function build<C>(name: string, options: KretprobeOptions | undefined): Probe<C> {
  checkName(name, "function", "a latency probe");
  const maxactive = checkMaxactive(options, "a latency probe");
  return new Probe(emptySpec({ kind: "kretprobe", target: name, maxactive, timed: true }));
}

function any(name: string, options?: KretprobeOptions): Probe<LatencyContext<Unknown>> {
  return build(name, options);
}

function typed<N extends KnownFunction>(
  name: N,
  options?: KretprobeOptions,
): Probe<LatencyContext<Returned<N>>> {
  return build(name, options);
}

/** A probe that knows how long a call took: see {@linkcode Latency}. */
export const latency: Latency = Object.assign(typed, { any });
