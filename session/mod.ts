/**
 * Where programs meet kernels: boot, attach, run, results.
 *
 * @module
 */

export { AttachError } from "./arm.ts";
export { attach, type AttachOptions } from "./attach.ts";
export { ARCHES, bootKernel, type BootOptions } from "./boot.ts";
export type { DiskKind, LatencyOptions } from "../kernel/block/device.ts";
export type { DiskOptions } from "../kernel/block/options.ts";
export type { MountedDisk } from "../kernel/fs/ext4/mount.ts";
export type { Ext4Options } from "../kernel/fs/ext4/options.ts";
export { merge, type Mergeable, type MergedResult } from "./merge.ts";
export type { OutputOptions } from "./output.ts";
export { type ProbeStatistics, ResultMap, type UnknownRead } from "./result.ts";
export { run, type RunOptions, type RunResult, type RunStatistics } from "./run.ts";
export { Session } from "./session.ts";
