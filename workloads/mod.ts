/**
 * What drives a modeled kernel: recorded runs, built-in scenarios, programs written here.
 *
 * @module
 */

export { builtinWorkload, builtinWorkloads } from "./builtin.ts";
export type { BuiltinWorkload, Parameters } from "./scenario.ts";
export {
  type ProgramWorkload,
  programWorkload,
  type StartedProgram,
  type Steps,
  type UserProgram,
} from "./program.ts";
export { replay } from "./replay/replay.ts";
export type { Wait } from "../kernel/calls/function.ts";
export type { ReplayOptions } from "./replay/options.ts";
export { RecordingError, type RecordingSource } from "./replay/read_lines.ts";
export type { MalformedLine, RecordingOptions } from "./replay/recording.ts";
export type { StraceArgument, StraceValue } from "./replay/value.ts";
export { Sys, type SysArgument } from "./sys.ts";
export type { RecordingReport, Workload, WorkloadReport } from "./workload.ts";
