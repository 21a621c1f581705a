/**
 * Makes the frames of calls: from the newest frame of a task, along its plan, with the call site that the recordings or
 * the caller's text show.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import type { Kernel } from "../kernel.ts";
import type { Task } from "../process/task.ts";
import { mixKey } from "./choice.ts";
import { DeferredCalls } from "./deferred.ts";
import type { CallEngine } from "./engine.ts";
import { explicitCallees } from "./explicit.ts";
import { Frame, LEFT, SP } from "./frame.ts";
import { hashName, type KernelFunction } from "./kernel_function.ts";
import { ASK, FOLLOWED, FOLLOWED_IF_ASKED, INLINE, LISTED, TRANSPARENT } from "./listing.ts";
import { PlanSpace } from "./plan.ts";
import type { PlanFollower } from "./plan_follower.ts";
import { DIVERTED, INLINED, type SiteTable } from "./sites.ts";
import type { ShapeWalker } from "./walker.ts";

/** Makes frames for one engine. */
export class FrameMaker {
  /** Calls whose time is left open. */
  readonly deferred: DeferredCalls;
  readonly #engine: CallEngine;
  readonly #sites: SiteTable;
  readonly #plans: PlanFollower;
  readonly #walker: ShapeWalker;
  /** Key of a call that stands on no other. */
  readonly #seedKey: number;
  /** Nobody looks at the result of the call that is about to be made. */
  unasked = false;
  /** Frames that no task has. */
  readonly #free: Frame[] = [];

  constructor(k: Kernel, engine: CallEngine, sites: SiteTable, plans: PlanFollower, walker: ShapeWalker) {
    this.#engine = engine;
    this.#sites = sites;
    this.#plans = plans;
    this.#walker = walker;
    this.#seedKey = mixKey(hashName("calls"), k.seed);
    this.deferred = new DeferredCalls(engine, this, k.clock, plans, walker);
  }

