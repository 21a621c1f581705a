/**
 * Runs recorded subtrees: charged in one step where nothing in them is armed, else walked call by call. Either way the
 * same virtual time passes.
 *
 * @module
 */

import type { Kernel } from "../kernel.ts";
import type { Task } from "../process/task.ts";
import type { ShapeLibrary, ShapeNode } from "../shapes/library.ts";
import { chooseByWeight, mixKey } from "./choice.ts";
import { decide } from "./decide.ts";
import type { CallEngine } from "./engine.ts";
import { Frame, LEFT } from "./frame.ts";
import { Fittings } from "./hint.ts";
import { outcomeCode, OUTCOMES } from "./outcome.ts";
import type { Segment } from "./plan.ts";
import { supplyArguments } from "./supply.ts";
import { RuleEvaluator } from "./rules.ts";
import { type Stretch, StretchMaker, type WalkStep } from "./stretch.ts";

interface Choices {
  readonly nodes: readonly ShapeNode[];
  readonly cumulative: Float64Array;
  readonly fittings: Fittings;
}

/** Walks and charges recorded subtrees for one engine. */
export class ShapeWalker {
  readonly #k: Kernel;
  readonly #engine: CallEngine;
  readonly #library: ShapeLibrary;
  /** Per node: the arming generation for which `#inside` holds. */
  readonly #checked: Int32Array;
  /** Per node: 1 where an armed function is in its subtree (itself included). */
  readonly #inside: Uint8Array;
  readonly #armedFns: Uint8Array;
  #armedAt = 0;
  readonly #rules: RuleEvaluator;
  readonly #scratch = new Frame();
  readonly #stretches: StretchMaker;
  /** By function and outcome. */
  readonly #choices = new Map<number, Choices>();

  constructor(k: Kernel, engine: CallEngine) {
    this.#k = k;
    this.#engine = engine;
    this.#library = engine.shapes;
    this.#rules = new RuleEvaluator(k, engine.shapes);
    this.#stretches = new StretchMaker(engine.shapes, engine.functions);
    this.#checked = new Int32Array(engine.shapes.nodeCount);
    this.#inside = new Uint8Array(engine.shapes.nodeCount);
    this.#armedFns = new Uint8Array(engine.shapes.functionCount);
  }

