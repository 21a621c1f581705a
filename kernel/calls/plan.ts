/**
 * How recorded variants of a function fit around the calls that its behaviour makes itself.
 *
 * A plan state says: after the explicit calls made so far, these variants are still possible, each with a position in
 * its list of calls. Stepping by the next explicit callee gives the next state. States and steps are made once per
 * function and reused by every call: a call that follows a known path costs one lookup.
 *
 * @module
 */

import type { ShapeLibrary, ShapeNode } from "../shapes/library.ts";
import { Fittings } from "./hint.ts";
import { OUTCOMES } from "./outcome.ts";
import type { Stretch } from "./stretch.ts";
import { Ways } from "./ways.ts";

/** What happens at an explicit call, for one variant of the state that the step leads to. */
export interface Segment {
  readonly node: ShapeNode;
  /** Position in the variant's calls at which the padding before the call starts. */
  readonly from: number;
  /** Position of the matched call, or the number of calls where the segment ends the function. */
  readonly to: number;
  /** Indices of the padded calls between `from` and `to`. */
  readonly pads: Int32Array;
  /** Nominal time of the padding: the calls and the function's own part. */
  readonly padWeight: number;
  /** Nominal time of the matched call's recorded subtree. */
  readonly callWeight: number;
  /** Nominal time of everything that comes after. */
  readonly restWeight: number;
  /** The matched call's subtree and site, -1 at the end. */
  readonly childNode: number;
  readonly childSite: number;
  /** Calls in the padding, subtrees included. */
  readonly padCalls: number;
  /** The padding as it is walked; null until it first is. */
  padding: Stretch | null;
  /** The arming for which `armed` was found out: whether something in the padding is. */
  armedAt: number;
  armed: boolean;
}

/** A way out of a state. */
export class PlanStep {
  readonly state: PlanState;
  /** Index of each variant of the old state in the new one, -1 where it doesn't fit. */
  readonly map: Int32Array;
  readonly #segments: (Segment | undefined)[] = [];
  readonly #make: (index: number) => Segment;

  /** `make` gives the segment of a variant of the new state; each is made when it is first followed. */
  constructor(state: PlanState, map: Int32Array, make: (index: number) => Segment) {
    this.state = state;
    this.map = map;
    this.#make = make;
  }

  /** What happens on the way for a variant of the new state. */
  segment(index: number): Segment {
    return this.#segments[index] ?? (this.#segments[index] = this.#make(index));
  }
}

/** After certain explicit calls: the variants that fit. */
export class PlanState {
  readonly nodes: readonly ShapeNode[];
  readonly positions: Int32Array;
  /** Counts summed up: for weighted choices. */
  readonly cumulative: Float64Array;
  /** The latest explicit callee (library id), -1 before the first. */
  readonly last: number;
  readonly #space: PlanSpace;
  /** Steps by callee, side by side: there are few, which are found sooner so than by hashing. */
  readonly #fns: number[] = [];
  readonly #steps: (PlanStep | null)[] = [];
  readonly #ends: (PlanStep | undefined)[] = [];
  /** What narrows its variants down. */
  readonly fittings: Fittings;

  constructor(space: PlanSpace, nodes: readonly ShapeNode[], positions: Int32Array, last: number) {
    this.#space = space;
    this.nodes = nodes;
    this.positions = positions;
    this.last = last;
    this.fittings = new Fittings(nodes);
    this.cumulative = new Float64Array(nodes.length);
    let sum = 0;
    for (let i = 0; i < nodes.length; i++) this.cumulative[i] = sum += (nodes[i] as ShapeNode).count;
  }

  /** Whether it is what the variants of `ways` come to by a call of `last`. */
  holds(ways: Ways, last: number): boolean {
    const { nodes, positions } = this;
    if (this.last !== last || nodes.length !== ways.nodes.length) return false;
    for (let i = 0; i < nodes.length; i++) {
      if (nodes[i] !== ways.nodes[i] || positions[i] !== ways.positionAfter(i)) return false;
    }
    return true;
  }