  /**
   * Makes the frame of a call from the newest frame, following its plan. Null
   * where the caller's text has the callee inlined: the body then runs as part of the caller.
   */
  push(task: Task, fn: KernelFunction): Frame | null {
    const caller = task.depth === 0 ? undefined : task.frames[task.depth - 1];
    const plans = this.#plans;
    plans.reset();
    const { unasked } = this;
    this.unasked = false;
    if (caller === undefined) {
      const root = this.at(task, undefined, fn, -1);
      root.base = NO_RETURNS;
      root.key = this.#seedKey;
      root.owner = root;
      this.begin(root, fn, -1);
      return root;
    }
    const owner = caller.owner;
    if (this.deferred.active) {
      const { listing } = caller.fn;
      const generation = this.#engine.armedGeneration;
      let kind = listing.of(fn, owner.fn, generation);
      if (kind === ASK) listing.keep(fn, kind = this.#listingOf(caller.fn, owner.fn, fn));
      if (kind >= FOLLOWED_IF_ASKED && unasked) kind -= FOLLOWED_IF_ASKED;
      if (kind === INLINE) return null;
      if (kind < FOLLOWED) return this.#list(task, caller, fn, kind === TRANSPARENT);
      this.deferred.settle();
      plans.reset();
    }
    const transparent = isTransparent(owner.fn, fn);
    const step = transparent || owner.plan === null ? null : owner.plan.step(fn.shape);
    if (step === null && this.#inlines(caller.fn, owner.fn, fn)) return null;
    if (step !== null) plans.advance(task, owner, step);
    else if (!transparent) plans.unplanned(owner, fn);
    const site = this.siteOf(caller, fn);
    const skipped = caller.fn.hooks !== null && this.#pass(caller, fn, site);
    const frame = this.at(task, caller, fn, site);
    if (skipped) frame.skipped = frame.watched = true;
    owner.made++;
    frame.key = mixKey(owner.key, Math.imul(owner.made, 31) ^ fn.hash);
    frame.words[LEFT] = plans.budget;
    if (transparent) {
      frame.owner = owner;
      frame.plan = null;
    } else {
      frame.owner = frame;
      this.begin(frame, fn, owner.fn.shape);
    }
    return frame;
  }

  /** The site of a call that `caller` makes, after its owner's plan was asked: recorded, else the text's next one. */
  siteOf(caller: Frame, fn: KernelFunction): number {
    const { site } = this.#plans;
    // A function that recordings don't show can still stand in their call sites, as `__schedule` does.
    const recorded = site >= 0 && (caller === caller.owner || this.#sites.within(caller.fn, site) !== null);
    return recorded ? site : this.#sites.next(caller, fn);
  }

  /** Lists a call, to be followed when somebody wants to know. */
  #list(task: Task, caller: Frame, fn: KernelFunction, transparent: boolean): Frame {
    const { depth } = task;
    const frame = task.frames[depth] ?? this.#another(task);
    task.depth = depth + 1;
    this.#engine.stats.walked++;
    frame.fn = fn;
    frame.watched = false;
    frame.owner = transparent ? caller.owner : frame;
    frame.locals = 0;
    frame.words[SP] = (caller.words[SP] as number) - caller.stackSize;
    this.deferred.called(frame, fn, transparent);
    return frame;
  }

  /** What becomes of a call while time is left open. */
  #listingOf(caller: KernelFunction, owner: KernelFunction, fn: KernelFunction): number {
    const transparent = isTransparent(owner, fn);
    if (this.#inlines(caller, owner, fn)) {
      const plans = transparent ? null : this.#plansOf(owner);
      const shown = plans === null ? "nowhere" : plans.shows(fn.shape);
      if (shown === "nowhere") return INLINE;
      if (shown === "within") return FOLLOWED;
    }
    if (!this.#canDefer(caller, fn)) return FOLLOWED;
    fn.decides ??= this.#engine.shapes.decision(fn.shape) !== null;
    const kind = transparent ? TRANSPARENT : LISTED;
    // A result must not depend on the variant.
    if (fn.behaviour !== null || fn.sameResult !== "differs") return kind;
    return this.#engine.armedCount === 0 ? FOLLOWED_IF_ASKED + kind : FOLLOWED;
  }

  /** Whether a call that no recording shows is a part of its caller's text. Root calls have frames of their own. */
  #inlines(caller: KernelFunction, owner: KernelFunction, fn: KernelFunction): boolean {
    return owner.visible && caller.visible && this.#sites.way(caller, fn, -1) === INLINED;
  }

  /** Whether nothing that is armed is hit by a call and what it makes before its first one. */
  #canDefer(caller: KernelFunction, fn: KernelFunction): boolean {
    if (fn.behaviour === null) fn.sameResult ??= this.#walker.sameResult(fn.shape);
    if (this.#engine.armedCount === 0) return true;
    if (fn.watched || caller.hooks !== null) return false;
    if (fn.quietAt !== this.#engine.armedGeneration) {
      fn.quietAt = this.#engine.armedGeneration;
      const armed = (node: number) => this.#walker.armedIn(node);
      fn.quiet = fn.behaviour === null
        ? !this.#engine.shapes.instances(fn.shape).some(armed)
        : !(this.#plansOf(fn)?.pads(armed) ?? false);
    }
    return fn.quiet;
  }

  /** Begins the plan of a call, with the variant that its caller's tells. */
  begin(frame: Frame, fn: KernelFunction, caller: number): void {
    frame.variant = -1;
    frame.plan = null;
    frame.caller = caller;
    frame.decision = undefined;
    if (fn.behaviour === null) return;
    const plans = this.#plansOf(fn);
    if (plans !== null) {
      frame.plan = plans.start;
      // The caller's variant tells which one this is, as long as the calls made agree.
      frame.variant = plans.variantOf(this.#plans.node);
    }
  }

  #plansOf(fn: KernelFunction): PlanSpace | null {
    let plans = fn.plans;
    if (plans === undefined) {
      plans = this.#engine.shapes.instances(fn.shape).length === 0 ? null : new PlanSpace(
        this.#engine.shapes,
        fn.shape,
        explicitCallees(this.#engine.functions, this.#engine.shapes, fn),
        (id) => this.#engine.functions.byShape(id).behaviour !== null,
      );
      fn.plans = plans;
    }
    return plans;
  }

  /** Takes a task's next frame into use, for a call that `caller` makes. */
  at(task: Task, caller: Frame | undefined, fn: KernelFunction, site: number): Frame {
    const depth = task.depth;
    const frame = task.frames[depth] ?? this.#another(task);
    task.depth = depth + 1;
    this.#engine.stats.walked++;
    frame.fn = fn;
    frame.watched = fn.watched;
    frame.site = site;
    frame.base = null;
    frame.shape = null;
    frame.hooked = false;
    frame.traced = false;
    frame.made = 0;
    frame.locals = 0;
    frame.passed = 0;
    frame.repeating = 0;
    frame.words[LEFT] = NaN;
    frame.noted = 0;
    frame.words[SP] = caller === undefined
      ? task.userRegs - 64
      : (caller.words[SP] as number) - caller.stackSize;
    return frame;
  }

  /** A frame for a depth at which a task has none. */
  #another(task: Task): Frame {
    const frame = this.#free.pop() ?? new Frame();
    task.frames[task.depth] = frame;
    return frame;
  }

  /** Pushes the frame of a shaped call that is walked. */
  pushShaped(task: Task, fn: KernelFunction, site: number): Frame {
    const caller = task.frames[task.depth - 1];
    const skipped = caller !== undefined && caller.fn.hooks !== null && this.#pass(caller, fn, site);
    const frame = this.at(task, caller, fn, site);
    if (skipped) frame.skipped = frame.watched = true;
    frame.owner = frame;
    frame.plan = null;
    frame.variant = -1;
    return frame;
  }

  /**
   * Makes the frame of a function that runs in place of another one, whose call is `from`: with its stack slot, return
   * address and time.
   */
  divert(task: Task, from: Frame, fn: KernelFunction): Frame {
    this.#plans.reset();
    const frame = this.at(task, from, fn, DIVERTED);
    frame.words[SP] = from.words[SP] as number;
    frame.words[LEFT] = from.words[LEFT] as number;
    frame.owner = frame;
    frame.key = mixKey(from.key, fn.hash);
    this.begin(frame, fn, -1);
    return frame;
  }

  /** Tells hooks at offsets of a caller that it makes a call. */
  notePass(caller: Frame, fn: KernelFunction, site: number): void {
    if (caller.fn.hooks !== null) this.#pass(caller, fn, site);
  }

  /** The caller comes to a call. True: a handler sent it past that. */
  #pass(caller: Frame, fn: KernelFunction, site: number): boolean {
    if (caller.fn.hooks === null) return false;
    const { armed } = this.#engine;
    if (caller.fn.hooks.offsets.length === 0 && !armed.moved(caller)) return false;
    const offset = this.#sites.way(caller.fn, fn, site).offset;
    if (offset < 0) return false;
    if (armed.skips(caller, offset)) return true;
    armed.pass(caller, offset);
    return armed.skips(caller, offset);
  }

  /** A task stops running: frames that are in no call serve the next one, while they are in the processor's caches. */
  rest(task: Task): void {
    const { frames, depth } = task;
    while (frames.length > depth) this.#free.push(frames.pop() as Frame);
  }
}

/** Whether the plan of a call is its caller's: no recording shows the function. */
export function isTransparent(owner: KernelFunction, fn: KernelFunction): boolean {
  return owner.visible && fn.shape < 0;
}

const NO_RETURNS: readonly Addr[] = [];