  /**
   * A recorded subtree for a call: of those with a result of the class of `expect` (NaN: any), one that was recorded in
   * such a situation.
   */
  choose(task: Task, frame: Frame, expect: number): number {
    const fn = frame.fn.shape;
    const outcome = outcomeCode(expect);
    const key = fn * OUTCOMES.length + outcome;
    let choices = this.#choices.get(key);
    if (choices === undefined) {
      choices = this.#choicesOf(fn, OUTCOMES[outcome] ?? "unknown");
      this.#choices.set(key, choices);
    }
    const { nodes } = choices;
    if (nodes.length <= 1) return nodes[0]?.id ?? -1;
    const fitting = choices.fittings.of(task.hint, decide(this.#library, task, frame));
    return nodes[chooseByWeight((fitting ?? choices).cumulative, mixKey(frame.key, fn))]?.id ?? -1;
  }

  #choicesOf(fn: number, outcome: string): Choices {
    const all = this.#library.instances(fn).map((id) => this.#library.node(id));
    const fitting = outcome === "unknown" ? all : all.filter((node) => node.outcome === outcome);
    const nodes = fitting.length > 0 ? fitting : all;
    const cumulative = new Float64Array(nodes.length);
    let sum = 0;
    nodes.forEach((node, i) => cumulative[i] = sum += node.count);
    return { nodes, cumulative, fittings: new Fittings(nodes) };
  }

  /** Whether something is armed in a subtree. */
  armedIn(id: number): boolean {
    const engine = this.#engine;
    if (engine.armedCount === 0) return false;
    const generation = engine.armedGeneration;
    if (this.#armedAt !== generation) {
      this.#armedAt = generation;
      this.#armedFns.fill(0);
      for (const fn of engine.hookedFunctions()) if (fn.shape >= 0) this.#armedFns[fn.shape] = 1;
    }
    if (this.#checked[id] === generation) return this.#inside[id] === 1;
    const node = this.#library.node(id);
    let inside = this.#armedFns[node.fn] === 1;
    for (let i = 0; !inside && i < node.children.length; i++) inside = this.armedIn(node.children[i] ?? 0);
    this.#checked[id] = generation;
    this.#inside[id] = inside ? 1 : 0;
    return inside;
  }

  /**
   * Runs a shaped call whose frame is pushed: `budget` nanoseconds, or its nominal time for NaN. Pops the frame and
   * gives the result, NaN where nothing determines it or, but for a hooked return, nobody wants it.
   */
  run(task: Task, frame: Frame, depth: number, node: ShapeNode, budget: number, wanted = true): number {
    const engine = this.#engine;
    const time = budget === budget ? budget : node.weight;
    const start = this.#now();
    frame.shape = node;
    if (frame.watched && !engine.enterArmed(task, frame) && !engine.diversions.proceeds(frame)) {
      frame.words[LEFT] = time;
      return engine.diversions.now(task, frame, depth);
    }
    if (this.armedIn(node.id) || this.interruptedWithin(time)) {
      this.#walk(task, frame, this.#stretches.tree(node), false, time);
    } else {
      engine.stats.accounted += this.#library.callsIn(node.id) - 1;
    }
    this.#spendUntil(start + time);
    const asked = wanted || frame.hooked || (frame.traced && frame.fn.tracer?.results === true);
    const result = asked ? this.#rules.result(node, frame) : NaN;
    return engine.finish(task, frame, depth, result);
  }

  /** Lets the time of a shaped call pass in which nothing is armed. `frame.variant` is its recorded tree, or -1. */
  charge(task: Task, frame: Frame): void {
    const { fn } = frame;
    const left = frame.words[LEFT] as number;
    let id = frame.variant;
    if (id < 0 && fn.shape >= 0) id = this.choose(task, frame, NaN);
    if (id >= 0) {
      this.#engine.spend(left === left ? left : this.#library.weightOf(id));
      this.#engine.stats.accounted += this.#library.callsIn(id) - 1;
    } else if (left === left && frame.owner === frame) this.#engine.spend(left);
  }

  /** A recorded call of a function that stands for all as far as the result goes; if there are any and they agree. */
  sameResult(fn: number): ShapeNode | "none" | "differs" {
    const ids = this.#library.instances(fn);
    if (ids.length === 0) return "none";
    const first = this.#library.node(ids[0] as number);
    const rule = JSON.stringify(first.result);
    // What comes from calls inside depends on which those are.
    const same = first.result?.from !== "result" &&
      ids.every((id) => JSON.stringify(this.#library.node(id).result) === rule);
    return same ? first : "differs";
  }

  /** The result of a recorded call that `frame` is. */
  result(node: ShapeNode, frame: Frame): number {
    return this.#rules.result(node, frame);
  }

  /** Runs the padding of a segment of a behaviour's plan in exactly `time` nanoseconds. */
  pad(task: Task, owner: Frame, segment: Segment, time: number): void {
    const start = this.#now();
    const { hooks } = owner.fn;
    const armed = hooks !== null && hooks.offsets.length > 0 || this.#armedInPadding(segment);
    if (armed || this.interruptedWithin(time)) {
      this.#walk(task, owner, this.#stretches.padding(owner.fn.shape, segment), true, time);
    } else {
      this.#engine.stats.accounted += segment.padCalls;
    }
    this.#spendUntil(start + time);
  }

  /** Whether something is armed in a segment's padding. */
  #armedInPadding(segment: Segment): boolean {
    const generation = this.#engine.armedGeneration;
    if (segment.armedAt !== generation) {
      segment.armedAt = generation;
      segment.armed = segment.pads.some((at) => this.armedIn(segment.node.children[at] ?? 0));
    }
    return segment.armed;
  }

  /** Makes the calls of a stretch under `frame` in `time`. `noting`: the frame is a behaviour's. */
  #walk(task: Task, frame: Frame, stretch: Stretch, noting: boolean, time: number): void {
    const engine = this.#engine;
    const { steps, weight } = stretch;
    const start = this.#now();
    for (let i = 0; i < steps.length; i++) {
      const step = steps[i] as WalkStep;
      const { child, callee, site } = step;
      const begin = start + part(time, step.begin, weight);
      const end = start + part(time, step.end, weight);
      this.#spendUntil(begin);
      if (this.armedIn(child.id) || this.interruptedWithin(end - begin)) {
        const called = engine.pushShaped(task, callee, site);
        this.#rules.pass(step.args, frame, called);
        if (callee.watched) supplyArguments(this.#k, frame, called);
        // A behaviour's frame notes what its calls returned; the rules of a recorded tree work it out themselves.
        this.run(task, called, task.depth, child, end - begin, noting);
      } else {
        engine.notePass(frame, callee, site);
        engine.stats.accounted += this.#library.callsIn(child.id);
        this.#spendUntil(end);
        if (noting) frame.note(child.fn, this.#padResult(frame, step));
      }
    }
  }

  /** The result of a padded call that isn't walked. */
  #padResult(frame: Frame, { child, args }: WalkStep): number {
    if (child.result === undefined) return NaN;
    if (child.result.from !== "constant") this.#rules.pass(args, frame, this.#scratch);
    return this.#rules.result(child, this.#scratch);
  }

  /** Whether an interrupt comes within `ns`: it has to find the call that the task is in. */
  interruptedWithin(ns: number): boolean {
    const { clock } = this.#k;
    return clock.limit !== Infinity && clock.limit <= clock.now + ns;
  }

  /** The running code's own time: interrupts that came in between don't count. */
  #now(): number {
    const { clock } = this.#k;
    return clock.now - clock.stolen;
  }

  #spendUntil(end: number): void {
    this.#engine.spend(end - this.#now());
  }
}

/** The time that has passed after `passed` of `weight`, of `time` in all. */
function part(time: number, passed: number, weight: number): number {
  return weight <= 0 ? 0 : Math.floor((time * passed) / weight);
}
