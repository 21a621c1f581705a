/**
 * The call engine: runs behaviours and recorded shapes as one tree of calls, with budgets of virtual time, real call
 * sites, and hooks where probes are armed.
 *
 * @module
 */

import { storeAt } from "../shapes/dense.ts";
import type { Addr } from "../../image/model.ts";
import type { Kernel } from "../kernel.ts";
import type { Task } from "../process/task.ts";
import type { ShapeLibrary } from "../shapes/library.ts";
import { ArmedCalls } from "./armed.ts";
import { Diversions } from "./diversion.ts";
import { FiringPlaces } from "./firing.ts";
import { mixKey } from "./choice.ts";
import type { DeferredCalls } from "./deferred.ts";
import type { EntryKind } from "./entry_paths.ts";
import { type Frame, LEFT, MAX_ARGS, SP } from "./frame.ts";
import { FrameMaker } from "./frame_maker.ts";
import type { Blocking, BlockingBody, CallSteps, FunctionRef, Pending, PlainBody, Wait } from "./function.ts";
import { calleeNames, steps } from "./function.ts";
import { FunctionTable } from "./function_table.ts";
import { hashName, type KernelFunction } from "./kernel_function.ts";
import { PlanFollower } from "./plan_follower.ts";
import { ShapeWalker } from "./walker.ts";
import { RootTable } from "./roots.ts";
import { SiteTable } from "./sites.ts";
import { StackReader } from "./stack.ts";

/** What the engine counted. */
export interface CallStatistics {
  /** Calls that ran as frames: behaviours, and shaped calls that were walked. */
  walked: number;
  /** Calls charged as time inside subtrees that were not walked, as far as that time was worked out. */
  accounted: number;
}

/** Options of a root call. */
export interface EnterOptions {
  /** What it is; default a system call. */
  readonly kind?: EntryKind;
  /** Result to expect: picks the recorded variant of an entry function without behaviour. */
  readonly expect?: number;
}

/** Runs calls on the tasks of one kernel. See the module doc of `kernel/kernel.ts`. */
export class CallEngine {
  readonly shapes: ShapeLibrary;
  readonly stats: CallStatistics = { walked: 0, accounted: 0 };
  /** Grows whenever something is armed or disarmed. */
  armedGeneration = 1;
  /** Functions with hooks or a tracer. */
  armedCount = 0;
  /** Whether the time of calls that nobody asks about is left open (`DeferredCalls`). False makes statistics complete. */
  defers = true;
  readonly armed: ArmedCalls;
  /** What becomes of calls that a handler diverted. */
  readonly diversions: Diversions;
  readonly functions: FunctionTable;
  readonly #k: Kernel;
  readonly #sites: SiteTable;
  readonly #stacks: StackReader;
  readonly #walker: ShapeWalker;
  readonly #plans: PlanFollower;
  readonly #frames: FrameMaker;
  readonly #deferred: DeferredCalls;
  readonly #byRef: (KernelFunction | undefined)[] = [];
  readonly #seedKey: number;
  readonly #hooked = new Set<KernelFunction>();
  readonly #roots: RootTable;
  readonly #firing: FiringPlaces;
  /** Result expected of the shaped call at a depth: see `EnterOptions.expect`. */
  #expect = NaN;
  #expectDepth = -1;
  /** Calls that handlers make now. */
  #detours = 0;

