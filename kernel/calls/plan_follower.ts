/**
 * Follows plans: at each call of a behaviour, what the recordings show before it happens, and the callee gets its share of
 * the caller's time.
 *
 * @module
 */

import type { Task } from "../process/task.ts";
import { chooseByWeight, mixKey } from "./choice.ts";
import { decide } from "./decide.ts";
import type { CallEngine } from "./engine.ts";
import { type Frame, LEFT } from "./frame.ts";
import type { KernelFunction } from "./kernel_function.ts";
import { outcomeCode, UNKNOWN } from "./outcome.ts";
import type { PlanStep, Segment } from "./plan.ts";
import type { ShapeLibrary } from "../shapes/library.ts";
import type { ShapeWalker } from "./walker.ts";

/** Moves frames along their plans. One object serves all calls: what it says of a call is read before the next. */
export class PlanFollower {
  /** The recorded subtree of the call being made, -1 where no recording shows it. */
  node = -1;
  /** Its recorded call site, or -1. */
  site = -1;
  /** Its nanoseconds, NaN for the nominal time. */
  budget = NaN;

  readonly #engine: CallEngine;
  readonly #library: ShapeLibrary;
  readonly #walker: ShapeWalker;

  constructor(engine: CallEngine, walker: ShapeWalker) {
    this.#engine = engine;
    this.#library = engine.shapes;
    this.#walker = walker;
  }

  /** Before a call: nothing is known of it. */
  reset(): void {
    this.node = -1;
    this.site = -1;
    this.budget = NaN;
  }

  /** A call that no recording shows there: it takes a share of the budget by its usual weight. */
  unplanned(owner: Frame, fn: KernelFunction): void {
    const words = owner.words;
    const left = words[LEFT] as number;
    if (left !== left) return;
    // Where nothing tells what else the caller does, a callee gets half of what is left.
    this.budget = owner.plan === null
      ? Math.floor(left / 2)
      : Math.floor(share(left, fn.nominal, this.#restOf(owner)));
    words[LEFT] = left - this.budget;
  }

  /** Steps the owner's plan to an explicit call: pads, charges, and says what the recordings know of the callee. */
  advance(task: Task, owner: Frame, step: PlanStep): void {
    const segment = this.#follow(task, owner, step);
    this.#pad(task, owner, segment);
    this.node = segment.childNode;
    this.site = segment.childSite;
    const words = owner.words;
    const left = words[LEFT] as number;
    if (left === left) {
      this.budget = Math.floor(share(left, segment.callWeight, segment.restWeight));
      words[LEFT] = left - this.budget;
    }
  }

  /** A call ends with a result: the padding after its last call happens, and what is left of its budget passes. */
  finish(task: Task, frame: Frame, result: number): void {
    const plan = frame.plan;
    if (plan !== null) this.#pad(task, frame, this.#follow(task, frame, plan.end(outcomeCode(result))));
    const left = frame.words[LEFT] as number;
    if (left === left) this.#engine.spend(left);
  }

  /** Takes a step: keeps the variant where it still fits, else chooses among those that do and that the call can mean. */
  #follow(task: Task, owner: Frame, step: PlanStep): Segment {
    const { state } = step;
    let index = owner.variant < 0 ? -1 : step.map[owner.variant] ?? -1;
    if (state.nodes.length === 1) index = 0;
    else {
      if (owner.decision === undefined) owner.decision = decide(this.#library, task, owner);
      const fitting = state.fittings.of(task.hint, owner.decision);
      if (index < 0 || (fitting !== null && !fitting.fits(index))) {
        const cumulative = fitting === null ? state.cumulative : fitting.cumulative;
        index = chooseByWeight(cumulative, mixKey(owner.key, owner.made));
      }
    }
    owner.plan = state;
    owner.variant = index;
    return step.segment(index);
  }

  /** Nominal time of all that the recordings show after the calls made so far. */
  #restOf(owner: Frame): number {
    const plan = owner.plan;
    if (plan === null) return 0;
    const end = plan.end(UNKNOWN);
    const index = owner.variant < 0 ? 0 : end.map[owner.variant] ?? 0;
    return end.segment(index < 0 ? 0 : index).padWeight;
  }

  /** Charges a segment's padding, walking what is armed in it. */
  #pad(task: Task, owner: Frame, segment: Segment): void {
    const engine = this.#engine;
    const left = owner.words[LEFT] as number;
    let time = segment.padWeight;
    if (left === left) {
      time = Math.floor(share(left, segment.padWeight, segment.callWeight + segment.restWeight));
      owner.words[LEFT] = left - time;
    }
    if (engine.armedCount === 0 && !this.#walker.interruptedWithin(time)) {
      engine.spend(time);
      engine.stats.accounted += segment.padCalls;
    } else this.#walker.pad(task, owner, segment, time);
  }
}

/** `weight`'s part of `left`, where `rest` comes after it. */
function share(left: number, weight: number, rest: number): number {
  const all = weight + rest;
  return all <= 0 ? 0 : Math.min(left, (left * weight) / all);
}
