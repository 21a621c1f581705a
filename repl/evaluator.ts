/**
 * Evaluates TypeScript at the prompt: types stripped, top-level await, names that live on, `_` for the last value.
 *
 * @module
 */

import { parse } from "meriyah";
import { stripTypes } from "../commands/typescript.ts";
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
    const js = await (/^\s*\{/.test(source) ? asExpression(source) : stripTypes(source));
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

async function asExpression(source: string): Promise<string> {
  const wrapped = `(${source.trimEnd().replace(/;$/, "")}\n)`;
  try {
    const js = await stripTypes(wrapped);
    parse(js, { module: true, next: true });
    return js;
  } catch {
    return await stripTypes(source);
  }
}
