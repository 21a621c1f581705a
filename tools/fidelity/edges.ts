/**
 * Caller and callee, with the number of calls: what two call trees have in common.
 *
 * @module
 */

import type { CallTree } from "../compile_shapes/call_tree.ts";

/** Calls by `caller callee`. */
export type Edges = Map<string, number>;

/** Adds the edges of a tree. */
export function addEdges(tree: CallTree, into: Edges): void {
  for (const call of tree.calls) {
    const key = `${tree.fn} ${call.fn}`;
    into.set(key, (into.get(key) ?? 0) + 1);
    addEdges(call, into);
  }
}

/** The edges of trees. */
export function edgesOf(trees: Iterable<CallTree>): Edges {
  const edges: Edges = new Map();
  for (const tree of trees) addEdges(tree, edges);
  return edges;
}

/** How much of what was recorded the model has, and how much of what it has was recorded: counts that can be summed. */
export interface Score {
  recorded: number;
  modeled: number;
  common: number;
}

/** Nothing compared yet. */
export function noScore(): Score {
  return { recorded: 0, modeled: 0, common: 0 };
}

/** Adds one score to another. */
export function addScore(to: Score, score: Score): void {
  to.recorded += score.recorded;
  to.modeled += score.modeled;
  to.common += score.common;
}

/** Common of recorded; 1 where nothing was. */
export function recall(score: Score): number {
  return score.recorded === 0 ? 1 : score.common / score.recorded;
}

/** Common of modeled; 1 where nothing was. */
export function precision(score: Score): number {
  return score.modeled === 0 ? 1 : score.common / score.modeled;
}

/** Edges counted once each, whatever the number of calls. */
export function plainScore(recorded: Edges, modeled: Edges): Score {
  let common = 0;
  for (const edge of recorded.keys()) if (modeled.has(edge)) common++;
  return { recorded: recorded.size, modeled: modeled.size, common };
}

/** Edges weighted by calls: of an edge that one side has more often, only as many count as the other has. */
export function weightedScore(recorded: Edges, modeled: Edges): Score {
  let common = 0;
  for (const [edge, count] of recorded) common += Math.min(count, modeled.get(edge) ?? 0);
  return { recorded: total(recorded), modeled: total(modeled), common };
}

function total(edges: Edges): number {
  let sum = 0;
  for (const count of edges.values()) sum += count;
  return sum;
}