  /** The step for an explicit call of a function (library id); null where no variant shows one from here. */
  step(fn: number): PlanStep | null {
    const fns = this.#fns;
    for (let i = 0; i < fns.length; i++) if (fns[i] === fn) return this.#steps[i] as PlanStep | null;
    const step = this.#space.makeStep(this, fn);
    fns.push(fn);
    this.#steps.push(step);
    return step;
  }

  /** The step that ends the function with a result of the given outcome (its code). */
  end(outcome: number): PlanStep {
    let step = this.#ends[outcome];
    if (step === undefined) {
      step = this.#space.makeEnd(this, OUTCOMES[outcome] ?? "unknown");
      this.#ends[outcome] = step;
    }
    return step;
  }
}

/** All plans of one function with a behaviour. */
export class PlanSpace {
  readonly start: PlanState;
  readonly #library: ShapeLibrary;
  readonly #explicit: ReadonlySet<number>;
  readonly #modeled: (fn: number) => boolean;
  readonly #first: number;
  readonly #variants: Int32Array;
  /** States by a hash of what they hold: calls in a loop come back to the same ones. */
  readonly #states = new Map<number, PlanState[]>();
  /** By variant: nominal time of the calls before each of its calls, and of all. */
  readonly #before: (Float64Array | undefined)[] = [];

