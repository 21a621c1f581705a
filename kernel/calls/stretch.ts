/**
 * Stretches of recorded calls as the walker goes through them: everything that structure alone tells, looked up once.
 *
 * @module
 */

import { storeAt } from "../shapes/dense.ts";
import type { ShapeLibrary, ShapeNode } from "../shapes/library.ts";
import type { FunctionTable } from "./function_table.ts";
import type { KernelFunction } from "./kernel_function.ts";
import { ownTime, type Segment } from "./plan.ts";
import { type Term, TermMaker } from "./terms.ts";

/** One call of a stretch that is walked: all that structure alone tells of it. */
export interface WalkStep {
  readonly child: ShapeNode;
  readonly callee: KernelFunction;
  readonly site: number;
  /** Arguments, over those of the frame that makes the call. */
  readonly args: readonly Term[];
  /** Nominal time of the stretch up to the call, and up to its return. */
  readonly begin: number;
  readonly end: number;
}

/** The calls of a whole recorded tree, or of a segment's padding. */
export interface Stretch {
  readonly steps: readonly WalkStep[];
  /** Nominal time of all of it. */
  readonly weight: number;
}

/** Makes the stretches of one kernel; each is made when it is first walked. */
export class StretchMaker {
  readonly #library: ShapeLibrary;
  readonly #functions: FunctionTable;
  readonly #terms: TermMaker;
  /** By node id. */
  readonly #trees: (Stretch | undefined)[] = [];

  constructor(library: ShapeLibrary, functions: FunctionTable) {
    this.#library = library;
    this.#functions = functions;
    this.#terms = TermMaker.of(library);
  }

  /** All calls of a recorded tree. */
  tree(node: ShapeNode): Stretch {
    let tree = this.#trees[node.id];
    if (tree === undefined) {
      const args = this.#terms.argumentsInShape(node);
      const calls = Int32Array.from(node.children, (_, i) => i);
      tree = this.#stretch(node, 0, calls, node.weight, (index) => args[index] ?? []);
      storeAt(this.#trees, node.id, tree);
    }
    return tree;
  }

  /** The padding of a segment of a plan of `caller` (library id). */
  padding(caller: number, segment: Segment): Stretch {
    if (segment.padding === null) {
      const { node, from, pads, padWeight } = segment;
      const args = (index: number) =>
        this.#terms.argumentsInBehaviour(caller, this.#library.fnOf(node.children[index] ?? 0));
      segment.padding = this.#stretch(node, from, pads, padWeight, args);
    }
    return segment.padding;
  }

  /** The calls of a node with these indices; time counts from the gap before call `from`. */
  #stretch(
    node: ShapeNode,
    from: number,
    calls: Int32Array,
    weight: number,
    args: (index: number) => readonly Term[],
  ): Stretch {
    let passed = 0;
    let position = from;
    const steps: WalkStep[] = [];
    for (const i of calls) {
      const child = this.#library.node(node.children[i] ?? 0);
      const begin = passed + ownTime(node, position, i + 1);
      passed = begin + child.weight;
      position = i + 1;
      steps.push({
        child,
        callee: this.#functions.byShape(child.fn),
        site: node.sites[i] ?? -1,
        args: args(i),
        begin,
        end: passed,
      });
    }
    return { steps, weight };
  }
}
