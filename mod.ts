/**
 * kscope: typed kernel probes on a modeled Linux kernel. Deterministic, no root, no Linux needed.
 *
 * ```ts
 * import { kprobe, program, run } from "@kscope/kscope";
 *
 * const opens = program({
 *   opens: kprobe("vfs_open").filter((c) => c.comm === "cat").count(),
 * });
 * const result = await run(opens);
 * if (result.maps.opens !== 4) throw new Error(`cat opens 4 files, not ${result.maps.opens}`);
 * ```
 *
 * @module
 */

export * from "./probes/mod.ts";
export * from "./session/mod.ts";
export type {
  Addr,
  Arch,
  BlacklistRange,
  CallSite,
  CType,
  FieldLayout,
  FunctionInfo,
  KernelImage,
  Member,
  Param,
  Prototype,
  SymbolInfo,
  TracepointField,
  TracepointInfo,
} from "./image/model.ts";
export { coreImage, fullImage, openImage } from "./image/mod.ts";
export type { CompileOptions } from "./graph/compile.ts";
export { explain, type ExplainOptions } from "./graph/explain.ts";
export type { MapEntry, MapSnapshot } from "./graph/maps/runtime_map.ts";
export type {
  AggregateValue,
  Bucket,
  HistogramScale,
  HistogramValue,
  MapValue,
  StatsValue,
} from "./graph/maps/cell.ts";
export type { Aggregation, AttachPoint, ProbeGraph, Program } from "./graph/nodes.ts";
export type {
  ArrayValue,
  BufferValue,
  PointerValue,
  StackValue,
  StructValue,
  TupleValue,
  Value,
} from "./graph/value.ts";
export type { ReplayOptions } from "./workloads/replay/options.ts";
export type { RecordingSource } from "./workloads/replay/read_lines.ts";
export type { MalformedLine, RecordingOptions } from "./workloads/replay/recording.ts";
export { replay } from "./workloads/replay/replay.ts";
export { builtinWorkload, builtinWorkloads } from "./workloads/builtin.ts";
export type { BuiltinWorkload, Parameters } from "./workloads/scenario.ts";
export {
  type ProgramWorkload,
  programWorkload,
  type StartedProgram,
  type Steps,
  type UserProgram,
} from "./workloads/program.ts";
export type { Wait } from "./kernel/calls/function.ts";
export type { SignalHandler } from "./workloads/handlers.ts";
export type { StraceArgument, StraceValue } from "./workloads/replay/value.ts";
export type { Sys, SysArgument, SysCall } from "./workloads/sys.ts";
export type { Heap, Libc } from "./workloads/user/libc.ts";
export { LIBC_FUNCTIONS, type LibcFunction } from "./workloads/user/symbols.ts";
export type { RecordingReport, Workload, WorkloadReport } from "./workloads/workload.ts";
export type { ProbeHandlerError } from "./kernel/kprobes/mod.ts";
export type { ReleaseName } from "./kernel/release/release.ts";
export type { BlockedTask, RunOutcome } from "./kernel/sched/outcome.ts";
export { Kernel } from "./kernel/kernel.ts";
export * as linux from "./kernel/linux.ts";
