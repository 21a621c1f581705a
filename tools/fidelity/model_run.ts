/**
 * A recording replayed in the model under a tracer of all functions.
 *
 * @module
 */

import { fullImage } from "../../image/load.ts";
import { coreShapes } from "../../image/mod.ts";
import type { Arch } from "../../image/model.ts";
import { Kernel } from "../../kernel/kernel.ts";
import { ShapeLibrary } from "../../kernel/shapes/library.ts";
import "../../kernel/syscalls/all.ts";
import { replay } from "../../workloads/replay/replay.ts";
import type { TaskTrees } from "../compile_shapes/call_tree.ts";
import { mountFor, replayOptionsFor } from "../compile_shapes/recorded_disk.ts";
import { CallRecorder } from "./call_recorder.ts";
import { isEntry } from "./system_calls.ts";

/** Levels of calls that the recordings show (`max_graph_depth`). */
export const DEPTH = 24;

const libraries = new Map<Arch, Promise<ShapeLibrary>>();

/** The shipped shapes of an architecture. */
export function shippedShapes(arch: Arch): Promise<ShapeLibrary> {
  let library = libraries.get(arch);
  if (library === undefined) {
    library = coreShapes(arch).then((bytes) => ShapeLibrary.decode(bytes));
    libraries.set(arch, library);
  }
  return library;
}

/**
 * Replays a recording of a program on a fresh kernel with these shapes, where it was recorded; gives the calls below the
 * system calls of each task.
 */
export async function replayTraced(
  arch: Arch,
  strace: Uint8Array,
  shapes: ShapeLibrary,
  program: string,
): Promise<TaskTrees[]> {
  return await replayRoots(arch, strace, shapes, program, { isRoot: isEntry, depth: DEPTH, cpus: 1 });
}

/** What is recorded. */
export interface TraceOptions {
  /** Functions that calls are recorded below. */
  readonly isRoot: (fn: string) => boolean;
  /** Levels of calls. */
  readonly depth: number;
  readonly cpus: number;
}

/** The same with other roots than system calls, and another depth. */
export async function replayRoots(
  arch: Arch,
  strace: Uint8Array,
  shapes: ShapeLibrary,
  program: string,
  { isRoot, depth, cpus }: TraceOptions,
): Promise<TaskTrees[]> {
  const workload = await replay(strace, replayOptionsFor(program));
  const kernel = new Kernel(await fullImage(arch), shapes, { cpus });
  mountFor(kernel, program);
  const recorder = new CallRecorder(kernel, isRoot, depth);
  recorder.arm();
  // A module brings functions of its own.
  kernel.modules.onChange(() => recorder.arm());
  workload.start(kernel);
  kernel.scheduler.run(Infinity);
  return recorder.tasks();
}
