/**
 * Lays the values of an args recording onto the call trees of a function_graph recording of the same program: two
 * runs, so orders agree mostly, not always.
 *
 * @module
 */

import type { CallData, CallTree, TaskTrees } from "./call_tree.ts";
import type { TaskData } from "./args_trees.ts";

/** How far ahead a match is looked for where the runs differ. */
const WINDOW = 24;

/** Attaches values to trees; gives how many calls have some. `known`: functions that the args recording probed. */
export function alignRecordings(graph: readonly TaskTrees[], args: readonly TaskData[]): number {
  const known = new Set<string>();
  for (const task of args) collectNames(task.roots, known);
  const rootNames = new Set(graph.flatMap((task) => task.roots.map((root) => root.fn)));
  const withCalls = args
    .map((task) => task.roots.filter((root) => rootNames.has(root.fn)))
    .filter((roots) => roots.length > 0);
  let aligned = 0;
  graph.filter((task) => task.roots.some((root) => known.has(root.fn))).forEach((task, i) => {
    const roots = withCalls[i];
    if (roots !== undefined) aligned += alignLists(task.roots, roots, known);
  });
  return aligned;
}

function collectNames(calls: readonly CallData[], into: Set<string>): void {
  for (const call of calls) {
    into.add(call.fn);
    collectNames(call.calls, into);
  }
}

function alignLists(
  trees: readonly CallTree[],
  data: readonly CallData[],
  known: ReadonlySet<string>,
): number {
  const wanted: CallTree[] = [];
  flatten(trees, known, wanted);
  let aligned = 0;
  let j = 0;
  for (let i = 0; i < wanted.length && j < data.length; i++) {
    const tree = wanted[i];
    if (tree === undefined) break;
    let at = j;
    while (at < data.length && at - j < WINDOW && data[at]?.fn !== tree.fn) at++;
    const call = data[at];
    if (call === undefined || call.fn !== tree.fn) continue;
    // Skipping data is right only if this tree's match comes before the next trees' own.
    if (at > j && wanted.slice(i + 1, i + 1 + (at - j)).some((next) => next.fn === data[j]?.fn)) continue;
    tree.data = call;
    aligned += 1 + alignLists(tree.calls, call.calls, known);
    j = at + 1;
  }
  return aligned;
}

/** The probed calls below: functions that were not probed are looked through. */
function flatten(trees: readonly CallTree[], known: ReadonlySet<string>, into: CallTree[]): void {
  for (const tree of trees) {
    if (known.has(tree.fn)) into.push(tree);
    else flatten(tree.calls, known, into);
  }
}
