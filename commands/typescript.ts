/**
 * TypeScript that a user typed, as JavaScript.
 *
 * @module
 */

import type { Script } from "node:vm";

/** Takes the types out. Throws a SyntaxError that says what is wrong. */
export async function stripTypes(source: string): Promise<string> {
  // Loaded at the first use: it brings in a good part of Node's modules, which running a script doesn't need.
  const { stripTypeScriptTypes } = await import("node:module");
  try {
    return stripTypeScriptTypes(source);
  } catch (error) {
    throw new SyntaxError(reasonOf(source, error instanceof Error ? error.message : String(error)));
  }
}

function reasonOf(source: string, message: string): string {
  const reason = message.replace(/ at file:\S*:(\d+):(\d+)$/, " at $1:$2").replace(/^\[\w+\] /, "");
  if (reason !== "Syntax error") return reason;
  // The stripper doesn't say what is wrong; the JavaScript engine does, unless types stand before it.
  try {
    new Function(`return async () => {\n${source}\n}`);
  } catch (error) {
    if (error instanceof Error) return error.message;
  }
  return reason;
}

/** An expression in parentheses, without its types. */
async function asValue(source: string): Promise<string> {
  const { stripTypeScriptTypes } = await import("node:module");
  try {
    return stripTypeScriptTypes(`(${source}\n)`);
  } catch (error) {
    throw new SyntaxError(await expressionFault(source), { cause: error });
  }
}

/**
 * What is wrong with an expression, in terms of the text alone. The closing parenthesis is left out, so that what the
 * engine meets after an unfinished text is its end; if that does parse, the text closes the parenthesis itself.
 */
async function expressionFault(source: string): Promise<string> {
  const { Script }: { Script: new (code: string) => Script } = await import("node:vm");
  try {
    // Parses, runs nothing.
    new Script(`async () => (${source}\n`);
  } catch (error) {
    if (error instanceof Error) return error.message;
  }
  return "Unexpected token ')'";
}

/** Evaluates one TypeScript expression with `scope`'s names in reach. `await` works in it. */
export async function evaluateExpression(
  source: string,
  scope: Readonly<Record<string, unknown>>,
): Promise<unknown> {
  const js = await asValue(source);
  const names = Object.keys(scope);
  const run = new Function(...names, `"use strict"; return (async () => (${js}))();`);
  return await run(...names.map((name) => scope[name]));
}
