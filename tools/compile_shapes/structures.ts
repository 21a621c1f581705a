/**
 * Puts equal call trees together by structure: same function, same calls, whatever they returned. Trees that an
 * interrupt or the recording's end broke are replaced by whole ones that begin the same way.
 *
 * @module
 */

import { type CallTree, type ReturnPlace, selfOf } from "./call_tree.ts";
import { placeKey } from "./edge_sites.ts";

/** Trees of one structure. */
export interface Structure {
  readonly id: number;
  readonly fn: string;
  readonly calls: readonly number[];
  /** Own times seen, nanoseconds as recorded. */
  readonly selfs: number[];
  /** Results seen, by class. */
  readonly outcomes: Map<string, number>;
  /** Results seen, by value; undefined once there are many. */
  readonly results: Map<number, number>;
  /** Return places seen, per call. */
  readonly places: Map<string, { readonly place: ReturnPlace; count: number }>[];
  /** Whole trees seen. */
  count: number;
}

/** More results than this are no constant. */
const MAX_RESULTS = 8;

/** Collects structures. Add the whole trees first, then those with broken parts. */
export class Structures {
  readonly list: Structure[] = [];
  readonly #byKey = new Map<string, number>();
  readonly #byFn = new Map<string, Structure[]>();
  readonly #ofTree = new Map<CallTree, number>();

  constructor(private readonly outcomeOf: (tree: CallTree) => string) {}

  /** Structures of a function. */
  of(fn: string): readonly Structure[] {
    return this.#byFn.get(fn) ?? [];
  }

  /** The structure that a tree was given. */
  ofTree(tree: CallTree): Structure {
    const structure = this.list[this.#ofTree.get(tree) ?? -1];
    if (structure === undefined) {
      throw new Error(`Cannot find the structure of a "${tree.fn}" call: it was not added`);
    }
    return structure;
  }

  /** Adds every whole tree: without broken parts. Gives whether this one is. */
  addWhole(tree: CallTree): boolean {
    let whole = !tree.broken;
    for (const call of tree.calls) if (!this.addWhole(call)) whole = false;
    if (whole) this.#put(tree, true);
    return whole;
  }

  /** Adds what `addWhole` left out. */
  addBroken(tree: CallTree): void {
    if (this.#ofTree.has(tree)) return;
    for (const call of tree.calls) this.addBroken(call);
    if (!tree.broken) {
      this.#put(tree, true);
      return;
    }
    const replacement = this.#wholeLike(tree);
    if (replacement === undefined) this.#put(tree, false);
    else this.#ofTree.set(tree, replacement.id);
  }

  #put(tree: CallTree, whole: boolean): void {
    const calls = tree.calls.map((call) => this.#ofTree.get(call) ?? 0);
    const key = `${tree.fn}|${calls.join()}`;
    let id = this.#byKey.get(key);
    if (id === undefined) {
      id = this.list.length;
      const made: Structure = {
        id,
        fn: tree.fn,
        calls,
        selfs: [],
        outcomes: new Map(),
        results: new Map(),
        places: calls.map(() => new Map()),
        count: 0,
      };
      this.list.push(made);
      this.#byKey.set(key, id);
      const list = this.#byFn.get(tree.fn);
      if (list === undefined) this.#byFn.set(tree.fn, [made]);
      else list.push(made);
    }
    this.#ofTree.set(tree, id);
    const structure = this.list[id];
    if (structure !== undefined && whole) this.#note(structure, tree);
  }

  #note(structure: Structure, tree: CallTree): void {
    structure.count++;
    const self = selfOf(tree);
    if (self === self && structure.selfs.length < 64) structure.selfs.push(self);
    const outcome = this.outcomeOf(tree);
    if (outcome !== "unknown") {
      structure.outcomes.set(outcome, (structure.outcomes.get(outcome) ?? 0) + 1);
      const result = tree.data?.result ?? NaN;
      if (structure.results.size <= MAX_RESULTS) {
        structure.results.set(result, (structure.results.get(result) ?? 0) + 1);
      }
    }
    tree.calls.forEach((call, i) => {
      const place = call.data?.place;
      const places = structure.places[i];
      if (place === undefined || places === undefined) return;
      const seen = places.get(placeKey(place));
      if (seen === undefined) places.set(placeKey(place), { place, count: 1 });
      else seen.count++;
    });
  }

  /** The commonest whole structure of a broken tree's function whose calls begin as the tree's do. */
  #wholeLike(tree: CallTree): Structure | undefined {
    let best: Structure | undefined;
    for (const structure of this.of(tree.fn)) {
      if (structure.count === 0 || structure.calls.length < tree.calls.length) continue;
      const fits = tree.calls.every((call, i) => this.list[structure.calls[i] ?? -1]?.fn === call.fn);
      if (fits && (best === undefined || structure.count > best.count)) best = structure;
    }
    return best;
  }
}
