/**
 * Calls that a probe's handler diverted: they return at once, go on behind their beginning or with other arguments, make
 * room for another function, or end their task.
 *
 * @module
 */

import type { Resumption } from "../arch/resumption.ts";
import type { Kernel } from "../kernel.ts";
import { MemoryFault } from "../memory/fault.ts";
import type { Task } from "../process/task.ts";
import type { CallEngine } from "./engine.ts";
import { type Frame, LEFT, MAX_ARGS } from "./frame.ts";
import type { FrameMaker } from "./frame_maker.ts";
import { type Pending, whenDone } from "./function.ts";

/** Functions that one call can be diverted to in a row, before its CPU counts as stuck. */
const STUCK = 100;

/** Functions that the compiler knows never to return. */
const NEVER_RETURN = new Set(["do_exit", "do_group_exit", "make_task_dead", "do_task_dead"]);
/** What JavaScript throws where code gets values that make no sense. */
const NONSENSE = new Set(["Error", "TypeError", "RangeError"]);

/** Goes on with diverted calls of one engine. */
export class Diversions {
  readonly #k: Kernel;
  readonly #engine: CallEngine;
  readonly #frames: FrameMaker;
  /** Calls being diverted, one from the other. */
  #chain = 0;
  /** The function to which a handler did something last: from then on anything may come of it. */
  #tampered: string | null = null;

  constructor(k: Kernel, engine: CallEngine, frames: FrameMaker) {
    this.#k = k;
    this.#engine = engine;
    this.#frames = frames;
  }

  /** Whether a call for which `enterArmed` said no runs its own body: then `words` are its arguments. */
  proceeds(frame: Frame): boolean {
    if (frame.skipped || !this.#engine.armed.staysIn(frame)) return false;
    this.tampered(frame);
    const { resumption } = frame.regs as NonNullable<Frame["regs"]>;
    if (resumption?.kind === "continues") frame.passed = resumption.offset - 1;
    return true;
  }

  /** A handler changed what a function was given, did or returned. */
  tampered(frame: Frame): void {
    this.#tampered = frame.fn.name;
  }

  /**
   * A root call failed. Once handlers have tampered with calls, kernel code may come upon anything: what a bad pointer
   * does is Linux's, what the model makes of other nonsense is its own. Either way the task ends; other errors go on.
   */
  astray(error: unknown): void {
    if (this.#tampered === null || !(error instanceof Error)) return;
    const reason = `What a handler did to ${this.#tampered} led astray: ${error.message}`;
    if (error instanceof MemoryFault) {
      const { address, access } = error;
      this.#k.oopses.die({ trap: { kind: "access", address, access }, reason }, null);
    }
    if (NONSENSE.has(error.name)) this.#k.oopses.die({ trap: { kind: "unmodeled" }, reason }, null);
  }

  /** Goes on with a call for which `enterArmed` said no, where its caller can wait. Pops the frame. */
  run(task: Task, frame: Frame, depth: number): Pending {
    this.tampered(frame);
    if (frame.skipped) return this.#skip(task, frame, depth);
    if (this.proceeds(frame)) return this.#body(task, frame, depth);
    const resumption = frame.regs?.resumption as Resumption;
    // What probes there are at offsets of its text is not reached.
    frame.passed = Infinity;
    if (resumption.kind === "enters") return this.#enter(task, frame, depth, resumption);
    if (resumption.kind === "faults") {
      return this.#k.oopses.die(resumption.fault, frame.regs);
    }
    this.#spend(frame);
    this.#returns(frame);
    return this.#engine.finish(task, frame, depth, this.#engine.armed.result(frame));
  }

  /** A diverted call is about to return. */
  #returns(frame: Frame): void {
    const { name } = frame.fn;
    if (!NEVER_RETURN.has(name)) return;
    const reason = `A handler made ${name} return, behind which its callers have no code: it never does`;
    this.#k.oopses.die({ trap: { kind: "unmodeled" }, reason }, null);
  }

  /** The same where its caller can't. */
  now(task: Task, frame: Frame, depth: number): number {
    const resumption = frame.regs?.resumption ?? null;
    const pending = this.run(task, frame, depth);
    if (typeof pending === "number") return pending;
    const first = pending.next();
    if (first.done === true) return first.value;
    pending.return(NaN);
    const reason = resumption?.kind === "enters" ? `${resumption.reason}; it waits` : "What runs here waits";
    return this.#k.oopses.die(
      { trap: { kind: "unmodeled" }, reason: `${reason}, and the model's caller of ${frame.fn.name} cannot` },
      frame.regs,
    );
  }

  /** The call is not made: its result is what the caller's registers hold. */
  #skip(task: Task, frame: Frame, depth: number): number {
    frame.skipped = false;
    this.#spend(frame);
    const caller = task.frames[depth - 2];
    const result = caller === undefined ? NaN : this.#engine.armed.result(caller);
    frame.passed = Infinity;
    return this.#engine.finish(task, frame, depth, result);
  }

  /** Runs the body of a call with the arguments that its frame holds now. */
  #body(task: Task, frame: Frame, depth: number): Pending {
    const { behaviour } = frame.fn;
    if (behaviour !== null) {
      return this.#engine.leaveOrWait(task, frame, depth, behaviour.body(this.#k, ...given(frame)));
    }
    this.#spend(frame);
    return this.#engine.finish(task, frame, depth, NaN);
  }

  /** Another function runs in place of a call, and returns to its caller. */
  #enter(
    task: Task,
    from: Frame,
    depth: number,
    { name, reason }: Extract<Resumption, { kind: "enters" }>,
  ): Pending {
    const fn = this.#engine.functionByName(name);
    if (fn === undefined || this.#chain >= STUCK) {
      const kind = fn === undefined ? "unmodeled" : "lockup";
      return this.#k.oopses.die({ trap: { kind }, reason }, from.regs);
    }
    const args = this.#engine.armed.argumentsFor(from, fn);
    const frame = this.#frames.divert(task, from, fn);
    const count = Math.min(args.length, MAX_ARGS);
    for (let i = 0; i < count; i++) frame.words[i] = args[i] as number;
    frame.nargs = count;
    this.#chain++;
    let pending: Pending;
    try {
      pending = this.#called(task, frame);
    } finally {
      this.#chain--;
    }
    return whenDone(pending, (result) => {
      this.#returns(from);
      return this.#engine.finish(task, from, depth, result);
    });
  }

  /** Runs a call whose frame is pushed. */
  #called(task: Task, frame: Frame): Pending {
    const engine = this.#engine;
    const { depth } = task;
    const { behaviour } = frame.fn;
    if (behaviour === null) return engine.shaped(task, frame, -1);
    if (frame.watched && !engine.enterArmed(task, frame)) return this.run(task, frame, depth);
    return engine.leaveOrWait(task, frame, depth, behaviour.body(this.#k, ...given(frame)));
  }

  #spend(frame: Frame): void {
    const left = frame.words[LEFT] as number;
    if (frame.owner === frame && left === left) this.#engine.spend(left);
  }
}

/** A frame's arguments as a behaviour gets them: what is unknown counts as not passed. */
function given({ words, nargs }: Frame): number[] {
  return Array.from({ length: nargs }, (_, i) => {
    const word = words[i] as number;
    return word === word ? word : undefined;
  }) as number[];
}