  constructor(k: Kernel, shapes: ShapeLibrary) {
    this.#k = k;
    this.shapes = shapes;
    this.functions = new FunctionTable(k.image, shapes, this);
    this.armed = new ArmedCalls(k);
    this.#sites = new SiteTable(k.image, shapes);
    this.#stacks = new StackReader(this.#sites);
    this.#roots = new RootTable(k.image, this.functions);
    this.#firing = new FiringPlaces(k.image, this.functions, this.#roots);
    this.#walker = new ShapeWalker(k, this);
    this.#plans = new PlanFollower(this, this.#walker);
    this.#frames = new FrameMaker(k, this, this.#sites, this.#plans, this.#walker);
    this.#deferred = this.#frames.deferred;
    this.diversions = new Diversions(k, this, this.#frames);
    this.#seedKey = mixKey(hashName("calls"), k.seed);
  }

  /** Calls a function that cannot block. Arguments are signed words; a missing one or NaN is unknown. */
  call(
    ref: FunctionRef,
    a0?: number,
    a1?: number,
    a2?: number,
    a3?: number,
    a4?: number,
    a5?: number,
  ): number {
    const fn = this.#byRef[ref.index] ?? this.#resolve(ref);
    const behaviour = fn.behaviour;
    const k = this.#k;
    if (!fn.visible) {
      if (behaviour === null) return NaN;
      return this.#plain(fn)(
        k,
        a0 as number,
        a1 as number,
        a2 as number,
        a3 as number,
        a4 as number,
        a5 as number,
      );
    }
    const task = k.current;
    const frame = this.#frames.push(task, fn);
    if (frame === null) {
      if (behaviour === null) return NaN;
      return this.#plain(fn)(
        k,
        a0 as number,
        a1 as number,
        a2 as number,
        a3 as number,
        a4 as number,
        a5 as number,
      );
    }
    const words = frame.words;
    words[0] = a0 as number;
    words[1] = a1 as number;
    words[2] = a2 as number;
    words[3] = a3 as number;
    words[4] = a4 as number;
    words[5] = a5 as number;
    frame.nargs = 6;
    const depth = task.depth;
    if (behaviour === null) return this.shaped(task, frame, this.#plans.node);
    if (behaviour.blocking) this.#plain(fn);
    if (frame.watched && !this.enterArmed(task, frame)) return this.diversions.now(task, frame, depth);
    const body = behaviour.body as PlainBody;
    const result = body(
      k,
      a0 as number,
      a1 as number,
      a2 as number,
      a3 as number,
      a4 as number,
      a5 as number,
    );
    return this.#leave(task, frame, depth, result);
  }

  /** `call` of a function whose result the caller does not look at: so it need not be known before somebody else asks. */
  callUnasked(ref: FunctionRef, a0?: number, a1?: number, a2?: number, a3?: number): void {
    this.#frames.unasked = (this.#byRef[ref.index] ?? this.#resolve(ref)).visible;
    this.call(ref, a0, a1, a2, a3);
  }

