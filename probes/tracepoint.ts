/**
 * Tracepoints: places that the kernel's authors marked, each with a record.
 *
 * @module
 */

import { Probe } from "./builder.ts";
import { shown } from "./capture/mod.ts";
import type { RecordContext } from "./context.ts";
import type { KnownTracepoint, Tracepoints, UnknownArgs } from "./declared.ts";
import { emptySpec } from "./spec.ts";

/** The context of a declared tracepoint. */
export type TracepointContext<N extends keyof T, T = Tracepoints> = RecordContext<
  T[N] extends { readonly fields: infer Fields } ? Fields : never
>;

/** What `tracepoint` can be called as; `T` declares the tracepoints. */
export interface Tracepoint<T = Tracepoints> {
  /**
   * A probe at a tracepoint. `c.args` has the fields of its record.
   *
   * ```ts
   * import { tracepoint } from "./tracepoint.ts";
   * const switches = tracepoint("sched:sched_switch").by((c) => c.args.prev_comm).count();
   * if (switches.point.kind !== "tracepoint") throw new Error("a tracepoint");
   * ```
   *
   * @throws {TypeError} If the name is not of the form `subsystem:event`.
   */
  <N extends KnownTracepoint<T>>(name: N): Probe<TracepointContext<N, T>>;
  /**
   * A tracepoint that the declarations leave out, or several by a glob: `*`, `?`, `[a-z]`, as in
   * `tracepoint.any("syscalls:sys_enter_*")`. The fields have no types.
   */
  any(name: string): Probe<RecordContext<UnknownArgs>>;
}

function build<C>(name: string): Probe<C> {
  const [subsystem = "", event = "", more] = typeof name === "string" ? name.split(":") : [];
  if (subsystem.trim() === "" || event.trim() === "" || more !== undefined) {
    throw new TypeError(
      `Cannot build a tracepoint from ${shown(name)}: it takes "subsystem:event", as "sched:sched_switch"`,
    );
  }
  return new Probe(emptySpec({ kind: "tracepoint", subsystem, event }));
}

function any(name: string): Probe<RecordContext<UnknownArgs>> {
  return build(name);
}

function typed<N extends KnownTracepoint>(name: N): Probe<TracepointContext<N>> {
  return build(name);
}

/** A probe at a tracepoint: see {@linkcode Tracepoint}. */
export const tracepoint: Tracepoint = Object.assign(typed, { any });
