/**
 * What a system call is about, as far as it decides which recorded variants can be meant: the file it works on has
 * operations of its own, and a variant that reaches those of another kind of file is not its.
 *
 * @module
 */

import type { Decision } from "./decision.ts";
import type { ShapeLibrary, ShapeNode } from "../shapes/library.ts";

/** Bits of what a tree reaches. */
const OWN = 1;
const ALIKE = 2;
const FOREIGN = 4;
const KNOWN = 8;

/** Judges recorded trees by the operations that they reach. */
export class VariantHint {
  readonly #library: ShapeLibrary;
  readonly #kinds: Uint8Array;
  /** Per node: what it reaches. */
  readonly #reached: Uint8Array;

  /** `own`: library ids of the operations that are meant; `alike`: of those that are used in the same way; `foreign`: of all others. */
  constructor(
    library: ShapeLibrary,
    own: Iterable<number>,
    alike: Iterable<number>,
    foreign: Iterable<number>,
  ) {
    this.#library = library;
    this.#kinds = new Uint8Array(library.functionCount);
    this.#reached = new Uint8Array(library.nodeCount);
    for (const [kind, ids] of [[FOREIGN, foreign], [ALIKE, alike], [OWN, own]] as const) {
      for (const id of ids) if (id >= 0) this.#kinds[id] = kind;
    }
  }

  /** 3 for a tree that reaches the operations meant, 2 for like ones, 1 for none, 0 for other ones. */
  rank(node: ShapeNode): number {
    const reached = this.#reach(node.id);
    return (reached & FOREIGN) !== 0 ? 0 : (reached & OWN) !== 0 ? 3 : (reached & ALIKE) !== 0 ? 2 : 1;
  }

  #reach(id: number): number {
    const known = this.#reached[id] as number;
    if (known !== 0) return known;
    const node = this.#library.node(id);
    let reached = KNOWN | (this.#kinds[node.fn] as number);
    for (const child of node.children) reached |= this.#reach(child);
    this.#reached[id] = reached;
    return reached;
  }
}

/** Those of a list of variants that a hint and a decision leave. */
export interface Fitting {
  /** By index of the variant: whether it is left. */
  readonly fits: readonly boolean[];
  /** Counts of those left, summed up. */
  readonly cumulative: Float64Array;
}

/** What narrows a list of variants down, and what it left: lists are asked for the same things again and again. */
export class Fittings {
  readonly #nodes: readonly ShapeNode[];
  readonly #known = new Map<Decision | null, Map<VariantHint | null, Fitting | null>>();
  #lastDecision: Decision | null = null;
  #lastHint: VariantHint | null = null;
  #last: Fitting | null = null;
  #index: ReadonlyMap<number, number> | null = null;

  constructor(nodes: readonly ShapeNode[]) {
    this.#nodes = nodes;
  }

  /** Those that a hint means, and of them those that were recorded in such a situation; null: all of them. */
  of(hint: VariantHint | null, decision: Decision | null): Fitting | null {
    if (hint === this.#lastHint && decision === this.#lastDecision) return this.#last;
    let byHint = this.#known.get(decision);
    if (byHint === undefined) {
      byHint = new Map();
      this.#known.set(decision, byHint);
    }
    let found = byHint.get(hint);
    if (found === undefined) {
      found = fitting(this.#nodes, this.#indexes(), hint, decision);
      byHint.set(hint, found);
    }
    this.#lastHint = hint;
    this.#lastDecision = decision;
    this.#last = found;
    return found;
  }

  /** Where each variant stands in the list, by its id. */
  #indexes(): ReadonlyMap<number, number> {
    return this.#index ??= new Map(this.#nodes.map((node, i) => [node.id, i]));
  }
}

function fitting(
  nodes: readonly ShapeNode[],
  indexes: ReadonlyMap<number, number>,
  hint: VariantHint | null,
  decision: Decision | null,
): Fitting | null {
  const ranks = nodes.map((node) => hint === null ? 0 : hint.rank(node));
  const best = ranks.reduce((most, rank) => Math.max(most, rank), 0);
  const meant = nodes.map((_, i) => best < 2 || ranks[i] === best);
  const counts = decision === null ? null : recordedCounts(indexes, meant, decision);
  if (best < 2 && counts === null) return null;
  const cumulative = new Float64Array(nodes.length);
  let sum = 0;
  const fits = nodes.map((node, i) => {
    const count = counts === null ? (meant[i] === true ? node.count : 0) : counts[i] ?? 0;
    cumulative[i] = sum += count;
    return count > 0;
  });
  return { fits, cumulative };
}

/** How often each variant that is meant was recorded in the nearest situation in which any of them was. */
function recordedCounts(
  indexes: ReadonlyMap<number, number>,
  meant: readonly boolean[],
  decision: Decision,
): readonly number[] | null {
  for (let at: Decision | null = decision; at !== null; at = at.parent) {
    let counts: number[] | null = null;
    for (const { node, count } of at.variants) {
      const i = indexes.get(node);
      if (i === undefined || meant[i] !== true) continue;
      counts ??= Array<number>(meant.length).fill(0);
      counts[i] = count;
    }
    if (counts !== null) return counts;
  }
  return null;
}
