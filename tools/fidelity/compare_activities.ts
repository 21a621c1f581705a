/**
 * Runs the transcripts' activities in the model and compares what they call.
 *
 * @module
 */

import type { ShapeLibrary } from "../../kernel/shapes/library.ts";
import { isOnDisk } from "../compile_shapes/recorded_disk.ts";
import { activityRecording, COMMAND_PIDS } from "./activities.ts";
import type { Comparison } from "./compare.ts";
import { edgesOf, plainScore, weightedScore } from "./edges.ts";
import { replayRoots } from "./model_run.ts";
import { callsIn, firstCalls, type Transcript } from "./transcripts.ts";

/** Compares one activity; undefined where nothing tells what its command does. */
export async function compareActivity(
  transcript: Transcript,
  shapes: ShapeLibrary,
): Promise<Comparison | undefined> {
  const { arch, name, depth, roots, trees } = transcript;
  const recording = activityRecording(name);
  if (recording === undefined) return undefined;
  // The tracer followed the command alone: what landed in other tasks is not in the transcript.
  const tasks = (await replayRoots(arch, recording, shapes, name, {
    isRoot: (fn) => roots.has(fn),
    depth,
    cpus: isOnDisk(name) ? 1 : 2,
  })).filter(({ task }) => COMMAND_PIDS.has(task));
  const present = new Set(trees.map((tree) => tree.fn));
  const modeled = tasks.flatMap((task) => task.roots).filter((root) => present.has(root.fn));
  const recordedEdges = edgesOf(trees);
  const modeledEdges = edgesOf(firstCalls(aligned(modeled, trees[0]?.fn), callsIn(trees)));
  const weighted = weightedScore(recordedEdges, modeledEdges);
  return {
    recordedEdges,
    modeledEdges,
    plain: plainScore(recordedEdges, modeledEdges),
    weighted,
    inPlace: weighted,
    calls: [],
  };
}

/** From the first call of the function that the transcript begins with. */
function aligned<T extends { readonly fn: string }>(
  trees: readonly T[],
  first: string | undefined,
): readonly T[] {
  const at = trees.findIndex((tree) => tree.fn === first);
  return at <= 0 ? trees : trees.slice(at);
}
