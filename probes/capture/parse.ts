/**
 * From a function to the syntax tree of its source.
 *
 * @module
 */

import { parseScript } from "meriyah";
import type { ESTree } from "meriyah";
import type { Span } from "../../graph/nodes.ts";
import { NotCaptured } from "./scope.ts";

/** Longest source that is captured; a longer function still runs, as it is. */
export const MAX_SOURCE = 20_000;

/** A function's source, and the tree of it. Spans count from the start of `source`. */
export interface ParsedFunction {
  readonly source: string;
  readonly params: readonly ESTree.Parameter[];
  readonly body: ESTree.Expression | ESTree.BlockStatement;
  span(node: ESTree.Node): Span;
}

/** Source as `Function.prototype.toString` prints it, whatever the function itself overrides. */
export function sourceOf(fn: (...args: never[]) => unknown): string {
  return Function.prototype.toString.call(fn);
}

/** Parses a function's source. Raises `NotCaptured` where there is no source to parse. */
export function parseFunction(source: string): ParsedFunction {
  if (source.length > MAX_SOURCE) {
    throw new NotCaptured(`the function is longer than ${MAX_SOURCE} characters`);
  }
  if (/\{\s*\[native code\]\s*\}\s*$/.test(source)) {
    throw new NotCaptured("a native or bound function has no source to read");
  }
  // An arrow or a function expression parses in parentheses, a method only inside an object literal.
  const parsed = attempt(source, "(", ")", (node) => node) ??
    attempt(source, "({", "})", (node) => {
      const property = node.type === "ObjectExpression" ? node.properties[0] : undefined;
      return property?.type === "Property" ? property.value : undefined;
    });
  if (parsed === undefined) throw new NotCaptured("its source could not be parsed");
  return parsed;
}

function attempt(
  source: string,
  before: string,
  after: string,
  pick: (node: ESTree.Expression) => ESTree.Node | null | undefined,
): ParsedFunction | undefined {
  let program: ESTree.Program;
  try {
    program = parseScript(before + source + after, { ranges: true, next: true });
  } catch {
    return undefined;
  }
  const first = program.body[0];
  const node = first?.type === "ExpressionStatement" ? pick(first.expression) : undefined;
  if (node?.type !== "ArrowFunctionExpression" && node?.type !== "FunctionExpression") return undefined;
  const body = node.body;
  if (body === null || body === undefined) return undefined;
  return {
    source,
    params: node.params,
    body,
    span: (inner) => ({
      start: (inner.range?.[0] ?? before.length) - before.length,
      end: (inner.range?.[1] ?? before.length) - before.length,
      source,
    }),
  };
}