  /** `call` with any number of arguments up to 12. */
  callN(ref: FunctionRef, args: readonly number[]): number {
    const fn = this.#byRef[ref.index] ?? this.#resolve(ref);
    const behaviour = fn.behaviour;
    if (!fn.visible) return behaviour === null ? NaN : passing(this.#plain(fn), this.#k, args);
    const task = this.#k.current;
    const frame = this.#frames.push(task, fn);
    if (frame === null) return behaviour === null ? NaN : passing(this.#plain(fn), this.#k, args);
    setArguments(frame, args);
    const depth = task.depth;
    if (behaviour === null) return this.shaped(task, frame, this.#plans.node);
    const body = this.#plain(fn);
    if (frame.watched && !this.enterArmed(task, frame)) return this.diversions.now(task, frame, depth);
    return this.#leave(task, frame, depth, passing(body, this.#k, args));
  }

  /** Calls a function that may block (or any other): `const result = yield* k.calls.callBlocking(…)`. */
  callBlocking(ref: FunctionRef, ...args: number[]): CallSteps {
    return steps(this.#callNOrWait(ref, args));
  }

  /** The same without a generator, for behaviours that seldom wait: see `BlockingBody`. */
  callOrWait(
    ref: FunctionRef,
    a0?: number,
    a1?: number,
    a2?: number,
    a3?: number,
    a4?: number,
    a5?: number,
  ): Pending {
    const fn = this.#byRef[ref.index] ?? this.#resolve(ref);
    const { behaviour } = fn;
    if (behaviour === null || !behaviour.blocking) return this.call(ref, a0, a1, a2, a3, a4, a5);
    const body = behaviour.body as BlockingBody;
    const k = this.#k;
    const task = k.current;
    const frame = fn.visible ? this.#frames.push(task, fn) : null;
    if (frame === null) {
      return body(
        k,
        a0 as number,
        a1 as number,
        a2 as number,
        a3 as number,
        a4 as number,
        a5 as number,
      );
    }
    const words = frame.words;
    words[0] = a0 as number;
    words[1] = a1 as number;
    words[2] = a2 as number;
    words[3] = a3 as number;
    words[4] = a4 as number;
    words[5] = a5 as number;
    frame.nargs = 6;
    const depth = task.depth;
    if (frame.watched && !this.enterArmed(task, frame)) return this.diversions.run(task, frame, depth);
    const pending = body(
      k,
      a0 as number,
      a1 as number,
      a2 as number,
      a3 as number,
      a4 as number,
      a5 as number,
    );
    return this.leaveOrWait(task, frame, depth, pending);
  }

  /** `callOrWait` with any number of arguments up to 12. */
  #callNOrWait(ref: FunctionRef, args: readonly number[]): Pending {
    const fn = this.#byRef[ref.index] ?? this.#resolve(ref);
    const { behaviour } = fn;
    if (behaviour === null || !behaviour.blocking) return this.callN(ref, args);
    const body = behaviour.body as BlockingBody;
    const task = this.#k.current;
    const frame = fn.visible ? this.#frames.push(task, fn) : null;
    if (frame === null) return passing(body, this.#k, args);
    setArguments(frame, args);
    const depth = task.depth;
    if (frame.watched && !this.enterArmed(task, frame)) return this.diversions.run(task, frame, depth);
    return this.leaveOrWait(task, frame, depth, passing(body, this.#k, args));
  }

  /** Goes on with a call whose body ran, or began to: as far as its first wait. */
  leaveOrWait(task: Task, frame: Frame, depth: number, pending: Pending): Pending {
    if (typeof pending === "number") return this.#leave(task, frame, depth, pending);
    // It may wait, and then looks at what is left of its time.
    this.settle();
    const first = pending.next();
    return first.done === true
      ? this.#leave(task, frame, depth, first.value)
      : this.#leaveLater(task, frame, depth, pending, first.value);
  }

  *#leaveLater(
    task: Task,
    frame: Frame,
    depth: number,
    rest: Blocking<number>,
    wait: Wait,
  ): Blocking<number> {
    yield wait;
    return this.#leave(task, frame, depth, yield* rest);
  }

  /**
   * Runs a root call of a task that cannot block: `budget` is its duration on the CPU in nanoseconds, `undefined` the
   * nominal one. Frames below it are those of its kind (`EnterOptions.kind`).
   */
  enter(
    task: Task,
    ref: FunctionRef,
    args: readonly number[],
    budget?: number,
    options: EnterOptions = {},
  ): number {
    const bottom = task.depth;
    try {
      const diverted = this.#openRoot(task, ref, args, budget, options);
      const result = diverted === null
        ? this.callN(ref, args)
        : this.diversions.now(task, diverted, task.depth);
      this.#closeRoot(task, bottom, result);
      return result;
    } catch (error) {
      this.#failed(task, bottom, error);
    }
  }

  /** A root call ends in an error. */
  #failed(task: Task, bottom: number, error: unknown): never {
    this.settle();
    try {
      // What a handler calls fails as the handler does.
      if (this.#detours === 0) this.diversions.astray(error);
    } finally {
      task.depth = bottom;
    }
    throw error;
  }

  /** Runs an interrupt's handler in the middle of a call: what that was about to do stays as it was. */
  aside(handler: () => void): void {
    const plans = this.#plans;
    const { node, site, budget } = plans;
    const expect = this.#expect;
    const expectDepth = this.#expectDepth;
    handler();
    plans.node = node;
    plans.site = site;
    plans.budget = budget;
    this.#expect = expect;
    this.#expectDepth = expectDepth;
  }

  /** `enter` from inside a probe's handler: without a budget, and what the probed code is about to do stays as it was. */
  detour(task: Task, ref: FunctionRef, args: readonly number[]): number {
    const plans = this.#plans;
    const { node, site, budget } = plans;
    const expect = this.#expect;
    const expectDepth = this.#expectDepth;
    this.#detours++;
    try {
      return this.enter(task, ref, args, 0, { kind: "bare" });
    } finally {
      this.#detours--;
      plans.node = node;
      plans.site = site;
      plans.budget = budget;
      this.#expect = expect;
      this.#expectDepth = expectDepth;
    }
  }

  /** `enter` for root calls that may block. */
  enterBlocking(
    task: Task,
    ref: FunctionRef,
    args: readonly number[],
    budget?: number,
    options: EnterOptions = {},
  ): CallSteps {
    return steps(this.enterOrWait(task, ref, args, budget, options));
  }

  /** The same without a generator: see `callOrWait`. */
  enterOrWait(
    task: Task,
    ref: FunctionRef,
    args: readonly number[],
    budget?: number,
    options: EnterOptions = {},
  ): Pending {
    const bottom = task.depth;
    try {
      const diverted = this.#openRoot(task, ref, args, budget, options);
      const result = diverted === null
        ? this.#callNOrWait(ref, args)
        : this.diversions.run(task, diverted, task.depth);
      if (typeof result !== "number") return this.#closeLater(task, bottom, result);
      this.#closeRoot(task, bottom, result);
      return result;
    } catch (error) {
      this.#failed(task, bottom, error);
    }
  }

  *#closeLater(task: Task, bottom: number, rest: Blocking<number>): Blocking<number> {
    try {
      const result = yield* rest;
      this.#closeRoot(task, bottom, result);
      return result;
    } catch (error) {
      this.#failed(task, bottom, error);
    }
  }

  /**
   * The newest call of a task is done but never returns, as `do_exit`: what the recordings show after its last call
   * happens now, and what is left of its budget passes. The caller then unwinds by an exception of its own.
   */
  neverReturns(task: Task): void {
    this.settle();
    const frame = task.frames[task.depth - 1];
    if (frame === undefined || task.depth === 0) return;
    this.#plans.finish(task, frame.owner, NaN);
  }

  /** A task stops running: frames that are in no call serve the next one, while they are in the processor's caches. */
  rest(task: Task): void {
    this.#frames.rest(task);
  }

  /** Forgets all frames of a task, as when it exits inside a call. */
  unwind(task: Task): void {
    for (let i = 0; i < task.depth; i++) {
      const { regs } = task.frames[i] as Frame;
      if (regs !== null) regs.resumption = null;
    }
    task.depth = 0;
  }

  /** A function by symbol or base name: for setting hooks. Undefined where the kernel has none. */
  functionByName(name: string): KernelFunction | undefined {
    return this.functions.byName(name);
  }

  /** A function is gone, with its module. */
  forget(ref: FunctionRef): void {
    this.#byRef[ref.index] = undefined;
    this.functions.forget(ref);
  }

  /** Whether any behaviour or recorded shape is one of a function, or calls it. */
  hitReachable(name: string): boolean {
    const fn = this.functions.byName(name);
    return fn !== undefined &&
      (fn.behaviour !== null || fn.shape >= 0 || this.#roots.has(fn) || calleeNames().has(fn.base));
  }

  /** Return addresses of a task's stack, innermost first. */
  stack(task: Task, maxDepth = 127): Addr[] {
    this.settle();
    const stack = this.#stacks.addresses(task, maxDepth);
    const firing = task === this.#k.current ? this.#k.tracepoints?.firing ?? null : null;
    return firing === null ? stack : [...this.#firing.of(task, firing), ...stack].slice(0, maxDepth);
  }

  /** The address that the call at a depth, by default the newest, returns to; 0 at the bottom of a stack that has none. */
  returnAddress(task: Task, depth: number = task.depth): Addr {
    this.settle();
    return this.#stacks.innermost(task, depth);
  }

  /** Told by `KernelFunction`: what watches it has changed. */
  armingChanged(fn: KernelFunction): void {
    this.settle();
    if (fn.watched) this.#hooked.add(fn);
    else this.#hooked.delete(fn);
    this.armedCount = this.#hooked.size;
    this.armedGeneration++;
  }

  /** Functions with hooks or a tracer. */
  hookedFunctions(): Iterable<KernelFunction> {
    return this.#hooked;
  }

  /** Spends virtual time, all of it now. */
  spend(ns: number): void {
    if (ns > 0) this.#k.clock.advance(ns);
  }

  /** Runs the entry hooks of a call. False: its body is not simply to run, see `Diversions`. */
  enterArmed(task: Task, frame: Frame): boolean {
    this.settle();
    if (frame.skipped) return false;
    const { fn } = frame;
    const { tracer } = fn;
    const saved = task.instances === null ? NaN : this.#savedReturn(task, frame);
    if (tracer === null) return this.armed.enter(task, frame, saved);
    const returnAddress = saved === saved ? saved : this.returnAddress(task);
    if (tracer.first) frame.traced = tracer.enter(fn, task, returnAddress);
    const graphed = frame.traced && tracer.returnTo !== undefined && tracer.returnTo !== 0;
    const runs = this.armed.enter(task, frame, graphed ? tracer.returnTo as Addr : saved);
    // A function that a handler diverted never gets to a site behind its first instruction.
    if (!tracer.first && (runs || this.armed.staysIn(frame))) {
      frame.traced = tracer.enter(fn, task, returnAddress);
    }
    return runs;
  }

  /** Where a call returns to if not where its call site says: what a hooked function jumps to finds the trampoline. */
  #savedReturn(task: Task, frame: Frame): Addr {
    const hooked = this.#stacks.hookedJumper(task);
    if (hooked === null) return NaN;
    // It runs in the jumping function's place, with the same stack slot.
    frame.words[SP] = hooked.words[SP] ?? 0;
    return this.#k.kprobes.trampolineAddress;
  }

  /** Pushes the frame of a shaped call that is walked. */
  pushShaped(task: Task, fn: KernelFunction, site: number): Frame {
    return this.#frames.pushShaped(task, fn, site);
  }

  /** Tells hooks at offsets of a caller that it makes a call. */
  notePass(caller: Frame, fn: KernelFunction, site: number): void {
    this.#frames.notePass(caller, fn, site);
  }

  #resolve(ref: FunctionRef): KernelFunction {
    const fn = this.functions.byRef(ref);
    return storeAt(this.#byRef, ref.index, fn);
  }

  #plain(fn: KernelFunction): PlainBody {
    const behaviour = fn.behaviour;
    if (behaviour === null || behaviour.blocking) {
      throw new Error(`Cannot call "${fn.base}" here: it may block; use yield* k.calls.callBlocking`);
    }
    return behaviour.body as PlainBody;
  }

  /** Works out the time of calls that was left open: see `DeferredCalls`. */
  settle(): void {
    if (this.#deferred.active) this.#deferred.settle();
  }

  /** A call ends with a result: the padding after its last call, what is left of the budget, the hooked return. */
  #leave(task: Task, frame: Frame, depth: number, result: number): number {
    if (this.#deferred.active) {
      this.#deferred.returned(frame, result);
      task.depth = depth - 1;
      return result;
    }
    if (frame.owner === frame) this.#plans.finish(task, frame, result);
    return this.finish(task, frame, depth, result);
  }

  /** Pops a frame whose time is spent: offsets not yet passed, the hooked return, the result for the caller's rules. */
  finish(task: Task, frame: Frame, depth: number, result: number): number {
    let value = result;
    if (frame.fn.hooks !== null && frame.fn.hooks.offsets.length > 0) this.armed.passEnd(frame);
    if (frame.hooked) value = this.armed.leave(frame, value);
    if (frame.traced) {
      frame.traced = false;
      frame.fn.tracer?.leave(frame.fn, task, value);
    }
    task.depth = depth - 1;
    if (this.armedCount > 0) {
      const caller = task.frames[depth - 2];
      if (caller !== undefined && depth > 1) {
        const owner = caller.owner;
        if (owner.shape === null) owner.note(frame.fn.shape, value);
      }
    }
    return value;
  }

  /** A call of a function without behaviour, whose frame is pushed; `planned`: the recorded call that it is, or -1. */
  shaped(task: Task, frame: Frame, planned: number): number {
    const fn = frame.fn;
    const depth = task.depth;
    if (this.#deferred.active) {
      const { sameResult } = fn;
      const result = typeof sameResult === "object" ? this.#walker.result(sameResult, frame) : NaN;
      this.#deferred.returned(frame, result);
      task.depth = depth - 1;
      return result;
    }
    let node = planned;
    if (node < 0 && fn.shape >= 0) {
      const expect = depth === this.#expectDepth ? this.#expect : NaN;
      node = this.#walker.choose(task, frame, expect);
    }
    const left = frame.words[LEFT] ?? NaN;
    if (node < 0) {
      // Nothing is recorded of it: what its caller's budget gives it, else no time at all.
      if (frame.watched && !this.enterArmed(task, frame)) return this.diversions.now(task, frame, depth);
      if (left === left && frame.owner === frame) this.spend(left);
      return this.finish(task, frame, depth, NaN);
    }
    return this.#walker.run(task, frame, depth, this.shapes.node(node), left);
  }

  /**
   * Pushes the frames between the fixed base and a root call, with their hooks, and hands the budget to the root. Gives
   * the frame that a handler diverted, if one did: the root call is then not reached.
   */
  #openRoot(
    task: Task,
    ref: FunctionRef,
    args: readonly number[],
    budget: number | undefined,
    options: EnterOptions,
  ): Frame | null {
    const kind = options.kind ?? "syscall";
    const roots = this.#roots.of(kind);
    const fn = this.#byRef[ref.index] ?? this.#resolve(ref);
    let time = -1;
    if (this.defers && budget !== undefined && fn.visible && fn.behaviour !== null) {
      time = Math.max(0, Math.round(budget));
      if (!this.#deferred.fits(time)) time = -1;
    }
    if (time < 0) this.settle();
    const key = mixKey(mixKey(mixKey(this.#seedKey, task.pid), task.syscalls), fn.hash);
    const around = task.depth === 0 ? undefined : task.frames[task.depth - 1];
    const bottom = this.#frames.at(task, around, this.functions.root, -1);
    this.stats.walked--;
    bottom.base = roots.base;
    bottom.owner = bottom;
    bottom.plan = null;
    bottom.key = key;
    bottom.words[SP] = task.depth === 1 ? task.userRegs - 16 : (bottom.words[SP] ?? 0);
    // The root call takes the whole budget: `#advance` gives half of what is left, so it is stored twofold.
    bottom.words[LEFT] = budget === undefined ? NaN : 2 * Math.max(0, Math.round(budget));
    for (const between of roots.through) {
      const { fn } = between;
      const frame = this.pushShaped(task, fn, -1);
      frame.owner = bottom;
      between.setArguments(frame, task, args);
      if (frame.watched && !this.enterArmed(task, frame) && !this.diversions.proceeds(frame)) return frame;
    }
    this.#expect = options.expect ?? NaN;
    this.#expectDepth = this.#expect === this.#expect ? task.depth + 1 : -1;
    if (time >= 0) this.#deferred.begin(task, time);
    return null;
  }

  #closeRoot(task: Task, bottom: number, result: number): void {
    this.#deferred.end();
    while (task.depth > bottom + 1) {
      const frame = task.frames[task.depth - 1];
      if (frame === undefined) break;
      this.finish(task, frame, task.depth, result);
    }
    task.depth = bottom;
  }
}

/** Calls a body with a list of arguments: few are passed as they are, because spreading an array of doubles is slow. */
function passing<T>(body: (k: Kernel, ...args: number[]) => T, k: Kernel, args: readonly number[]): T {
  switch (args.length) {
    case 0:
      return body(k);
    case 1:
      return body(k, args[0] as number);
    case 2:
      return body(k, args[0] as number, args[1] as number);
    case 3:
      return body(k, args[0] as number, args[1] as number, args[2] as number);
    case 4:
      return body(k, args[0] as number, args[1] as number, args[2] as number, args[3] as number);
    default:
      return passingMore(body, k, args);
  }
}

function passingMore<T>(body: (k: Kernel, ...args: number[]) => T, k: Kernel, args: readonly number[]): T {
  const [a, b, c, d, e, f, g] = args as readonly [number, number, number, number, number, number, number];
  switch (args.length) {
    case 5:
      return body(k, a, b, c, d, e);
    case 6:
      return body(k, a, b, c, d, e, f);
    case 7:
      return body(k, a, b, c, d, e, f, g);
    default:
      return body(k, ...args);
  }
}

function setArguments(frame: Frame, args: readonly number[]): void {
  const words = frame.words;
  const count = args.length < MAX_ARGS ? args.length : MAX_ARGS;
  for (let i = 0; i < count; i++) words[i] = args[i] as number;
  frame.nargs = count;
}
