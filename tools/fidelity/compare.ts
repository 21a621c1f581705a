/**
 * How near a modeled run comes to a recorded one: by edges of the whole program, and system call by system call.
 *
 * @module
 */

import type { TaskTrees } from "../compile_shapes/call_tree.ts";
import { addScore, type Edges, edgesOf, noScore, plainScore, type Score, weightedScore } from "./edges.ts";
import { pairTasks } from "./pairing.ts";
import { callName, systemCalls } from "./system_calls.ts";

/** What one system call of a program, all its calls together, scores. */
export interface CallScore {
  readonly name: string;
  recorded: number;
  modeled: number;
  /** Edges weighted by calls, each call against the one in its place. */
  readonly score: Score;
}

/** One program's comparison. */
export interface Comparison {
  readonly recordedEdges: Edges;
  readonly modeledEdges: Edges;
  /** Edges of the whole program, unweighted. */
  readonly plain: Score;
  /** The same weighted by calls. */
  readonly weighted: Score;
  /** Weighted by calls, each system call against the one in its place. */
  readonly inPlace: Score;
  /** By system call, in the order of their names. */
  readonly calls: readonly CallScore[];
}

/** Compares recorded trees with modeled ones. */
export function compareRuns(recorded: readonly TaskTrees[], modeled: readonly TaskTrees[]): Comparison {
  const ofRecording = systemCalls(recorded);
  const ofModel = systemCalls(modeled);
  const recordedEdges = edgesOf(ofRecording.flatMap((task) => task.calls));
  const modeledEdges = edgesOf(ofModel.flatMap((task) => task.calls));
  const inPlace = noScore();
  const calls = new Map<string, CallScore>();
  for (const pair of pairTasks(ofRecording, ofModel)) {
    const name = callName(pair.recorded?.fn ?? pair.modeled?.fn ?? "");
    let call = calls.get(name);
    if (call === undefined) {
      call = { name, recorded: 0, modeled: 0, score: noScore() };
      calls.set(name, call);
    }
    if (pair.recorded !== undefined) call.recorded++;
    if (pair.modeled !== undefined) call.modeled++;
    const score = weightedScore(
      edgesOf(pair.recorded === undefined ? [] : [pair.recorded]),
      edgesOf(pair.modeled === undefined ? [] : [pair.modeled]),
    );
    addScore(call.score, score);
    addScore(inPlace, score);
  }
  return {
    recordedEdges,
    modeledEdges,
    plain: plainScore(recordedEdges, modeledEdges),
    weighted: weightedScore(recordedEdges, modeledEdges),
    inPlace,
    calls: [...calls.values()].sort((a, b) => a.name < b.name ? -1 : 1),
  };
}

/** An edge that one side has more often than the other: `count` calls too few (missing) or too many (invented). */
export interface EdgeGap {
  readonly edge: string;
  readonly count: number;
  /** Whether the other side has none at all. */
  readonly whole: boolean;
}

/** Edges of `from` that `other` has less often, the furthest first. */
export function edgeGaps(from: Edges, other: Edges): EdgeGap[] {
  return [...from].flatMap(([edge, count]) => {
    const has = other.get(edge) ?? 0;
    return has < count ? [{ edge, count: count - has, whole: has === 0 }] : [];
  }).sort((a, b) => b.count - a.count || (a.edge < b.edge ? -1 : 1));
}
