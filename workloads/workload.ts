/**
 * What drives a modeled kernel: user programs, recorded or written here.
 *
 * @module
 */

import type { MountedDisk } from "../kernel/fs/ext4/mount.ts";
import type { Kernel } from "../kernel/kernel.ts";
import type { MalformedLine } from "./replay/recording.ts";

/** A source of system calls. Start it on a fresh kernel, then run the kernel's scheduler. */
export interface Workload {
  /** `replay of cat.strace.gz`, `sleepers` */
  readonly name: string;
  /** One line for lists. */
  readonly description: string;
  /** Wall clock at virtual time 0, in microseconds since 1970; absent where nothing tells. */
  readonly epoch?: number;
  /** Disks that it works on: a kernel that is booted for it has them, unless its user asks for others. */
  readonly disks?: readonly MountedDisk[];
  /** Creates the tasks and schedules what they do. A workload can drive several kernels, one after another. */
  start(k: Kernel): void;
  /** What happened on the kernel that it was started on last. */
  report(): WorkloadReport;
}

/** What a workload has to tell after a run. Maps are in the order of their keys. */
export interface WorkloadReport {
  /** Its name. */
  readonly workload: string;
  /** System calls that were made. */
  readonly calls: number;
  /** System calls by name that this architecture has no counterpart of: not made. */
  readonly leftOut: ReadonlyMap<string, number>;
  /** System calls by name that have no model: they ran as entry function and tracepoints. */
  readonly unmodeled: ReadonlyMap<string, number>;
  /** Signals by name that were delivered. */
  readonly signals: ReadonlyMap<string, number>;
  /** Arguments whose value is unknown, by what was printed, with the number of times. */
  readonly unknownArguments: ReadonlyMap<string, number>;
  /** Sentences about what went otherwise than recorded or asked. */
  readonly warnings: readonly string[];
  /** For a replay: the recording's lines. */
  readonly recording?: RecordingReport;
}

/** What a replay tells of its recording. */
export interface RecordingReport {
  /** Lines read. */
  readonly lines: number;
  /** Processes and threads that have lines. */
  readonly processes: number;
  /** Number of lines that could not be used. */
  readonly malformedCount: number;
  /** The first of them. */
  readonly malformed: readonly MalformedLine[];
}
