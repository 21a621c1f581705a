/**
 * The DSL: typed probes, and programs made of them.
 *
 * ```ts
 * import { kprobe, latency, program } from "./mod.ts";
 *
 * const reads = program({
 *   opens: kprobe("vfs_open").by((c) => c.comm).count(),
 *   slow: latency("vfs_read").hist((c) => c.duration),
 * });
 * if (reads.graph.probes.length !== 2) throw new Error("two probes");
 * ```
 *
 * @module
 */

export { begin } from "./begin.ts";
export { type Given, MapProbe, type NoValues, type Numeric, Probe, type Row, RowProbe } from "./builder.ts";
export type * from "./context.ts";
export type * from "./declared.ts";
export { declared, type DeclaredProbes } from "./declarations.ts";
export { end } from "./end.ts";
export { type Fentry, fentry, type FentryContext } from "./fentry.ts";
export { type Fexit, fexit, type FexitContext } from "./fexit.ts";
export { type Interval, interval } from "./interval.ts";
export { type Kprobe, kprobe, type KprobeContext, type KprobeOptions } from "./kprobe.ts";
export {
  type EntryOptions,
  type Kept,
  type Kretprobe,
  kretprobe,
  type KretprobeContext,
  type KretprobeOptions,
  type Returned,
} from "./kretprobe.ts";
export { type Latency, latency } from "./latency.ts";
export type { HistOptions, LhistOptions } from "./options.ts";
export { pointName } from "../graph/point_name.ts";
export { exit, print, range } from "./print.ts";
export { profile } from "./profile.ts";
export {
  type AnyProbe,
  asProgram,
  type GivenTo,
  type Held,
  isProbe,
  isProgram,
  type MapNames,
  type MapsOf,
  program,
  type ResultOf,
  type RowNames,
  type RowsOf,
  type StateNamed,
  type StateNames,
  type StateResult,
} from "./program.ts";
export type { AnyPointer, CountResult, Data, Key, KeyedMap, KeyPart, MapResult, NoKey } from "./results.ts";
export { software, type SoftwareEvent } from "./software.ts";
export { type Addend, type AnyState, hash, type HashOptions, scalar, StateMap, StateValue } from "./state.ts";
export { type Tracepoint, tracepoint, type TracepointContext } from "./tracepoint.ts";
export { uprobe, type UprobeOptions } from "./uprobe.ts";
export { uretprobe } from "./uretprobe.ts";
export type { Values } from "./capture/mod.ts";
