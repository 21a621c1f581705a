/**
 * Captured functions against the functions themselves: random sources run as JavaScript on a plain context, and as
 * captured, by a plain interpreter. Both must give the same value and the same prints.
 */

import { assertEquals } from "@std/assert";
import fc from "fast-check";
import type { Expr, Statement } from "../../graph/nodes.ts";
import { captureHandler, captureValue } from "./mod.ts";

type Fields = Readonly<Record<string, unknown>>;

class Interpreter {
  readonly printed: string[] = [];
  readonly #locals = new Map<string, unknown>();
  readonly #context: Fields;

  constructor(context: Fields) {
    this.#context = context;
  }

  run(body: readonly Statement[]): void {
    for (const statement of body) {
      switch (statement.op) {
        case "expr":
          this.value(statement.value);
          break;
        case "let":
          this.#locals.set(statement.name, this.value(statement.value));
          break;
        case "if":
          this.run(this.value(statement.test) ? statement.then : statement.else);
          break;
        case "print":
          this.printed.push(statement.parts.map((part) => this.#text(part)).join(" "));
      }
    }
  }

  value(expr: Expr): unknown {
    switch (expr.op) {
      case "literal":
        return expr.value ?? undefined;
      case "builtin":
        return this.#context[expr.name];
      case "arg":
        return (this.#context.args as Fields)[expr.name];
      case "argn":
        return (this.#context.arg as (index: number) => unknown)(expr.index);
      case "field":
        return (this.value(expr.base) as Fields)[expr.name];
      case "local":
        return this.#locals.get(expr.name);
      case "cond":
        return this.value(expr.test) ? this.value(expr.then) : this.value(expr.else);
      case "template":
        return expr.parts.map((part) => this.#text(part)).join("");
      case "tuple":
        return expr.items.map((item) => this.value(item));
      case "unary":
        return unary(expr.operator, this.value(expr.operand));
      case "call": {
        const [base, ...rest] = expr.args.map((arg) => this.value(arg));
        if (expr.fn === "length") return String(base).length;
        if (expr.fn === "trunc" || expr.fn === "floor") return Math[expr.fn](Number(base));
        if (expr.fn === "str" || expr.fn === "ksym" || expr.fn === "usym") {
          return `${expr.fn} ${String(base)}`;
        }
        return Reflect.apply(Reflect.get(String.prototype, expr.fn), String(base), [String(rest[0])]);
      }
      case "binary":
        return this.#binary(expr);
      default:
        throw new Error(`not in these sources: ${expr.op}`);
    }
  }

  #text(part: string | Expr): string {
    return typeof part === "string" ? part : String(this.value(part));
  }

  #binary(expr: Expr & { readonly op: "binary" }): unknown {
    const left = this.value(expr.left);
    switch (expr.operator) {
      case "&&":
        return left && this.value(expr.right);
      case "||":
        return left || this.value(expr.right);
      case "??":
        return left ?? this.value(expr.right);
    }
    const right = this.value(expr.right);
    if (expr.operator === "==") return left === right;
    if (expr.operator === "!=") return left !== right;
    const operate: unknown = new Function("l", "r", `return l ${expr.operator} r`);
    return (operate as (l: unknown, r: unknown) => unknown)(left, right);
  }
}

function unary(operator: string, operand: unknown): unknown {
  const operate: unknown = new Function("o", `return ${operator} o`);
  return (operate as (o: unknown) => unknown)(operand);
}

const joined = (
  parts: readonly fc.Arbitrary<string>[],
  join: (...texts: string[]) => string,
): fc.Arbitrary<string> => fc.tuple(...parts).map((texts) => join(...texts));

const { num, str, bool } = fc.letrec<{ num: string; str: string; bool: string }>((tie) => {
  const [n, s, b] = [tie("num"), tie("str"), tie("bool")];
  return {
    num: fc.oneof(
      { depthSize: "small", withCrossShrink: true },
      fc.constantFrom(
        "c.pid",
        "c.args.count",
        "c?.args?.file?.f_flags",
        "c.arg(1)",
        "v.limit",
        "given",
        "count",
      ),
      fc.integer({ min: -9, max: 99 }).map(String),
      joined(
        [n, n, fc.constantFrom("+", "-", "*", "/", "%", "&", "|", "^", "<<", ">>", ">>>")],
        (l, r, o) => `(${l} ${o} ${r})`,
      ),
      joined([b, n, n], (t, x, y) => `(${t} ? ${x} : ${y})`),
      joined([fc.constantFrom("-", "~", "+"), n], (o, x) => `(${o} ${x})`),
      joined([n], (x) => `Math.trunc(${x})`),
      fc.constant("c.comm.length"),
    ),
    str: fc.oneof(
      { depthSize: "small", withCrossShrink: true },
      fc.constantFrom("c.comm", '"cat"', "'c'", "c.args.path.dentry.d_name.name", "v.name", "`a\\n`"),
      joined([s, n], (x, y) => `\`\${${x}}-\${${y}}\``),
      joined([s, s], (x, y) => `(${x} + ${y})`),
      joined([b, s, s], (t, x, y) => `(${t} ? ${x} : ${y})`),
    ),
    bool: fc.oneof(
      { depthSize: "small", withCrossShrink: true },
      joined([n, n, fc.constantFrom("<", "<=", ">", ">=", "===", "!==")], (l, r, o) => `(${l} ${o} ${r})`),
      joined([s, s, fc.constantFrom("===", "!==", "<")], (l, r, o) => `(${l} ${o} ${r})`),
      joined([b, b, fc.constantFrom("&&", "||")], (l, r, o) => `(${l} ${o} ${r})`),
      joined([b], (x) => `!${x}`),
      joined([s, s, fc.constantFrom("startsWith", "endsWith", "includes")], (x, y, m) => `${x}.${m}(${y})`),
      joined([s, s, s], (x, y, z) => `[${x}, ${y}].includes(${z})`),
    ),
  };
});

const any = fc.oneof(num, str, bool);
const preamble = "const { count } = c.args; const given = v.limit + 1;";

const contexts = fc.record({
  pid: fc.integer({ min: 0, max: 300 }),
  comm: fc.constantFrom("cat", "dd", "c", ""),
  count: fc.integer({ min: -5, max: 5000 }),
  name: fc.constantFrom("hosts", "c", "cat"),
  limit: fc.integer({ min: 0, max: 300 }),
});

type Shape = { pid: number; comm: string; count: number; name: string; limit: number };

function contextOf({ pid, comm, count, name }: Shape, printed: string[]): Fields {
  const args = { count, file: { f_flags: pid & 3 }, path: { dentry: { d_name: { name } } } };
  return {
    pid,
    comm,
    args,
    arg: (index: number) => index + count,
    print: (...values: unknown[]) => printed.push(values.map(String).join(" ")),
  };
}

function compile(source: string): (context: unknown, values: unknown) => unknown {
  return new Function(`return (${source})`)() as (context: unknown, values: unknown) => unknown;
}

/** Blocks with locals, branches and early returns, which end in a value. */
const block = fc.letrec<{ body: string }>((tie) => ({
  body: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    any.map((value) => `return ${value};`),
    joined([bool, tie("body")], (test, rest) => `if (${test}) { const given = 5; } ${rest}`),
    joined([bool, any, tie("body")], (test, value, rest) => `if (${test}) return ${value}; ${rest}`),
    joined([bool, tie("body"), tie("body")], (test, yes, no) => `if (${test}) { ${yes} } else { ${no} }`),
    joined([num, tie("body")], (value, rest) => `{ const x = ${value}; } ${rest}`),
  ),
})).body;

Deno.test("a captured value is what the function returns", () => {
  fc.assert(
    fc.property(fc.oneof(any.map((v) => `return ${v};`), block), contexts, (body, shape) => {
      const source = `(c, v) => { ${preamble} ${body} }`;
      const values = { limit: shape.limit, name: "cat" };
      const fn = compile(source);
      const captured = captureValue(fn, ".filter()", values);
      if ("opaque" in captured) throw new Error(`${source}: ${captured.opaque.reason}`);
      const context = contextOf(shape, []);
      assertEquals(new Interpreter(context).value(captured.value), fn(context, values), source);
    }),
    { numRuns: 1000, seed: 20261122 },
  );
});

/** Handlers that print in some branches. */
const handler = fc.letrec<{ body: string }>((tie) => ({
  body: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    joined([any, any], (x, y) => `c.print(${x}, ${y});`),
    joined([bool, any], (test, x) => `${test} && c.print(${x});`),
    joined([bool, any, any], (test, x, y) => `${test} ? c.print(${x}) : c.print(${y});`),
    joined([bool, tie("body"), tie("body")], (test, yes, no) => `if (${test}) { ${yes} } else { ${no} }`),
    joined([bool, tie("body"), tie("body")], (test, yes, rest) => `if (${test}) { ${yes} return; } ${rest}`),
    joined(
      [num, tie("body"), tie("body")],
      (value, inner, rest) => `{ const given = ${value.replaceAll("given", "1")}; ${inner} } ${rest}`,
    ),
    joined([tie("body"), tie("body")], (first, second) => `${first} ${second}`),
  ),
})).body;

Deno.test("a captured handler prints what the function prints", () => {
  fc.assert(
    fc.property(handler, contexts, (body, shape) => {
      const source = `(c, v) => { ${preamble} ${body} }`;
      const values = { limit: shape.limit, name: "cat" };
      const fn = compile(source);
      const captured = captureHandler(fn, ".do()", values);
      if ("opaque" in captured) throw new Error(`${source}: ${captured.opaque.reason}`);
      const printed: string[] = [];
      const context = contextOf(shape, printed);
      fn(context, values);
      const interpreter = new Interpreter(context);
      interpreter.run(captured.value);
      assertEquals(interpreter.printed, printed, source);
    }),
    { numRuns: 1000, seed: 20261122 },
  );
});
