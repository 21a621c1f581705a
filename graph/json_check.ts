/**
 * Checks that data read from outside is a graph, before anything is compiled from it.
 *
 * @module
 */

import { BUILTIN_NAMES } from "./context_names.ts";
import type { ProbeGraph } from "./nodes.ts";

type Check = (value: unknown, path: string) => void;

/** The value as a graph. Throws a `SyntaxError` that names the first place which is none. */
export function checkGraph(value: unknown): ProbeGraph {
  graph(value, "graph");
  return value as ProbeGraph;
}

function fail(path: string, wanted: string): never {
  throw new SyntaxError(`Cannot read the graph: ${path} is not ${wanted}`);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

const string: Check = (value, path) => typeof value === "string" || fail(path, "a string");
const number: Check = (value, path) => typeof value === "number" || fail(path, "a number");
const index: Check = (value, path) =>
  typeof value === "number" && Number.isInteger(value) && value >= 0 || fail(path, "a whole number");
const yes: Check = (value, path) => value === undefined || value === true || fail(path, "true");

/** A name as generated code may hold it. */
const identifier: Check = (value, path) =>
  typeof value === "string" && /^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u.test(value) || fail(path, "a name");

function list(item: Check): Check {
  return (value, path) => {
    if (!Array.isArray(value)) fail(path, "a list");
    value.forEach((inner: unknown, i) => item(inner, `${path}[${i}]`));
  };
}

function oneOf(...names: readonly string[]): Check {
  return (value, path) =>
    typeof value === "string" && names.includes(value) || fail(path, `one of ${names.join(", ")}`);
}

function optional(check: Check): Check {
  return (value, path) => value === undefined || check(value, path);
}

function record(members: Readonly<Record<string, Check>>): Check {
  return (value, path) => {
    if (!isRecord(value)) fail(path, "an object");
    for (const [name, check] of Object.entries(members)) check(value[name], `${path}.${name}`);
  };
}

/** An object whose member `tag` tells which members it has. */
function union(tag: string, cases: Readonly<Record<string, Readonly<Record<string, Check>>>>): Check {
  return (value, path) => {
    if (!isRecord(value)) fail(path, "an object");
    const name = value[tag];
    const members = typeof name === "string" && Object.hasOwn(cases, name) ? cases[name] : undefined;
    if (members === undefined) fail(`${path}.${tag}`, `one of ${Object.keys(cases).join(", ")}`);
    record(members)(value, path);
  };
}

const literal: Check = (value, path) =>
  value === null || ["string", "number", "boolean", "bigint"].includes(typeof value) ||
  fail(path, "a literal");

const expr: Check = (value, path) => exprCases(value, path);
const part: Check = (value, path) => typeof value === "string" || expr(value, path);

const BINARY = "+ - * / % & | ^ << >> >>> == != < <= > >= && || ??".split(" ");
const CALLS = "startsWith endsWith includes str ksym usym length trunc floor".split(" ");

const exprCases: Check = union("op", {
  literal: { value: literal },
  builtin: { name: oneOf(...BUILTIN_NAMES) },
  argn: { index },
  arg: { name: string },
  field: { base: expr, name: string },
  index: { base: expr, index: expr },
  cast: { base: expr, type: string },
  reg: { name: string },
  kstack: { depth: number },
  ustack: { depth: number },
  unary: { operator: oneOf("!", "-", "~", "+"), operand: expr },
  binary: { operator: oneOf(...BINARY), left: expr, right: expr },
  cond: { test: expr, then: expr, else: expr },
  template: { parts: list(part) },
  tuple: { items: list(expr) },
  call: { fn: oneOf(...CALLS), args: list(expr) },
  local: { name: identifier },
  novalue: { name: string },
  opaque: { fn: index, source: string, reason: string },
});

const statement: Check = (value, path) => statementCases(value, path);

const statementCases: Check = union("op", {
  expr: { value: expr },
  let: { name: identifier, value: expr },
  if: { test: expr, then: list(statement), else: list(statement) },
  print: { parts: list(part) },
});

const step = union("op", {
  filter: { test: expr },
  aggregate: { map: string, key: list(expr), value: optional(expr) },
  print: { parts: list(part) },
  printf: { format: string, args: list(expr) },
  do: { body: list(statement) },
});

const point = union("kind", {
  kprobe: { target: string, offset: number },
  kretprobe: { target: string, maxactive: number, timed: yes },
  uprobe: { path: string, target: string, offset: number },
  uretprobe: { path: string, target: string },
  tracepoint: { subsystem: string, event: string },
  interval: { ns: number, spec: string },
  begin: {},
  end: {},
});

const aggregation = union("fn", {
  count: {},
  sum: {},
  avg: {},
  min: {},
  max: {},
  stats: {},
  hist: { bits: number },
  lhist: { min: number, max: number, step: number },
});

const graph = record({
  version: number,
  probes: list(record({ name: string, point, steps: list(step) })),
  maps: list(record({ name: string, aggregation, keyParts: index })),
});
