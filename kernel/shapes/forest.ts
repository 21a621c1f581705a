/**
 * Recorded call trees in the making: equal subtrees are kept once. The compiler collects recordings in a forest and
 * encodes it; tests make small ones by hand.
 *
 * @module
 */

import type { Decision } from "../calls/decision.ts";
import type { Outcome, ShapeNode, ShapeSite, ValueRule } from "./node.ts";
import type { ShapeSource } from "./library.ts";

/** A call tree as handed in. */
export interface Tree {
  readonly fn: string;
  /** Nanoseconds of the function itself; NaN where unknown. */
  readonly self: number;
  /** True for a tree that is no recording of its function, only a part of others. */
  readonly part?: boolean;
  readonly outcome?: Outcome;
  readonly result?: ValueRule | undefined;
  readonly calls?: readonly Tree[];
  /** Site id of the call that made it (see `Forest.site`), -1 or absent where unknown. */
  readonly site?: number;
  /** Told the id of its node. */
  readonly added?: (id: number) => void;
}

interface Entry {
  readonly fn: number;
  readonly children: Int32Array;
  readonly sites: Int32Array;
  readonly outcome: Outcome;
  readonly result: ValueRule | undefined;
  /** Own time of all instances, summed. */
  selfSum: number;
  seen: number;
  /** Instances that count as recordings of the function. */
  count: number;
}

/** A set of call trees with shared subtrees. */
export class Forest implements ShapeSource {
  readonly #functions: string[] = [];
  readonly #ids = new Map<string, number>();
  readonly #entries: Entry[] = [];
  readonly #byKey = new Map<string, number>();
  readonly #instances: number[][] = [];
  readonly #siteList: ShapeSite[] = [];
  readonly #siteIds = new Map<string, number>();
  readonly #rules = new Map<string, readonly (ValueRule | undefined)[]>();
  readonly #decisions = new Map<number, Decision>();
  readonly #callCounts: number[] = [];
  #weights: Int32Array | undefined;

  /** Names of functions, by id. */
  get functions(): readonly string[] {
    return this.#functions;
  }

  /** Number of distinct subtrees. */
  get nodes(): number {
    return this.#entries.length;
  }

  /** Sites, by id. */
  get sites(): readonly ShapeSite[] {
    return this.#siteList;
  }

  /** Id of a function, made if new. */
  functionId(name: string): number {
    let id = this.#ids.get(name);
    if (id === undefined) {
      id = this.#functions.length;
      this.#functions.push(name);
      this.#ids.set(name, id);
      this.#instances.push([]);
    }
    return id;
  }

  /** Id of a call site, made if new. */
  siteId(site: ShapeSite): number {
    const key = JSON.stringify(site);
    let id = this.#siteIds.get(key);
    if (id === undefined) {
      id = this.#siteList.length;
      this.#siteList.push(site);
      this.#siteIds.set(key, id);
    }
    return id;
  }

  /** Adds a tree with all its subtrees; gives the id of its node. */
  add(tree: Tree): number {
    const calls = tree.calls ?? [];
    const children = Int32Array.from(calls, (call) => this.add(call));
    const sites = Int32Array.from(calls, (call) => call.site ?? -1);
    const fn = this.functionId(tree.fn);
    const outcome = tree.outcome ?? "unknown";
    const key = `${fn}|${outcome}|${JSON.stringify(tree.result ?? null)}|${children.join()}|${sites.join()}`;
    let id = this.#byKey.get(key);
    if (id === undefined) {
      id = this.#entries.length;
      this.#entries.push({
        fn,
        children,
        sites,
        outcome,
        result: tree.result,
        selfSum: 0,
        seen: 0,
        count: 0,
      });
      this.#byKey.set(key, id);
      this.#instances[fn]?.push(id);
    }
    const entry = this.#entries[id];
    if (entry !== undefined) {
      if (tree.self === tree.self) {
        entry.selfSum += tree.self;
        entry.seen++;
      }
      if (tree.part !== true) entry.count++;
    }
    this.#weights = undefined;
    tree.added?.(id);
    return id;
  }

  /** Sets the rules of the arguments that one function passes to another. */
  setArgumentRules(caller: string, callee: string, rules: readonly (ValueRule | undefined)[]): void {
    this.#rules.set(`${this.functionId(caller)} ${this.functionId(callee)}`, rules);
  }

  /** Sets what tells the variants of a function (its id) apart. */
  setDecision(fn: number, decision: Decision): void {
    this.#decisions.set(fn, decision);
  }

  /** See `ShapeSource`. */
  decision(fn: number): Decision | null {
    return this.#decisions.get(fn) ?? null;
  }

  /** All argument rules, by caller and callee, in order of ids. */
  allArgumentRules(): readonly {
    readonly caller: number;
    readonly callee: number;
    readonly rules: readonly (ValueRule | undefined)[];
  }[] {
    return [...this.#rules].map(([key, rules]) => {
      const [caller = "0", callee = "0"] = key.split(" ");
      return { caller: Number(caller), callee: Number(callee), rules };
    }).sort((a, b) => a.caller - b.caller || a.callee - b.callee);
  }

  /** See `ShapeSource`. */
  fn(id: number): number {
    return this.#entry(id).fn;
  }

  /** See `ShapeSource`. */
  weight(id: number): number {
    return this.#weight(id);
  }

  /** See `ShapeSource`. */
  calls(id: number): number {
    const known = this.#callCounts[id] ?? 0;
    if (known > 0) return known;
    const calls = this.#entry(id).children.reduce((sum, child) => sum + this.calls(child), 1);
    this.#callCounts[id] = calls;
    return calls;
  }

  /** See `ShapeSource`. */
  node(id: number): ShapeNode {
    const entry = this.#entry(id);
    return {
      id,
      fn: entry.fn,
      self: this.#self(entry),
      weight: this.#weight(id),
      count: entry.count,
      children: entry.children,
      sites: entry.sites,
      outcome: entry.outcome,
      result: entry.result,
    };
  }

  /** See `ShapeSource`. */
  instances(fn: number): readonly number[] {
    return this.#instances[fn] ?? [];
  }

  /** See `ShapeSource`. */
  site(id: number): ShapeSite {
    const site = this.#siteList[id];
    if (site === undefined) {
      throw new RangeError(`Cannot read site ${id}: there are ${this.#siteList.length}`);
    }
    return site;
  }

  /** See `ShapeSource`. */
  argumentRules(caller: number, callee: number): readonly (ValueRule | undefined)[] {
    return this.#rules.get(`${caller} ${callee}`) ?? [];
  }

  #entry(id: number): Entry {
    const entry = this.#entries[id];
    if (entry === undefined) {
      throw new RangeError(`Cannot read shape ${id}: there are ${this.#entries.length}`);
    }
    return entry;
  }

  #self(entry: Entry): number {
    return Math.max(1, Math.round(entry.selfSum / Math.max(1, entry.seen)));
  }

  #weight(id: number): number {
    const weights = this.#weights ??= new Int32Array(this.#entries.length);
    let weight = weights[id] ?? 0;
    if (weight === 0) {
      const entry = this.#entry(id);
      weight = this.#self(entry);
      for (const child of entry.children) weight += this.#weight(child);
      weights[id] = weight;
    }
    return weight;
  }
}