  /** `explicit`: callees that the behaviour calls itself; `modeled`: whether a function has a behaviour. */
  constructor(
    library: ShapeLibrary,
    fn: number,
    explicit: ReadonlySet<number>,
    modeled: (fn: number) => boolean,
  ) {
    this.#library = library;
    this.#modeled = modeled;
    this.#explicit = explicit;
    const ids = library.instances(fn);
    const nodes = ids.map((id) => library.node(id));
    this.start = new PlanState(this, nodes, new Int32Array(nodes.length), -1);
    this.#first = Math.min(...ids);
    this.#variants = new Int32Array(ids.length === 0 ? 0 : Math.max(...ids) - this.#first + 1).fill(-1);
    ids.forEach((id, i) => this.#variants[id - this.#first] = i);
  }

  /** Whether any variant makes a call of its own accord for which `test` holds. */
  pads(test: (node: number) => boolean): boolean {
    return this.start.nodes.some(({ children }) =>
      children.some((child) => !this.#explicit.has(this.#library.fnOf(child)) && test(child))
    );
  }

  /**
   * Where variants have calls of a function: `direct`: a step by it leads somewhere from every state; `within` others: that
   * depends on the state; `nowhere`: there is no step by it.
   */
  shows(fn: number): "direct" | "within" | "nowhere" {
    if (this.#isDirect(fn)) return "direct";
    return this.#modeled(fn) && this.start.nodes.some((node) => this.#findWithin(node, 0, fn) >= 0)
      ? "within"
      : "nowhere";
  }

  /** Index of a node among the variants of the start state, -1 where it is none. */
  variantOf(node: number): number {
    return node < this.#first ? -1 : this.#variants[node - this.#first] ?? -1;
  }

  /**
   * See `PlanState.step`: first variants whose next explicit call it is, then those that make it right after the latest
   * one elsewhere (the next round of a loop), then those that make it later, then any. Where recordings show a modeled
   * function only inside another call, the behaviour's call stands for that one: both would be two.
   */
  makeStep(state: PlanState, fn: number): PlanStep | null {
    const follows = (node: ShapeNode, before: number) => this.#follower(node, state.last, fn, before);
    return this.#advance(state, fn, (node, from) => this.#find(node, from, fn, false)) ??
      (state.last < 0 ? null : this.#jump(state, state.nodes, fn, follows) ??
        this.#jump(state, this.start.nodes, fn, follows)) ??
      this.#advance(state, fn, (node, from) => this.#find(node, from, fn, true)) ??
      (this.#modeled(fn) && !this.#isDirect(fn)
        ? this.#advance(state, fn, (node, from) => this.#findWithin(node, from, fn), fn)
        : this.#jump(state, this.start.nodes, fn, (node) => this.#find(node, 0, fn, true)));
  }

  /**
   * See `PlanState.end`: prefers variants with no explicit call left, then those that end after the same explicit call,
   * and among those the outcome.
   */
  makeEnd(state: PlanState, outcome: string): PlanStep {
    const done = (node: ShapeNode, from: number) =>
      this.#explicitFrom(node, from) < 0 ? node.children.length : -1;
    const same = (node: ShapeNode) => node.outcome === outcome || outcome === "unknown";
    const ends = (node: ShapeNode) => this.#lastCallee(node) === state.last ? node.children.length : -1;
    const endsSame = (node: ShapeNode) => same(node) ? ends(node) : -1;
    return this.#advance(state, -1, (node, from) => same(node) ? done(node, from) : -1) ??
      this.#jump(state, state.nodes, -1, endsSame) ??
      this.#jump(state, this.start.nodes, -1, endsSame) ??
      this.#advance(state, -1, (node, from) => done(node, from)) ??
      this.#jump(state, this.start.nodes, -1, ends) ??
      this.#advance(state, -1, (node) => same(node) ? node.children.length : -1) ??
      this.#advance(state, -1, (node) => node.children.length) ??
      new PlanStep(state, new Int32Array(0), (index) => this.#segment(state.nodes[index], 0, 0));
  }

  /** `inner`: the function whose tree inside the call at `to` is the matched one; -1: that call itself. */
  #advance(
    state: PlanState,
    fn: number,
    to: (node: ShapeNode, from: number) => number,
    inner = -1,
  ): PlanStep | null {
    const ways = new Ways();
    const { nodes, positions } = state;
    for (let i = 0; i < nodes.length; i++) {
      const node = nodes[i] as ShapeNode;
      const from = positions[i] as number;
      const at = to(node, from);
      if (at >= 0) ways.add(node, i, from, at);
    }
    return this.#step(state, fn, ways, inner);
  }

  /** A step to another place of variants: of the padding there, only what comes after the explicit call before it. */
  #jump(
    state: PlanState,
    nodes: readonly ShapeNode[],
    fn: number,
    to: (node: ShapeNode, before: number) => number,
  ): PlanStep | null {
    const ways = new Ways();
    // Both lists are in the order of ids.
    let next = 0;
    for (const node of nodes) {
      while (next < state.nodes.length && (state.nodes[next] as ShapeNode).id < node.id) next++;
      const old = state.nodes[next] === node ? next : -1;
      const at = to(node, old < 0 ? node.children.length : state.positions[old] as number);
      if (at >= 0) ways.add(node, old, this.#explicitBefore(node, at) + 1, at);
    }
    return this.#step(state, fn, ways, -1);
  }

  #step(state: PlanState, fn: number, ways: Ways, inner: number): PlanStep | null {
    if (ways.nodes.length === 0) return null;
    const map = new Int32Array(state.nodes.length).fill(-1);
    const { old } = ways;
    for (let i = 0; i < old.length; i++) if (old[i] as number >= 0) map[old[i] as number] = i;
    return new PlanStep(
      this.#state(ways, fn),
      map,
      (i) => this.#segment(ways.nodes[i], ways.from[i] ?? 0, ways.to[i] ?? 0, inner),
    );
  }

  #state(ways: Ways, last: number): PlanState {
    const hash = ways.hash(last);
    let states = this.#states.get(hash);
    if (states === undefined) this.#states.set(hash, states = []);
    let state = states.find((known) => known.holds(ways, last));
    if (state === undefined) {
      const positions = new Int32Array(ways.nodes.length);
      for (let i = 0; i < positions.length; i++) positions[i] = ways.positionAfter(i);
      state = new PlanState(this, ways.nodes, positions, last);
      states.push(state);
    }
    return state;
  }

  /** Where a variant calls `fn` right after explicit call `last`: at the latest place up to `before`, else the first. */
  #follower(node: ShapeNode, last: number, fn: number, before: number): number {
    let previous = -1;
    let found = -1;
    for (let i = 0; i < node.children.length; i++) {
      const callee = this.#calleeOf(node, i);
      if (callee === fn && previous === last && (found < 0 || i < before)) found = i;
      if (this.#explicit.has(callee)) previous = callee;
    }
    return found;
  }

  /** The last explicit callee of a variant, -1 where it has none. */
  #lastCallee(node: ShapeNode): number {
    const at = this.#explicitBefore(node, node.children.length);
    return at < 0 ? -1 : this.#calleeOf(node, at);
  }

  /** Position of the last explicit call before a position, -1 where there is none. */
  #explicitBefore(node: ShapeNode, position: number): number {
    let at = position - 1;
    while (at >= 0 && !this.#explicit.has(this.#calleeOf(node, at))) at--;
    return at;
  }

  #find(node: ShapeNode, from: number, fn: number, skip: boolean): number {
    for (let i = from; i < node.children.length; i++) {
      const callee = this.#calleeOf(node, i);
      if (callee === fn) return i;
      if (!skip && this.#explicit.has(callee)) return -1;
    }
    return -1;
  }

  #explicitFrom(node: ShapeNode, from: number): number {
    for (let i = from; i < node.children.length; i++) {
      if (this.#explicit.has(this.#calleeOf(node, i))) return i;
    }
    return -1;
  }

  #calleeOf(node: ShapeNode, index: number): number {
    return this.#library.fnOf(node.children[index] ?? 0);
  }

  /** Whether some variant calls a function directly. */
  #isDirect(fn: number): boolean {
    return this.start.nodes.some((node) => this.#find(node, 0, fn, true) >= 0);
  }

  #findWithin(node: ShapeNode, from: number, fn: number): number {
    for (let i = from; i < node.children.length; i++) {
      if (!this.#explicit.has(this.#calleeOf(node, i)) && this.#inside(node.children[i] ?? 0, fn) >= 0) {
        return i;
      }
    }
    return -1;
  }

