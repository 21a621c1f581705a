/**
 * The recorded call trees of one kernel: what the compiler in tools/ made of recordings, decoded function by function
 * as it is asked for.
 *
 * @module
 */

import { storeAt } from "./dense.ts";
import type { Decision } from "../calls/decision.ts";
import { EncodedShapes } from "./decode.ts";
import type { ShapeNode, ShapeSite, ValueRule } from "./node.ts";
export type { Outcome, ShapeNode, ShapeSite, ValueRule } from "./node.ts";

/** Where a library reads its contents: decoded bytes, or trees made by hand. */
export interface ShapeSource {
  /** Names of functions, by library id. */
  readonly functions: readonly string[];
  /** Nodes in all: ids are 0 to this, exclusive. */
  readonly nodes: number;
  node(id: number): ShapeNode;
  /** Function of a node. */
  fn(id: number): number;
  /** Nominal nanoseconds of a node's whole subtree. */
  weight(id: number): number;
  /** Calls in a node's subtree, itself included. */
  calls(id: number): number;
  /** Node ids of a function, by library id. */
  instances(fn: number): readonly number[];
  site(id: number): ShapeSite;
  /** Rules of the arguments of calls from one function to another, by library id; unknown ones are `undefined`. */
  argumentRules(caller: number, callee: number): readonly (ValueRule | undefined)[];
  /** What tells the variants of a function apart (library id); null where nothing does. */
  decision(fn: number): Decision | null;
}

const NOTHING: ShapeSource = {
  functions: [],
  nodes: 0,
  node: missing,
  fn: missing,
  weight: missing,
  calls: missing,
  instances: () => [],
  site: missing,
  argumentRules: () => [],
  decision: () => null,
};

/** Recorded call trees. Get one with `ShapeLibrary.decode`, or `ShapeLibrary.empty()` for a kernel without any. */
export class ShapeLibrary {
  readonly #source: ShapeSource;
  readonly #ids = new Map<string, number>();
  readonly #nodes: (ShapeNode | undefined)[] = [];
  readonly #sites: (ShapeSite | undefined)[] = [];
  readonly #nominal: Float64Array;

  constructor(source: ShapeSource) {
    this.#source = source;
    source.functions.forEach((name, id) => this.#ids.set(name, id));
    this.#nominal = new Float64Array(source.functions.length).fill(-1);
  }

  /** The library that the shape compiler wrote; no bytes: an empty one. Throws an Error where they are something else. */
  static decode(bytes: Uint8Array): ShapeLibrary {
    return bytes.length === 0 ? ShapeLibrary.empty() : new ShapeLibrary(new EncodedShapes(bytes));
  }

  /** A library that knows nothing. */
  static empty(): ShapeLibrary {
    return new ShapeLibrary(NOTHING);
  }

  /** Number of functions. */
  get functionCount(): number {
    return this.#source.functions.length;
  }

  /** Number of nodes. */
  get nodeCount(): number {
    return this.#source.nodes;
  }

  /** Names of all recorded functions, by id. */
  functionNames(): readonly string[] {
    return this.#source.functions;
  }

  /** Id of a function by its symbol, or -1. */
  functionId(name: string): number {
    return this.#ids.get(name) ?? -1;
  }

  /** Symbol of a function. */
  functionName(id: number): string {
    const name = this.#source.functions[id];
    if (name === undefined) {
      throw new RangeError(`Cannot name shape function ${id}: there are ${this.functionCount}`);
    }
    return name;
  }

  /** A recorded tree. */
  node(id: number): ShapeNode {
    let node = this.#nodes[id];
    if (node === undefined) {
      node = this.#source.node(id);
      storeAt(this.#nodes, id, node);
    }
    return node;
  }

  /** Library id of a node's function. */
  fnOf(id: number): number {
    return this.#source.fn(id);
  }

  /** Nominal nanoseconds of a node's whole subtree. */
  weightOf(id: number): number {
    return this.#source.weight(id);
  }

  /** Calls in a node's subtree, itself included. */
  callsIn(id: number): number {
    return this.#source.calls(id);
  }

  /** The recorded trees of a function, by ascending id. */
  instances(fn: number): readonly number[] {
    return fn < 0 ? [] : this.#source.instances(fn);
  }

  /** Mean nominal nanoseconds of a call; 0 for a function without recordings. */
  nominal(fn: number): number {
    if (fn < 0) return 0;
    let value = this.#nominal[fn] ?? 0;
    if (value < 0) {
      let weight = 0;
      let count = 0;
      for (const id of this.instances(fn)) {
        const node = this.node(id);
        weight += node.weight * node.count;
        count += node.count;
      }
      value = count === 0 ? 0 : Math.round(weight / count);
      this.#nominal[fn] = value;
    }
    return value;
  }

  /** A recorded way from caller to callee. */
  site(id: number): ShapeSite {
    let site = this.#sites[id];
    if (site === undefined) {
      site = this.#source.site(id);
      storeAt(this.#sites, id, site);
    }
    return site;
  }

  /** Rules for the arguments that `caller` passes to `callee` (library ids). */
  argumentRules(caller: number, callee: number): readonly (ValueRule | undefined)[] {
    return this.#source.argumentRules(caller, callee);
  }

  /** What tells the variants of a function apart (library id); null where nothing does. */
  decision(fn: number): Decision | null {
    return fn < 0 ? null : this.#source.decision(fn);
  }
}

function missing(): never {
  throw new RangeError("Cannot read a shape: the library is empty");
}
