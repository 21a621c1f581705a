/**
 * Calls whose time has not been worked out yet.
 *
 * What a recorded system call takes in all is known beforehand; how its time is spread over the calls inside, which
 * recorded variants fit them, and where they return to is needed only if somebody looks. So while nothing that is armed
 * can be hit, calls are merely listed. Whoever reads the clock, a stack or what is left of a budget settles: the list is
 * gone through as if each call had been followed when it was made. Most calls end without that.
 *
 * Settling later gives what following at once gives, because choices depend on keys, on the calls' arguments, and on the
 * task's hint and situation, which stay the same during a system call.
 *
 * @module
 */

import type { Task } from "../process/task.ts";
import type { Clock } from "../time/clock.ts";
import { mixKey } from "./choice.ts";
import { OWN_ARGUMENTS } from "./decision.ts";
import type { CallEngine } from "./engine.ts";
import { Frame, LEFT } from "./frame.ts";
import type { FrameMaker } from "./frame_maker.ts";
import type { KernelFunction } from "./kernel_function.ts";
import type { PlanFollower } from "./plan_follower.ts";
import type { ShapeWalker } from "./walker.ts";

/** Kinds of entries. */
const CALLED = 0;
/** A call of a function whose plan is its caller's: no recording shows it. */
const TRANSPARENT = 1;
const RETURNED = 2;
/** Time that a root call inside took. */
const PASSED = 3;

/** One root call. */
class Level {
  /** Index of its frame. */
  first = 0;
  /** Index of its first entry. */
  base = 0;
  /** Nanoseconds that it takes, with the root calls inside. */
  budget = 0;
}

/** The calls that one task has made since its root call began, whose time is still to be worked out. */
export class DeferredCalls {
  /** Whether calls are listed now. */
  active = false;
  readonly #engine: CallEngine;
  readonly #frames: FrameMaker;
  readonly #clock: Clock;
  readonly #plans: PlanFollower;
  readonly #walker: ShapeWalker;
  readonly #fns: KernelFunction[] = [];
  readonly #scratch: Frame[] = [];
  #kinds = new Uint8Array(256);
  #results = new Float64Array(256);
  #arguments = new Float64Array(256 * OWN_ARGUMENTS);
  #counts = new Uint8Array(256);
  #length = 0;
  #task: Task | null = null;
  /** The root calls that the task is in, outermost first: a page fault stands inside of the call that touches the page. */
  readonly #levels: Level[] = [];
  #depth = 0;
  /** When the outermost began. */
  #start = 0;

  constructor(
    engine: CallEngine,
    frames: FrameMaker,
    clock: Clock,
    plans: PlanFollower,
    walker: ShapeWalker,
  ) {
    this.#engine = engine;
    this.#frames = frames;
    this.#clock = clock;
    this.#plans = plans;
    this.#walker = walker;
  }

