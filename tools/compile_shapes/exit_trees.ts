/**
 * Makes call trees of what only an args recording shows: work on the way back to user space, page faults outside
 * system calls. Where a function_graph recording knows the same calls elsewhere, their unprobed calls come from there.
 *
 * @module
 */

import type { TaskData } from "./args_trees.ts";
import type { CallData, CallTree, TaskTrees } from "./call_tree.ts";

/** Completes args trees by what function_graph trees show of the same functions. */
export class TreeDresser {
  readonly #known: ReadonlySet<string>;
  /** Trees by function and the probed calls below. */
  readonly #patterns = new Map<string, CallTree>();

  /** `known`: functions that the args recordings probed. */
  constructor(graph: readonly TaskTrees[], known: ReadonlySet<string>) {
    this.#known = known;
    for (const task of graph) task.roots.forEach((root) => this.#learn(root));
  }

  /** Trees of the roots that are none in the function_graph recording. */
  dress(tasks: readonly TaskData[], graphRoots: ReadonlySet<string>): TaskTrees[] {
    return tasks.map((task) => ({
      task: task.task,
      roots: task.roots.filter((root) => !graphRoots.has(root.fn)).map((root) => this.#tree(root)),
    })).filter((task) => task.roots.length > 0);
  }

  #learn(tree: CallTree): void {
    if (tree.broken) return;
    for (const call of tree.calls) this.#learn(call);
    if (!this.#known.has(tree.fn)) return;
    const key = this.#key(tree.fn, this.#probed(tree.calls).map((call) => call.fn));
    if (!this.#patterns.has(key)) this.#patterns.set(key, tree);
  }

  #tree(data: CallData): CallTree {
    const pattern = this.#patterns.get(this.#key(data.fn, data.calls.map((call) => call.fn)));
    const queue = [...data.calls];
    const calls = pattern === undefined
      ? queue.map((call) => this.#tree(call))
      : this.#fill(pattern.calls, queue);
    return { fn: data.fn, calls, total: NaN, broken: false, data };
  }

  #fill(pattern: readonly CallTree[], queue: CallData[]): CallTree[] {
    return pattern.map((call) => {
      if (!this.#known.has(call.fn)) {
        return { fn: call.fn, calls: this.#fill(call.calls, queue), total: NaN, broken: false, data: null };
      }
      const data = queue.shift();
      return data === undefined ? call : this.#tree(data);
    });
  }

  #probed(calls: readonly CallTree[]): CallTree[] {
    return calls.flatMap((call) => this.#known.has(call.fn) ? [call] : this.#probed(call.calls));
  }

  #key(fn: string, calls: readonly string[]): string {
    return `${fn}:${calls.join()}`;
  }
}
