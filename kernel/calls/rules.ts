/**
 * Arguments and results of shaped calls, by the rules that the recordings gave. Evaluation looks at structure, arguments
 * and memory only, never at what was walked: so values are the same whether or not anything is watched.
 *
 * @module
 */

import type { Kernel } from "../kernel.ts";
import type { ShapeLibrary, ShapeNode, ValueRule } from "../shapes/library.ts";
import { type Frame, MAX_ARGS } from "./frame.ts";

/** What a rule may refer to: the arguments of a call, and the results of the calls that it made so far. */
interface Scope {
  readonly words: ArrayLike<number>;
  readonly nargs: number;
  /** Result of the latest call of a function, NaN where none or nothing determines it. */
  latest(fn: number): number;
}

/** How deep results of results are followed. */
const MAX_NESTING = 12;

type Rules = readonly (ValueRule | undefined)[];
const NO_RULES: Rules = [];

/** Evaluates rules for one kernel. */
export class RuleEvaluator {
  readonly #k: Kernel;
  readonly #library: ShapeLibrary;
  readonly #lists: (readonly Rules[] | undefined)[] = [];

  constructor(k: Kernel, library: ShapeLibrary) {
    this.#k = k;
    this.#library = library;
  }

  /** The result of a recorded subtree called with `args`. */
  result(node: ShapeNode, args: ArrayLike<number>, nargs: number, nesting = 0): number {
    const rule = node.result;
    if (rule === undefined) return NaN;
    return this.#value(rule, this.#scopeOf(node, node.children.length, args, nargs, nesting));
  }

  /** Sets the arguments of call `index` of a walked subtree. */
  argumentsInShape(frame: Frame, node: ShapeNode, index: number, called: Frame): void {
    const rules = this.#rulesOf(node)[index] ?? NO_RULES;
    const count = Math.min(rules.length, MAX_ARGS);
    let scope: Scope = frame;
    for (let i = 0; i < count; i++) {
      const rule = rules[i];
      // Results of calls that were not walked have to be worked out: only where a rule wants one.
      if (rule?.from === "result" && scope === frame) {
        scope = this.#scopeOf(node, index, frame.words, frame.nargs, 0);
      }
      called.words[i] = rule === undefined ? NaN : this.#value(rule, scope);
    }
    called.nargs = count;
  }

  /** Sets the arguments of a padded call of a behaviour: results are those that its calls so far really had. */
  argumentsInBehaviour(frame: Frame, callee: number, called: Frame): void {
    const rules = this.#library.argumentRules(frame.fn.shape, callee);
    const count = Math.min(rules.length, MAX_ARGS);
    for (let i = 0; i < count; i++) {
      const rule = rules[i];
      called.words[i] = rule === undefined ? NaN : this.#value(rule, frame);
    }
    called.nargs = count;
  }

  /** The result of a padded call that isn't walked. */
  padResult(frame: Frame, node: ShapeNode, scratch: Frame): number {
    if (node.result === undefined) return NaN;
    if (node.result.from !== "constant") this.argumentsInBehaviour(frame, node.fn, scratch);
    return this.result(node, scratch.words, scratch.nargs);
  }

  /** Argument rules of each call of a recorded subtree. */
  #rulesOf(node: ShapeNode): readonly Rules[] {
    let lists = this.#lists[node.id];
    if (lists === undefined) {
      lists = Array.from(
        node.children,
        (child) => this.#library.argumentRules(node.fn, this.#library.fnOf(child)),
      );
      this.#lists[node.id] = lists;
    }
    return lists;
  }

  #scopeOf(node: ShapeNode, before: number, args: ArrayLike<number>, nargs: number, nesting: number): Scope {
    return {
      words: args,
      nargs,
      latest: (fn) => {
        if (nesting >= MAX_NESTING) return NaN;
        for (let i = before - 1; i >= 0; i--) {
          const child = this.#callee(node, i);
          if (child.fn !== fn) continue;
          if (child.result === undefined) return NaN;
          const rules = child.result.from === "constant" ? [] : this.#library.argumentRules(node.fn, fn);
          const scope = this.#scopeOf(node, i, args, nargs, nesting + 1);
          const values = rules.map((rule) => rule === undefined ? NaN : this.#value(rule, scope));
          return this.result(child, values, values.length, nesting + 1);
        }
        return NaN;
      },
    };
  }

  #callee(node: ShapeNode, index: number): ShapeNode {
    return this.#library.node(node.children[index] ?? 0);
  }

  #value(rule: ValueRule, scope: Scope): number {
    switch (rule.from) {
      case "constant":
        return rule.value;
      case "argument":
        return rule.index < scope.nargs ? (scope.words[rule.index] ?? NaN) + rule.plus : NaN;
      case "result":
        return scope.latest(rule.fn) + rule.plus;
      case "current":
        return this.#k.current.address;
      case "field":
        return this.#field(rule, rule.index < scope.nargs ? scope.words[rule.index] ?? NaN : NaN);
    }
  }

  #field(rule: ValueRule & { readonly from: "field" }, base: number): number {
    // Rules hold for objects; where the pointer is null, unknown or bad, the field is unknown too. So is a null field:
    // in the recordings it never was one, so the model does not keep it.
    if (base !== base || base === 0) return NaN;
    try {
      const value = this.#k.memory.load(base + rule.offset, rule.size, rule.signed);
      return value === 0 ? NaN : value + rule.plus;
    } catch {
      return NaN;
    }
  }
}
