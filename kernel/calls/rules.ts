/**
 * Arguments and results of shaped calls, by the rules that the recordings gave. Evaluation looks at structure, arguments
 * and memory only, never at what was walked: so values are the same whether or not anything is watched.
 *
 * @module
 */

import type { Kernel } from "../kernel.ts";
import type { ShapeLibrary, ShapeNode } from "../shapes/library.ts";
import { type Frame, MAX_ARGS } from "./frame.ts";
import { ARGUMENT, CONSTANT, CURRENT, FIELD, NOTED, type Term, TermMaker } from "./terms.ts";

/** Evaluates rules for one kernel. */
export class RuleEvaluator {
  readonly #k: Kernel;
  readonly #terms: TermMaker;

  constructor(k: Kernel, library: ShapeLibrary) {
    this.#k = k;
    this.#terms = TermMaker.of(library);
  }

  /** The result of a recorded subtree that `frame` is the call of. */
  result(node: ShapeNode, frame: Frame): number {
    return this.#value(this.#terms.result(node), frame);
  }

  /** Sets the arguments of a call that `frame` makes. */
  pass(terms: readonly Term[], frame: Frame, called: Frame): void {
    const count = terms.length < MAX_ARGS ? terms.length : MAX_ARGS;
    const words = called.words;
    for (let i = 0; i < count; i++) {
      const term = terms[i] as Term;
      words[i] = term.kind === CONSTANT ? term.plus : this.#value(term, frame);
    }
    called.nargs = count;
  }

  #value(term: Term, frame: Frame): number {
    switch (term.kind) {
      case CONSTANT:
        return term.plus;
      case ARGUMENT:
        return term.index < frame.nargs ? (frame.words[term.index] as number) + term.plus : NaN;
      case CURRENT:
        return this.#k.current.address + term.plus;
      case NOTED:
        return frame.latest(term.index) + term.plus;
      case FIELD:
        return this.#field(term, this.#value(term.base as Term, frame));
      default:
        return this.#value(term.base as Term, frame) + term.plus;
    }
  }

  #field(term: Term, base: number): number {
    // Rules hold for objects; where the pointer is null, unknown or bad, the field is unknown too. So is a null field:
    // in the recordings it never was one, so the model does not keep it.
    if (base !== base || base === 0) return NaN;
    try {
      const value = this.#k.memory.load(base + term.index, term.size, term.signed);
      return value === 0 ? NaN : value + term.plus;
    } catch {
      return NaN;
    }
  }
}
