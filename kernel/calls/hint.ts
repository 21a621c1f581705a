/**
 * What a system call is about, as far as it decides which recorded variants can be meant: the file it works on has
 * operations of its own, and a variant that reaches those of another kind of file is not its.
 *
 * @module
 */

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

/** Those of a list of variants that a hint leaves. */
export interface Fitting {
  readonly hint: VariantHint;
  /** By index of the variant: whether it is left. */
  readonly fits: readonly boolean[];
  /** Counts of those left, summed up. */
  readonly cumulative: Float64Array;
}

/** The variants that a hint means; null where it tells none from the others. */
export function fitting(nodes: readonly ShapeNode[], hint: VariantHint): Fitting | null {
  const ranks = nodes.map((node) => hint.rank(node));
  const best = ranks.reduce((most, rank) => Math.max(most, rank), 0);
  if (best < 2) return null;
  const cumulative = new Float64Array(nodes.length);
  let sum = 0;
  nodes.forEach((node, i) => cumulative[i] = sum += ranks[i] === best ? node.count : 0);
  return { hint, fits: ranks.map((rank) => rank === best), cumulative };
}
