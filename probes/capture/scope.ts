/**
 * What the names inside a captured function stand for.
 *
 * @module
 */

import type { CONTEXT_FUNCTIONS } from "../../graph/context_names.ts";
import type { Expr, Span } from "../../graph/nodes.ts";
import type { AnyState } from "../state.ts";

/** What a name, or a part of a member chain, stands for. */
export type Meaning =
  /** An expression of the graph. */
  | { readonly is: "expr"; readonly expr: Expr }
  /** The context itself, `c`. */
  | { readonly is: "context" }
  /** `c.args`. */
  | { readonly is: "args" }
  /** `c.regs`. */
  | { readonly is: "regs" }
  /** The second parameter: the values given with `.with()`. */
  | { readonly is: "values" }
  /** A map or a value that handlers share, given with `.with()`. */
  | { readonly is: "state"; readonly state: AnyState }
  /** A function of the context that has been named but not called yet, `c.str`. */
  | { readonly is: "function"; readonly name: ContextFunction };

/** Functions that a context offers. */
export type ContextFunction = typeof CONTEXT_FUNCTIONS[number];

/** Values given with `.with()`: what a captured function may use besides its context. */
export type Values = Readonly<Record<string, string | number | boolean | bigint | AnyState>>;

/** The names in force at one place of a function, innermost block last. */
export class Scope {
  readonly #names = new Map<string, Meaning>();
  readonly #outer: Scope | undefined;
  readonly values: Values;

  constructor(values: Values, outer?: Scope) {
    this.values = values;
    this.#outer = outer;
  }

  /** A scope for a nested block. */
  inner(): Scope {
    return new Scope(this.values, this);
  }

  bind(name: string, meaning: Meaning): void {
    this.#names.set(name, meaning);
  }

  find(name: string): Meaning | undefined {
    return this.#names.get(name) ?? this.#outer?.find(name);
  }
}

/** Raised inside capture where something has no counterpart in the graph; caught at its entry. */
export class NotCaptured extends Error {
  readonly span: Span | undefined;

  constructor(reason: string, span?: Span) {
    super(reason);
    this.name = "NotCaptured";
    this.span = span;
  }
}
