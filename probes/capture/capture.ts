/**
 * Captures what a user wrote as a function into the graph's terms. What cannot be captured is kept as an opaque
 * function with the reason, and still runs; only what could never run as a handler is refused.
 *
 * @module
 */

import type { Expr, Span, Statement } from "../../graph/nodes.ts";
import { type Capture, outcome } from "./expressions.ts";
import { type ParsedFunction, parseFunction, sourceOf } from "./parse.ts";
import type { StateUse } from "../state.ts";
import { bindPattern } from "./patterns.ts";
import { NotCaptured, Scope, type Values } from "./scope.ts";
import { strayMember } from "./stray.ts";
import { effect, functionValue, handlerBody } from "./statements.ts";

/** A function as users give it to a builder: of the context, and of the values given with `.with()`. */
export type UserFunction = (context: never, values: never) => unknown;

/** Why a function runs as it is. */
export interface Opaque {
  readonly source: string;
  readonly reason: string;
  readonly span?: Span;
  /** Takes the context alone: the values given with `.with()` are bound. */
  readonly run: (context: never) => unknown;
}

/** A captured function with what it does to maps, or the function itself. */
export type Captured<T> = { readonly value: T; readonly uses: readonly StateUse[] } | {
  readonly opaque: Opaque;
};

/** Most nodes that one function may become. */
export const MAX_NODES = 5_000;

/**
 * Captures a function that returns a value: a filter, a key, a number, a text.
 *
 * @throws {TypeError} If it is no function, or one that could not work: asynchronous, a generator, a class.
 */
export function captureValue(fn: unknown, what: string, values: Values): Captured<Expr> {
  return attempt(
    fn,
    what,
    values,
    (parsed, scope, capture) =>
      parsed.body.type === "BlockStatement"
        ? functionValue(parsed.body, scope, capture)
        : outcome(parsed.body, scope, capture),
    (wrong) => wrong,
  );
}

/**
 * Captures a handler: a function that is called for what it does.
 *
 * @throws {TypeError} If it is no function, or one that could not work: asynchronous, a generator, a class.
 */
export function captureHandler(fn: unknown, what: string, values: Values): Captured<readonly Statement[]> {
  return attempt(
    fn,
    what,
    values,
    (parsed, scope, capture) =>
      parsed.body.type === "BlockStatement"
        ? handlerBody(parsed.body, scope, capture)
        : effect(parsed.body, scope, capture),
    (wrong) => [{ op: "expr", value: wrong }],
  );
}

function attempt<T>(
  given: unknown,
  what: string,
  values: Values,
  build: (parsed: ParsedFunction, scope: Scope, capture: Capture) => T,
  failing: (wrong: Expr) => T,
): Captured<T> {
  const fn = checked(given, what);
  const source = sourceOf(fn);
  const run = (context: never) => fn(context, values as never);
  let parsed: ParsedFunction | undefined;
  try {
    parsed = parseFunction(source);
    const { span } = parsed;
    const scope = new Scope(values);
    let left = MAX_NODES;
    const uses: StateUse[] = [];
    const capture: Capture = {
      span,
      use: (use) => void uses.push(use),
      spend: (node) => {
        if (--left < 0) {
          throw new NotCaptured(`the function is larger than ${MAX_NODES} expressions`, span(node));
        }
      },
    };
    bindParameters(parsed, scope, capture);
    return { value: build(parsed, scope, capture), uses };
  } catch (error) {
    if (error instanceof NotCaptured) {
      // It would fail at the first hit; better where it attaches.
      const wrong = parsed === undefined ? undefined : strayMember(parsed);
      if (wrong !== undefined) return { value: failing(wrong), uses: [] };
      const { message: reason, span } = error;
      return { opaque: span === undefined ? { source, reason, run } : { source, reason, span, run } };
    }
    // Nested too deeply for the parser or for capture: it runs as it is.
    if (error instanceof RangeError) {
      return { opaque: { source, reason: "the function is nested too deeply", run } };
    }
    throw error;
  }
}

function bindParameters(parsed: ParsedFunction, scope: Scope, capture: Capture): void {
  const [context, given, more] = parsed.params;
  if (more !== undefined) {
    throw new NotCaptured("a handler has two parameters, the context and the values", parsed.span(more));
  }
  if (context !== undefined) bindPattern(context, { is: "context" }, scope, capture);
  if (given !== undefined) bindPattern(given, { is: "values" }, scope, capture);
}

/** The function itself, if a probe could call it at all. */
function checked(given: unknown, what: string): UserFunction {
  if (typeof given !== "function") {
    throw new TypeError(
      `Cannot build ${what} from ${shown(given)}: it takes a function of the context, c => …`,
    );
  }
  const kind = Object.prototype.toString.call(given);
  if (kind === "[object AsyncFunction]" || kind === "[object AsyncGeneratorFunction]") {
    throw new TypeError(
      `Cannot build ${what} from an async function: a probe cannot wait; write it without async`,
    );
  }
  if (kind === "[object GeneratorFunction]") {
    throw new TypeError(
      `Cannot build ${what} from a generator: a probe runs it once; write it without the star`,
    );
  }
  const fn = given as UserFunction;
  if (/^class\b/.test(sourceOf(fn))) {
    throw new TypeError(`Cannot build ${what} from a class: it takes a function of the context, c => …`);
  }
  return fn;
}

/** A given value, short, as an error message quotes it. */
export function shown(given: unknown): string {
  switch (typeof given) {
    case "string":
      return JSON.stringify(given.length > 60 ? given.slice(0, 57) + "…" : given);
    case "bigint":
      return `${given}n`;
    case "function":
      return "a function";
    case "object":
      return given === null ? "null" : Array.isArray(given) ? "an array" : "an object";
    default:
      return String(given);
  }
}
