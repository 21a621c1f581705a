/**
 * Finds where values come from: of all places that gave the value in the first sample, those that gave it in every one.
 *
 * @module
 */

import type { ValueRule } from "../../kernel/shapes/node.ts";

/** Where a value might come from. */
export interface Source {
  readonly args: readonly number[];
  /** Latest results by function name. */
  readonly results: ReadonlyMap<string, number>;
  /** The running task's `task_struct`, NaN where unknown. */
  readonly current: number;
  /**
   * Whether an address lies on the running task's stack: how far one local variable lies from another is the
   * compiler's doing, not a rule.
   */
  readonly onStack: (address: number) => boolean;
}

/** A rule that names functions instead of numbering them. */
export type NamedRule = Exclude<ValueRule, { from: "result" }> | {
  readonly from: "result";
  readonly fn: string;
  readonly plus: number;
};

type Candidate =
  | { readonly from: "argument"; readonly index: number; readonly plus: number }
  | { readonly from: "result"; readonly fn: string; readonly plus: number }
  | { readonly from: "current" };

/** Furthest constant between a pointer and what it was made from: within one object. */
const MAX_OFFSET = 4096;
/** Integers up to this are flags, counts, errors: equal by chance. */
const SMALL = 0x10000;

/** What is known of one value: an argument of an edge, or a function's result. */
export class ValueHistory {
  samples = 0;
  /** Whether every value could be a pointer, and none was null. */
  pointers = true;
  #first = NaN;
  #varies = false;
  #candidates: Candidate[] = [];

  /** Takes one observation into account. NaN observations say nothing. */
  add(value: number, source: Source): void {
    if (value !== value) return;
    if (Math.abs(value) <= SMALL) this.pointers = false;
    if (this.samples++ === 0) {
      this.#first = value;
      this.#candidates = candidatesFor(value, source);
      return;
    }
    if (value !== this.#first) this.#varies = true;
    if (this.#candidates.length > 0) {
      this.#candidates = this.#candidates.filter((c) => valueOf(c, source) === value);
    }
  }

  /**
   * The rule, where the samples leave one. `isStatic` tells addresses of the image's own text and data, which may be
   * constants; `sameName(i)` whether argument i of the caller has the callee's parameter name.
   */
  decide(isStatic: (value: number) => boolean, sameName: (index: number) => boolean): NamedRule | undefined {
    if (this.samples === 0) return undefined;
    const small = Math.abs(this.#first) <= SMALL;
    const plain = this.#candidates.filter((c) => c.from === "current" || c.plus === 0);
    if (this.#varies) {
      return this.#best(plain, sameName) ??
        (this.samples >= 3 ? this.#best(this.#candidates, sameName) : undefined);
    }
    // One value only: telling a constant from something handed on needs more than equality.
    if (isStatic(this.#first)) return this.#best(plain, sameName) ?? { from: "constant", value: this.#first };
    if (!small) {
      return this.#best(plain, sameName) ??
        (this.samples >= 2 ? this.#best(this.#candidates, sameName) : undefined);
    }
    const named = plain.find((c) => c.from === "argument" && sameName(c.index));
    if (named !== undefined) return named;
    return this.samples >= 2 || Math.abs(this.#first) <= 1
      ? { from: "constant", value: this.#first }
      : undefined;
  }

  /** Arguments first, by name where several fit; then `current`; then results. */
  #best(candidates: readonly Candidate[], sameName: (index: number) => boolean): NamedRule | undefined {
    const args = candidates.filter((c) => c.from === "argument");
    return args.find((c) => c.from === "argument" && sameName(c.index)) ?? args[0] ??
      candidates.find((c) => c.from === "current") ?? candidates.find((c) => c.from === "result");
  }
}

function candidatesFor(value: number, source: Source): Candidate[] {
  const found: Candidate[] = [];
  const pointer = Math.abs(value) > SMALL && !source.onStack(value);
  const near = (base: number) =>
    base === value || (pointer && Math.abs(base) > SMALL && Math.abs(value - base) <= MAX_OFFSET);
  source.args.forEach((arg, index) => {
    if (near(arg)) found.push({ from: "argument", index, plus: value - arg });
  });
  if (source.current === value) found.push({ from: "current" });
  for (const [fn, result] of source.results) {
    if (near(result)) found.push({ from: "result", fn, plus: value - result });
  }
  return found;
}

function valueOf(candidate: Candidate, source: Source): number {
  switch (candidate.from) {
    case "argument":
      return (source.args[candidate.index] ?? NaN) + candidate.plus;
    case "result":
      return (source.results.get(candidate.fn) ?? NaN) + candidate.plus;
    case "current":
      return source.current;
  }
}
