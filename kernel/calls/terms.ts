/**
 * Rules of recorded values, worked out as far as structure alone tells: what a rule says of the result of an earlier
 * call becomes a term over the arguments of the frame that makes the calls. That happens once per recorded call;
 * evaluating a term follows no call tree.
 *
 * @module
 */

import { storeAt } from "../shapes/dense.ts";
import type { ShapeLibrary, ShapeNode, ValueRule } from "../shapes/library.ts";

/** Kinds of terms. */
export const CONSTANT = 0;
/** An argument of the frame, plus a constant. */
export const ARGUMENT = 1;
/** The running task. */
export const CURRENT = 2;
/** What the latest call of a function really returned to the frame, plus a constant. */
export const NOTED = 3;
/** What lies in memory at another term plus an offset, plus a constant. */
export const FIELD = 4;
/** Another term plus a constant. */
export const SUM = 5;

/** A value over the arguments of one frame. All kinds share one class: evaluation sees one shape of object. */
export class Term {
  readonly kind: number;
  /** The constant itself, or what is added to the rest. */
  readonly plus: number;
  /** Argument, function (library id) or byte offset. */
  readonly index: number;
  readonly base: Term | null;
  readonly size: number;
  readonly signed: boolean;

  constructor(kind: number, plus: number, index = 0, base: Term | null = null, size = 0, signed = false) {
    this.kind = kind;
    this.plus = plus;
    this.index = index;
    this.base = base;
    this.size = size;
    this.signed = signed;
  }
}

/** Nothing determines it. */
export const UNKNOWN_TERM: Term = new Term(CONSTANT, NaN);

/** How deep results of results are followed. */
const MAX_NESTING = 12;

/** Where a rule stands: before call `before` of a recorded tree whose arguments are given. */
interface Scope {
  readonly node: ShapeNode;
  readonly before: number;
  /** Terms of its arguments; null: they are the frame's own. */
  readonly args: ((index: number) => Term) | null;
  readonly nesting: number;
}

const makers = new WeakMap<ShapeLibrary, TermMaker>();

/** Makes terms of one library's rules, and keeps them: they are the same for every kernel that has the library. */
export class TermMaker {
  readonly #library: ShapeLibrary;
  /** By node id, then by call. */
  readonly #inShapes: (readonly (readonly Term[])[] | undefined)[] = [];
  /** By node id. */
  readonly #results: (Term | undefined)[] = [];
  /** By caller × functions + callee. */
  readonly #inBehaviours = new Map<number, readonly Term[]>();

  constructor(library: ShapeLibrary) {
    this.#library = library;
  }

  /** The one of a library. */
  static of(library: ShapeLibrary): TermMaker {
    let maker = makers.get(library);
    if (maker === undefined) makers.set(library, maker = new TermMaker(library));
    return maker;
  }

  /** Arguments of each call of a recorded tree, over the arguments of the tree's own frame. */
  argumentsInShape(node: ShapeNode): readonly (readonly Term[])[] {
    let calls = this.#inShapes[node.id];
    if (calls === undefined) {
      calls = Array.from(node.children, (_, index) => this.#argumentsOf(node, index));
      storeAt(this.#inShapes, node.id, calls);
    }
    return calls;
  }

  #argumentsOf(node: ShapeNode, index: number): readonly Term[] {
    const rules = this.#library.argumentRules(node.fn, this.#library.fnOf(node.children[index] ?? 0));
    return rules.map((rule) => this.#term(rule, { node, before: index, args: null, nesting: 0 }));
  }

  /** Arguments that `caller`, a function with a behaviour, passes to `callee` (library ids). */
  argumentsInBehaviour(caller: number, callee: number): readonly Term[] {
    const key = caller * this.#library.functionCount + callee;
    let terms = this.#inBehaviours.get(key);
    if (terms === undefined) {
      terms = this.#library.argumentRules(caller, callee).map((rule) => this.#term(rule, null));
      this.#inBehaviours.set(key, terms);
    }
    return terms;
  }

  /** The result of a recorded tree. */
  result(node: ShapeNode): Term {
    const known = this.#results[node.id];
    if (known !== undefined) return known;
    const term = node.result === undefined
      ? UNKNOWN_TERM
      : this.#term(node.result, { node, before: node.children.length, args: null, nesting: 0 });
    return storeAt(this.#results, node.id, term);
  }

  /** `scope` null: results are those that the frame noted. */
  #term(rule: ValueRule | undefined, scope: Scope | null): Term {
    switch (rule?.from) {
      case undefined:
        return UNKNOWN_TERM;
      case "constant":
        return new Term(CONSTANT, rule.value);
      case "argument":
        return sum(this.#argument(rule.index, scope), rule.plus);
      case "result":
        return sum(scope === null ? new Term(NOTED, 0, rule.fn) : this.#latest(rule.fn, scope), rule.plus);
      case "current":
        return new Term(CURRENT, 0);
      case "field":
        return new Term(
          FIELD,
          rule.plus,
          rule.offset,
          this.#argument(rule.index, scope),
          rule.size,
          rule.signed,
        );
    }
  }

  #argument(index: number, scope: Scope | null): Term {
    const args = scope?.args ?? null;
    return args === null ? new Term(ARGUMENT, 0, index) : args(index);
  }

  /** Result of the latest call of a function before the scope's place. */
  #latest(fn: number, { node, before, args, nesting }: Scope): Term {
    if (nesting >= MAX_NESTING) return UNKNOWN_TERM;
    for (let i = before - 1; i >= 0; i--) {
      const child = this.#library.node(node.children[i] ?? 0);
      if (child.fn !== fn) continue;
      const rules = this.#library.argumentRules(node.fn, fn);
      const caller = { node, before: i, args, nesting: nesting + 1 };
      return this.#term(child.result, {
        node: child,
        before: child.children.length,
        args: (index) => this.#term(rules[index], caller),
        nesting: nesting + 1,
      });
    }
    return UNKNOWN_TERM;
  }
}

function sum(term: Term, plus: number): Term {
  if (plus === 0) return term;
  if (term.kind === CONSTANT) return new Term(CONSTANT, term.plus + plus);
  if (term.plus === 0 && term.kind !== FIELD) return new Term(term.kind, plus, term.index, term.base);
  return new Term(SUM, plus, 0, term);
}
