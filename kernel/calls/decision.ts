/**
 * Which recorded variants of a function go with a situation: a tree of tests that the shape compiler learned from the
 * recordings. Its features are the call's own arguments, its caller, and the system call that it is made for.
 *
 * @module
 */

/** Features by number: the first are the call's own arguments. */
export const OWN_ARGUMENTS = 6;
/** The calling function: a library id. */
export const CALLER = OWN_ARGUMENTS;
/** From here on those of the system call: see {@link Situation}. */
export const SITUATION: number = CALLER + 1;
/** Features of a system call. */
export const SITUATION_FEATURES = 10;

/** Numbers from here on are addresses or as good as: how large they are tells nothing. */
export const LARGE = 2 ** 20;

/** What is known of the system call that a task is in. */
export interface Situation {
  /** One of its features; NaN where it isn't known. */
  feature(index: number): number;
}

/** An argument or result as a feature. */
export function featureOf(value: number): number {
  return value >= LARGE || value <= -LARGE ? LARGE : value;
}

/** A test of one feature. One that is not known fails it. */
export type Test = "equal" | "atMost" | "bit";
/** Tests by their code. */
export const TESTS: readonly Test[] = ["equal", "atMost", "bit"];

/** A variant's node and how often it was recorded there. */
export interface VariantCount {
  readonly node: number;
  readonly count: number;
}

/** A node of the tree. */
export interface Decision {
  readonly feature: number;
  readonly test: Test;
  readonly value: number;
  /** Where to go when the test holds, and when it doesn't; null at a leaf. */
  readonly yes: Decision | null;
  readonly no: Decision | null;
  /** What was recorded in such situations, in the order of nodes. */
  readonly variants: readonly VariantCount[];
  /** The decision that led here; null at the root. */
  readonly parent: Decision | null;
}

/** Whether a test holds for a value. */
export function holds(test: Test, value: number, of: number): boolean {
  switch (test) {
    case "equal":
      return of === value;
    case "atMost":
      return of <= value;
    case "bit":
      return (of & value) !== 0;
  }
}
