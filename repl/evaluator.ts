/**
 * Evaluates TypeScript at the prompt: types stripped, top-level await, names that live on, `_` for the last value.
 *
 * @module
 */

import { stripTypeScriptTypes } from "node:module";
import { parse } from "meriyah";
import { rewrite } from "./rewrite.ts";

/** Names at the prompt. */
export type Scope = Record<string, unknown>;

/** Evaluates one input after another in one scope. */
export class Evaluator {
  /** What a line sees: the names it starts with, and those that lines have declared. */
  readonly scope: Scope;

  /**
   * @param scope The names to start with.
   * @param importModule Imports a module for `import` at the prompt; relative paths are the user's.
   */
  constructor(scope: Scope, importModule: (specifier: string) => Promise<unknown>) {
    this.scope = { ...scope, _: undefined, __import: importModule };
    Object.defineProperty(this.scope, "__import", { enumerable: false });
  }

  /**
   * Runs TypeScript and resolves to the value of its last expression (promises are awaited). Throws what the code
   * throws, or a SyntaxError with line and column.
   */
  async evaluate(source: string): Promise<unknown> {
    // An object literal at the start of a line is meant as one, not as a block.
    const js = strip(/^\s*\{/.test(source) ? asExpression(source) : source);
    const { code, names } = rewrite(js);
    for (const name of names) {
      if (!Object.hasOwn(this.scope, name)) this.scope[name] = undefined;
    }
    const run = new Function("__scope", `with (__scope) { return (async () => {\n${code}\n})(); }`) as (
      scope: Scope,
    ) => Promise<unknown>;
    const value = await run(this.scope);
    if (value !== undefined) this.scope["_"] = value;
    return value;
  }
}

function asExpression(source: string): string {
  const wrapped = `(${source.trimEnd().replace(/;$/, "")}\n)`;
  try {
    parse(stripTypeScriptTypes(wrapped), { module: true, next: true });
    return wrapped;
  } catch {
    return source;
  }
}

/** Strips types; where that fails, says what is wrong and where. */
function strip(source: string): string {
  try {
    return stripTypeScriptTypes(source);
  } catch (error) {
    throw new SyntaxError(reasonOf(source, error instanceof Error ? error.message : String(error)));
  }
}

function reasonOf(source: string, message: string): string {
  const reason = message.replace(/ at file:\S*:(\d+):(\d+)$/, " at $1:$2").replace(/^\[\w+\] /, "");
  if (reason !== "Syntax error") return reason;
  // The stripper tells no place: JavaScript's parser does, as long as the line has no types before it.
  try {
    parse(source, { module: true, next: true });
  } catch (error) {
    if (error instanceof Error) return error.message;
  }
  return reason;
}
