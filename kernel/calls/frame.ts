/**
 * Call frames: what the engine keeps about a modeled kernel function that has not returned yet. Frames are pooled
 * per task (`task.frames`, of which `task.depth` are in use), so a call allocates nothing.
 *
 * @module
 */

import type { PtRegs } from "../arch/pt_regs.ts";
import type { FrameRegs } from "./frame_regs.ts";
import type { Decision } from "./decision.ts";
import type { KernelFunction } from "./kernel_function.ts";
import type { ShapeNode } from "../shapes/library.ts";
import type { PlanState } from "./plan.ts";

/** Most arguments that one call can pass. */
export const MAX_ARGS = 12;
/** Slots of `Frame.words` after the arguments. */
export const SP = MAX_ARGS;
/** Nanoseconds of the budget that nobody used yet; NaN where the call runs at its nominal time. */
export const LEFT = MAX_ARGS + 1;

/** Bytes at a frame's low end that callees use: arguments on the stack; and what alignment takes. */
const OUTGOING = 64 + 8;
/** Bytes at its high end: the return address, saved registers. */
export const SAVED = 16;

/** One live call. All fields are the engine's; others read `fn`, `words[SP]` and `hooked`. */
export class Frame {
  /** The function; frames in use always have one. */
  fn!: KernelFunction;
  /** Arguments (NaN: unknown), stack pointer, what is left of the budget. One array, so that doubles are not boxed. */
  readonly words: Float64Array = new Float64Array(MAX_ARGS + 2);
  /** Number of arguments that the caller passed. */
  nargs = 0;
  /** The call site through which it was called: an id of the shape library, or negative, see `SiteTable`: ask the image. */
  site = -1;
  /** The recorded tree that is walked; null for behaviours. */
  shape: ShapeNode | null = null;
  /** Where a recorded plan stands; null for shaped frames and for functions no recording shows. */
  plan: PlanState | null = null;
  /** Which variant of `plan` is followed, or -1 before the first choice. */
  variant = -1;
  /** Library id of the function that made the call, -1 at the root. */
  caller = -1;
  /** What the recordings show in situations like this call's; undefined before that was looked up. */
  decision: Decision | null | undefined = undefined;
  /** Where it stands among calls whose time is left open: see `DeferredCalls`. */
  listed = 0;
  /** Key of the random choices made in this call. */
  key = 0;
  /** Calls made so far: part of the callees' keys. */
  made = 0;
  /** True while a kretprobe holds the return of this call. */
  hooked = false;
  /** Whether something is armed on the function, or a handler made its caller leave the call out. */
  watched = false;
  /** A handler made the caller go on behind this call, which is not made. */
  skipped = false;
  /** True while the function's tracer waits for its return. */
  traced = false;
  /** Return addresses below a root call's outermost frame, innermost first; null inside. */
  base: readonly number[] | null = null;
  /** The frame whose plan this call's callees follow: itself, or a caller where no recording shows the function. */
  owner: Frame = this;
  /** Furthest offset of the function's text that control has passed, judged by the call sites of its calls. */
  passed = 0;
  /** Bytes of the function's own objects on the stack: `pushLocal` in `kernel/process/stack.ts`. */
  locals = 0;
  /** How many callees have been called by several sites of the text; their ids and numbers of calls. */
  repeating = 0;
  readonly repeats: number[] = [];
  /** Registers of the hit on this call; made at the first hit, then kept. */
  regs: PtRegs | null = null;
  /** Fills them once a handler looks at them; made with them. */
  source: FrameRegs | null = null;
  /** Results of the calls made so far, kept only while something is armed: how many, callees' library ids, results. */
  noted = 0;
  readonly callees: number[] = [];
  readonly results: number[] = [];

  /** Bytes of stack down to what its callees push: more than usual where its objects need it. */
  get stackSize(): number {
    const usual = this.fn.frameSize;
    if (this.locals === 0) return usual;
    const needed = (SAVED + this.locals + OUTGOING + 15) & ~15;
    return needed > usual ? needed : usual;
  }

  /** Counts a call of a function that the text calls at several places; gives how many there were before. */
  repeat(callee: number): number {
    const { repeats, repeating } = this;
    for (let i = 0; i < 2 * repeating; i += 2) {
      if (repeats[i] !== callee) continue;
      const before = repeats[i + 1] as number;
      repeats[i + 1] = before + 1;
      return before;
    }
    repeats[2 * repeating] = callee;
    repeats[2 * repeating + 1] = 1;
    this.repeating++;
    return 0;
  }

  /** Keeps the result of a call that was made. */
  note(callee: number, result: number): void {
    this.callees[this.noted] = callee;
    this.results[this.noted++] = result;
  }

  /** Result of the latest call of a function, NaN where it made none or nothing determines it. */
  latest(callee: number): number {
    for (let i = this.noted - 1; i >= 0; i--) if (this.callees[i] === callee) return this.results[i] ?? NaN;
    return NaN;
  }
}
