/**
 * What a recording says about functions: call trees with times, results and where arguments come from.
 *
 * @module
 */

/** What kind of value a call returned. */
export type Outcome = "unknown" | "void" | "zero" | "errno" | "positive" | "pointer" | "null";

/** Where a value comes from; `undefined` in place of a rule means that nothing determines it. */
export type ValueRule =
  /** A constant. */
  | { readonly from: "constant"; readonly value: number }
  /** Argument `index` (0 first) of the caller (of the call itself, for results), plus a constant. */
  | { readonly from: "argument"; readonly index: number; readonly plus: number }
  /** Result of the latest call of function `fn` (a library id) that the caller made before, plus a constant. */
  | { readonly from: "result"; readonly fn: number; readonly plus: number }
  /** The running task's `task_struct`. */
  | { readonly from: "current" }
  /** What lies in memory at argument `index` of the caller plus `offset`, `size` bytes, plus a constant. */
  | {
    readonly from: "field";
    readonly index: number;
    readonly offset: number;
    readonly size: number;
    readonly signed: boolean;
    readonly plus: number;
  };

/** One recorded call tree; equal trees share one node. */
export interface ShapeNode {
  readonly id: number;
  /** Library id of the function. */
  readonly fn: number;
  /** Nominal nanoseconds of the function itself. */
  readonly self: number;
  /** Nominal nanoseconds in all: `self` and the children's weights. */
  readonly weight: number;
  /** How often it was recorded. */
  readonly count: number;
  /** Calls made, in order: node ids. */
  readonly children: Int32Array;
  /** Call site of each child: site ids, -1 where unknown. */
  readonly sites: Int32Array;
  readonly outcome: Outcome;
  /** The value returned, where one rule gives it. */
  readonly result: ValueRule | undefined;
}

/** How control gets from a caller's text to a callee. */
export interface ShapeSite {
  /** A tail jump: the caller's frame is gone, the callee returns to the caller's caller. */
  readonly tail: boolean;
  /** Return addresses that the call leaves on the stack, innermost first: function name, byte offset. */
  readonly returns: readonly { readonly fn: string; readonly offset: number }[];
}