  /** The first tree of a function in a recorded tree, -1 where it has none. */
  #inside(id: number, fn: number): number {
    for (const child of this.#library.node(id).children) {
      const found = this.#library.fnOf(child) === fn ? child : this.#inside(child, fn);
      if (found >= 0) return found;
    }
    return -1;
  }

  #segment(node: ShapeNode | undefined, from: number, to: number, inner = -1): Segment {
    if (node === undefined) {
      throw new RangeError("Cannot follow a recorded variant: the state has none of that index");
    }
    const library = this.#library;
    const pads: number[] = [];
    let padWeight = ownTime(node, from, to + 1);
    let padCalls = 0;
    for (let i = from; i < to; i++) {
      const child = node.children[i] ?? 0;
      if (this.#explicit.has(library.fnOf(child))) continue;
      pads.push(i);
      padWeight += library.weightOf(child);
      padCalls += library.callsIn(child);
    }
    const matched = to < node.children.length;
    return {
      node,
      from,
      to,
      pads: Int32Array.from(pads),
      padWeight,
      callWeight: matched ? library.weightOf(node.children[to] ?? 0) : 0,
      restWeight: matched ? ownTime(node, to + 1, node.children.length + 1) + this.#after(node, to) : 0,
      childNode: !matched
        ? -1
        : inner < 0
        ? node.children[to] ?? -1
        : this.#inside(node.children[to] ?? 0, inner),
      childSite: matched && inner < 0 ? node.sites[to] ?? -1 : -1,
      padCalls,
      padding: null,
      armedAt: 0,
      armed: false,
    };
  }

  /** Nominal time of a variant's calls after one of them. */
  #after(node: ShapeNode, index: number): number {
    const variant = this.variantOf(node.id);
    let before = this.#before[variant];
    if (before === undefined) {
      before = new Float64Array(node.children.length + 1);
      let sum = 0;
      for (let i = 0; i < node.children.length; i++) {
        sum += this.#library.weightOf(node.children[i] as number);
        before[i + 1] = sum;
      }
      this.#before[variant] = before;
    }
    return (before[node.children.length] as number) - (before[index + 1] as number);
  }
}

/**
 * The function's own nominal nanoseconds in the gaps `from` to `to` (exclusive). Its time is spread evenly: gap i comes
 * before call i, and gap n after the last of n calls.
 */
export function ownTime(node: ShapeNode, from: number, to: number): number {
  const gaps = node.children.length + 1;
  return Math.floor((node.self * to) / gaps) - Math.floor((node.self * from) / gaps);
}