  /** Whether no interrupt comes within a root call of `budget` nanoseconds: one has to find where the task is. */
  fits(budget: number): boolean {
    const clock = this.#clock;
    if (!this.active) return clock.owed === 0 && clock.limit > clock.now + budget;
    let time = budget;
    for (let i = 0; i < this.#depth; i++) time += (this.#levels[i] as Level).budget;
    return clock.limit > this.#start + time;
  }

  /** The next call of `task` is a root call that takes `budget` nanoseconds. It may stand inside another one. */
  begin(task: Task, budget: number): void {
    if (!this.active) {
      this.active = true;
      this.#task = task;
      this.#length = 0;
      this.#depth = 0;
      this.#start = this.#clock.now;
      this.#clock.deferred = this;
    }
    const level = this.#levels[this.#depth] ??= new Level();
    this.#depth++;
    level.first = task.depth;
    level.base = this.#length;
    level.budget = budget;
  }

  /** The newest root call is done: its time has passed. */
  end(): void {
    if (!this.active) return;
    const { base, budget } = this.#levels[--this.#depth] as Level;
    if (this.#depth === 0) {
      this.#stop();
      this.#clock.now = this.#start + budget;
      return;
    }
    // The one around it lasts longer by that.
    this.#length = base;
    (this.#levels[this.#depth - 1] as Level).budget += budget;
    if (budget === 0) return;
    const at = this.#next();
    this.#kinds[at] = PASSED;
    this.#results[at] = budget;
  }

  /** A call was made. */
  called(frame: Frame, fn: KernelFunction, transparent: boolean): void {
    const at = this.#next();
    frame.listed = at;
    this.#kinds[at] = transparent ? TRANSPARENT : CALLED;
    this.#fns[at] = fn;
  }

  /** The newest call returned. */
  returned(frame: Frame, result: number): void {
    const at = this.#next();
    this.#kinds[at] = RETURNED;
    this.#results[at] = result;
    if (frame.fn.decides) this.#keepArguments(frame);
  }

  /** What a choice is made by must outlive the frame. */
  #keepArguments({ listed, nargs, words }: Frame): void {
    const args = this.#arguments;
    const count = nargs < OWN_ARGUMENTS ? nargs : OWN_ARGUMENTS;
    const start = listed * OWN_ARGUMENTS;
    for (let i = 0; i < count; i++) args[start + i] = words[i] as number;
    this.#counts[listed] = count;
  }

  /** Works out all that has been left open. Afterwards calls are followed as they are made. */
  settle(): void {
    const task = this.#task;
    if (!this.active || task === null) return;
    this.#stop();
    for (let i = 0; i < this.#depth; i++) {
      const level = this.#levels[i] as Level;
      const end = i + 1 < this.#depth ? (this.#levels[i + 1] as Level).base : this.#length;
      this.#settle(task, level.first, level.base, end);
    }
  }

  /** Those of one root call, whose frame has index `first`. */
  #settle(task: Task, first: number, start: number, end: number): void {
    const bottom = (task.frames[first - 1] as Frame).owner;
    const noting = this.#engine.armedCount > 0;
    let open = 0;
    for (let at = start; at < end; at++) {
      if (this.#kinds[at] === RETURNED) open--;
      else if (this.#kinds[at] !== PASSED) open++;
    }
    // Those that did not return have their arguments still.
    for (let i = 0; i < open; i++) this.#keepArguments(task.frames[first + i] as Frame);
    open = 0;
    for (let at = start; at < end; at++) {
      const kind = this.#kinds[at];
      if (kind === PASSED) this.#engine.spend(this.#results[at] as number);
      else if (kind === RETURNED) {
        const frame = this.#scratch[--open] as Frame;
        const result = this.#results[at] as number;
        if (frame.fn.behaviour === null) this.#walker.charge(task, frame);
        else if (frame.owner === frame) this.#plans.finish(task, frame, result);
        const owner = open > 0 ? (this.#scratch[open - 1] as Frame).owner : bottom;
        if (noting && owner.shape === null) owner.note(frame.fn.shape, result);
      } else {
        const caller = open > 0 ? this.#scratch[open - 1] as Frame : task.frames[first - 1] as Frame;
        const frame = this.#scratch[open] ??= new Frame();
        open++;
        this.#follow(task, caller, frame, at);
      }
    }
    for (let i = 0; i < open; i++) take(task.frames[first + i] as Frame, this.#scratch[i] as Frame);
  }

  /** What making a call comes to: see `FrameMaker.push`. */
  #follow(task: Task, caller: Frame, frame: Frame, at: number): void {
    const fn = this.#fns[at] as KernelFunction;
    const transparent = this.#kinds[at] === TRANSPARENT;
    const { owner } = caller;
    const step = transparent || owner.plan === null ? null : owner.plan.step(fn.shape);
    const plans = this.#plans;
    plans.reset();
    if (step !== null) plans.advance(task, owner, step);
    else if (!transparent) plans.unplanned(owner, fn);
    frame.fn = fn;
    frame.shape = null;
    frame.site = this.#frames.siteOf(caller, fn);
    frame.noted = 0;
    frame.repeating = 0;
    frame.made = 0;
    owner.made++;
    frame.key = mixKey(owner.key, Math.imul(owner.made, 31) ^ fn.hash);
    frame.words[LEFT] = plans.budget;
    frame.owner = transparent ? owner : frame;
    frame.plan = null;
    frame.variant = -1;
    if (fn.decides) {
      const start = at * OWN_ARGUMENTS;
      frame.nargs = this.#counts[at] as number;
      for (let i = 0; i < frame.nargs; i++) frame.words[i] = this.#arguments[start + i] as number;
    }
    if (!transparent) this.#frames.begin(frame, fn, owner.fn.shape);
    if (fn.behaviour === null) frame.variant = plans.node;
  }

  #next(): number {
    const at = this.#length++;
    if (at === this.#kinds.length) {
      const kinds = new Uint8Array(at * 2);
      kinds.set(this.#kinds);
      this.#kinds = kinds;
      const results = new Float64Array(at * 2);
      results.set(this.#results);
      this.#results = results;
      const args = new Float64Array(at * 2 * OWN_ARGUMENTS);
      args.set(this.#arguments);
      this.#arguments = args;
      const counts = new Uint8Array(at * 2);
      counts.set(this.#counts);
      this.#counts = counts;
    }
    return at;
  }

  #stop(): void {
    this.active = false;
    this.#clock.deferred = null;
  }
}

/** Gives a live frame what was worked out of it. */
function take(frame: Frame, worked: Frame): void {
  frame.caller = worked.caller;
  frame.decision = worked.decision;
  frame.plan = worked.plan;
  frame.base = null;
  frame.shape = null;
  frame.hooked = false;
  frame.traced = false;
  frame.passed = 0;
  frame.site = worked.site;
  frame.variant = worked.variant;
  frame.key = worked.key;
  frame.made = worked.made;
  frame.words[LEFT] = worked.words[LEFT] as number;
  frame.repeating = worked.repeating;
  for (let i = 0; i < 2 * worked.repeating; i++) frame.repeats[i] = worked.repeats[i] as number;
  frame.noted = 0;
  for (let i = 0; i < worked.noted; i++) {
    frame.note(worked.callees[i] as number, worked.results[i] as number);
  }
}
