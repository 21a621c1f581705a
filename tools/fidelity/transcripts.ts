/**
 * The `graph-NAME.txt` transcripts of single activities: which functions they begin with, how deep they are, and what was
 * called, as far as a transcript goes.
 *
 * @module
 */

import type { Arch } from "../../image/model.ts";
import type { CallTree } from "../compile_shapes/call_tree.ts";
import { parseGraph } from "../compile_shapes/graph_trees.ts";

/** One transcript. */
export interface Transcript {
  readonly arch: Arch;
  /** Without `graph-`: `mkdir`. */
  readonly name: string;
  readonly depth: number;
  readonly roots: ReadonlySet<string>;
  readonly trees: readonly CallTree[];
}

const HEAD = /max_graph_depth=(\d+), set_graph_function: (.*?) *; command:/;

/** The transcripts of `FOLDER/transcripts/ARCH`; none where there is no such folder. */
export function transcriptsIn(folder: string, arch: Arch): Transcript[] {
  let files: string[];
  try {
    files = [...Deno.readDirSync(`${folder}/transcripts/${arch}`)].map(({ name }) => name).sort();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
  return files.flatMap((file) => {
    const name = /^graph-(.+)\.txt$/.exec(file)?.[1];
    if (name === undefined) return [];
    const text = Deno.readTextFileSync(`${folder}/transcripts/${arch}/${file}`);
    const [, depth, roots = ""] = HEAD.exec(text) ?? [];
    if (depth === undefined) return [];
    const names = new Set(roots.split(" "));
    const trees = parseGraph(text).flatMap((task) => task.roots).filter((root) => names.has(root.fn));
    return [{ arch, name, depth: Number(depth), roots: names, trees }];
  });
}

/** The first `count` calls of trees, as a transcript that is cut short has them. */
export function firstCalls(trees: readonly CallTree[], count: number): CallTree[] {
  let left = count;
  const cut = (tree: CallTree): CallTree => {
    left--;
    const calls: CallTree[] = [];
    for (const call of tree.calls) {
      if (left <= 0) break;
      calls.push(cut(call));
    }
    return { ...tree, calls };
  };
  const taken: CallTree[] = [];
  for (const tree of trees) {
    if (left <= 0) break;
    taken.push(cut(tree));
  }
  return taken;
}

/** Calls in trees. */
export function callsIn(trees: readonly CallTree[]): number {
  return trees.reduce((sum, tree) => sum + 1 + callsIn(tree.calls), 0);
}
