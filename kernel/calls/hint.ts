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
export class Fitting {
  /** Counts of those left, summed up. */
  readonly cumulative: Float64Array;

  constructor(cumulative: Float64Array) {
    this.cumulative = cumulative;
  }

  /** Whether the variant of an index is left. */
  fits(index: number): boolean {
    const below = index === 0 ? 0 : this.cumulative[index - 1] as number;
    return this.cumulative[index] as number > below;
  }
}

/** What narrows a list of variants down, and what it left: lists are asked for the same things again and again. */
export class Fittings {
  readonly #nodes: readonly ShapeNode[];
  #known: Map<Decision | null, Map<VariantHint | null, Fitting | null>> | null = null;
  #lastDecision: Decision | null = null;
  #lastHint: VariantHint | null = null;
  #last: Fitting | null = null;

  /** `nodes` are in the order of their ids. */
  constructor(nodes: readonly ShapeNode[]) {
    this.#nodes = nodes;
  }

  /** Those that a hint means, and of them those that were recorded in such a situation; null: all of them. */
  of(hint: VariantHint | null, decision: Decision | null): Fitting | null {
    if (hint === this.#lastHint && decision === this.#lastDecision) return this.#last;
    const known = this.#known ??= new Map();
    let byHint = known.get(decision);
    if (byHint === undefined) {
      byHint = new Map();
      known.set(decision, byHint);
    }
    let found = byHint.get(hint);
    if (found === undefined) {
      found = fitting(this.#nodes, hint, decision);
      byHint.set(hint, found);
    }
    this.#lastHint = hint;
    this.#lastDecision = decision;
    this.#last = found;
    return found;
  }
}

function fitting(
  nodes: readonly ShapeNode[],
  hint: VariantHint | null,
  decision: Decision | null,
): Fitting | null {
  const meant = hint === null ? null : meantBy(hint, nodes);
  const counts = decision === null ? null : recordedCounts(nodes, meant, decision);
  if (meant === null && counts === null) return null;
  const cumulative = counts ?? new Float64Array(nodes.length);
  let sum = 0;
  for (let i = 0; i < nodes.length; i++) {
    if (counts !== null) sum += counts[i] as number;
    else if (meant?.[i] === 1) sum += (nodes[i] as ShapeNode).count;
    cumulative[i] = sum;
  }
  return new Fitting(cumulative);
}

/** 1 for each variant that reaches what is meant, or at least like things; null where none does. */
function meantBy(hint: VariantHint, nodes: readonly ShapeNode[]): Uint8Array | null {
  const ranks = new Uint8Array(nodes.length);
  let best = 0;
  for (let i = 0; i < nodes.length; i++) {
    const rank = hint.rank(nodes[i] as ShapeNode);
    ranks[i] = rank;
    if (rank > best) best = rank;
  }
  if (best < 2) return null;
  for (let i = 0; i < ranks.length; i++) ranks[i] = ranks[i] === best ? 1 : 0;
  return ranks;
}

/** How often each variant that is meant was recorded in the nearest situation in which any of them was. */
function recordedCounts(
  nodes: readonly ShapeNode[],
  meant: Uint8Array | null,
  decision: Decision,
): Float64Array | null {
  for (let at: Decision | null = decision; at !== null; at = at.parent) {
    let counts: Float64Array | null = null;
    // Both lists are in the order of ids.
    let i = 0;
    for (const { node, count } of at.variants) {
      while (i < nodes.length && (nodes[i] as ShapeNode).id < node) i++;
      if (i === nodes.length) break;
      if ((nodes[i] as ShapeNode).id !== node || (meant !== null && meant[i] === 0)) continue;
      counts ??= new Float64Array(nodes.length);
      counts[i] = count;
    }
    if (counts !== null) return counts;
  }
  return null;
}
