/**
 * The situations of recorded system calls: what the model knows when it replays the same calls, so that what is learned
 * from them is asked for in the same terms.
 *
 * @module
 */

import type { KernelImage } from "../../image/model.ts";
import { SITUATION_FEATURES } from "../../kernel/calls/decision.ts";
import type { FunctionTracer } from "../../kernel/calls/hooks.ts";
import { Kernel } from "../../kernel/kernel.ts";
import { ShapeLibrary } from "../../kernel/shapes/library.ts";
import "../../kernel/syscalls/all.ts";
import { replay } from "../../workloads/replay/replay.ts";
import { mountFor, replayOptionsFor } from "./recorded_disk.ts";
import { longestCommon } from "./common_sequence.ts";
import type { CallTree, TaskTrees } from "./call_tree.ts";

/** One system call: its entry function and the features of its situation. */
export interface SituatedCall {
  readonly fn: string;
  readonly features: Float64Array;
}

/** The calls of one task, in order. */
export interface SituatedTask {
  readonly pid: number;
  readonly calls: readonly SituatedCall[];
}

/** Replays what `strace` recorded and notes the situation of each call; tasks by pid. */
export async function situationsOf(
  image: KernelImage,
  strace: Uint8Array,
  program: string,
): Promise<SituatedTask[]> {
  const workload = await replay(strace, replayOptionsFor(program));
  const kernel = new Kernel(image, ShapeLibrary.empty(), { cpus: 1 });
  mountFor(kernel, program);
  const tasks = new Map<number, SituatedCall[]>();
  const tracer: FunctionTracer = {
    first: true,
    enter(fn, task) {
      const { situation } = task;
      const features = Float64Array.from(
        { length: SITUATION_FEATURES },
        (_, i) => situation?.feature(i) ?? NaN,
      );
      const calls = tasks.get(task.pid) ?? [];
      calls.push({ fn: fn.name, features });
      tasks.set(task.pid, calls);
      return false;
    },
    leave() {},
  };
  for (const name of image.syscallNames()) {
    const entry = kernel.calls.functionByName(image.syscallEntry(name) ?? "");
    if (entry !== undefined) entry.tracer = tracer;
  }
  workload.start(kernel);
  kernel.scheduler.run(Infinity);
  return [...tasks].map(([pid, calls]) => ({ pid, calls })).sort((a, b) => a.pid - b.pid);
}

/** Lays situations onto the call trees of a recording of the same program; tasks are matched in the order of their pids. */
export function situate(
  trees: readonly TaskTrees[],
  situations: readonly SituatedTask[],
  into: Map<CallTree, Float64Array>,
): void {
  const entries = new Set(situations.flatMap((task) => task.calls.map((call) => call.fn)));
  const tasks = trees.map(({ task, roots }) => ({
    pid: Number(task),
    roots: roots.filter((root) => entries.has(root.fn)),
  })).filter(({ roots }) => roots.length > 0).sort((a, b) => a.pid - b.pid);
  tasks.forEach(({ roots }, i) => {
    const calls = situations[i]?.calls ?? [];
    for (const [tree, call] of longestCommon(roots, calls)) into.set(tree, call.features);
  });
}
