/**
 * Checks that data read from outside is a graph, before anything is compiled from it.
 *
 * @module
 */

import { BUILTIN_NAMES } from "./context_names.ts";
import { FUNCTION_NAMES } from "./functions/names.ts";
import type { ProbeGraph } from "./nodes.ts";
import { OUTPUT_FORMS } from "./statements.ts";

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
const boolean: Check = (value, path) => typeof value === "boolean" || fail(path, "true or false");
const yes: Check = (value, path) => value === undefined || value === true || fail(path, "true");

/** A map's name, which generated code holds too. */
const mapName: Check = (value, path) =>
  typeof value === "string" && /^\w*$/.test(value) || fail(path, "a map's name");

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
  kstack: { depth: number, mode: optional(oneOf("perf", "raw")) },
  ustack: { depth: number, mode: optional(oneOf("perf", "raw")) },
  unary: { operator: oneOf("!", "-", "~", "+"), operand: expr },
  binary: { operator: oneOf(...BINARY), left: expr, right: expr, signed: optional(boolean) },
  cond: { test: expr, then: expr, else: expr },
  template: { parts: list(part) },
  tuple: { items: list(expr) },
  call: { fn: oneOf(...CALLS, ...FUNCTION_NAMES), args: list(expr) },
  local: { name: identifier },
  record: { fields: list(record({ name: string, value: expr })) },
  mapGet: { map: mapName, key: list(expr) },
  mapHas: { map: mapName, key: list(expr) },
  mapLen: { map: mapName },
  entry: {},
  enum: { name: string },
  sizeof: { of: part },
  offsetof: { type: string, field: string },
  containerOf: { pointer: expr, type: string, field: string },
  block: { body: list((value, path) => statementCases(value, path)) },
  novalue: { name: string },
  opaque: { fn: index, source: string, reason: string },
});

const statement: Check = (value, path) => statementCases(value, path);

const body = list(statement);

const STATEMENTS: Readonly<Record<string, Readonly<Record<string, Check>>>> = {
  expr: { value: expr },
  let: { name: identifier, value: expr },
  set: { name: identifier, value: expr },
  if: { test: expr, then: body, else: body },
  print: { parts: list(part) },
  printf: { format: string, args: list(expr) },
  output: { form: oneOf(...OUTPUT_FORMS), format: string, args: list(expr) },
  aggregate: { map: mapName, key: list(expr), value: optional(expr) },
  store: { map: mapName, key: list(expr), value: expr },
  delete: { map: mapName, key: list(expr) },
  clear: { map: mapName },
  zero: { map: mapName },
  printMap: { map: mapName, key: optional(list(expr)), top: optional(expr), div: optional(expr) },
  emit: { table: string, row: expr },
  exit: { code: optional(expr) },
  range: { name: identifier, from: expr, to: expr, body },
  each: { map: mapName, key: identifier, value: identifier, body },
  while: { test: expr, update: body, body },
  break: {},
  continue: {},
  return: { value: optional(expr) },
};

const statementCases: Check = union("op", STATEMENTS);

const step = union("op", {
  filter: { test: expr },
  limit: { count: index },
  sample: { count: index },
  do: { body },
  ...STATEMENTS,
});

const point = union("kind", {
  kprobe: { target: string, offset: number },
  kretprobe: { target: string, maxactive: number, timed: yes },
  fentry: { target: string },
  fexit: { target: string },
  uprobe: { path: string, target: string, offset: number },
  uretprobe: { path: string, target: string },
  tracepoint: { subsystem: string, event: string },
  interval: { ns: number, spec: string },
  profile: { ns: number, spec: string },
  software: { event: string, count: number },
  begin: {},
  end: {},
});

const aggregation = union("fn", {
  count: {},
  value: {},
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
  probes: list(record({
    name: string,
    point,
    more: optional(list(point)),
    missing: optional(oneOf("error", "warn", "ignore")),
    arithmetic: optional(oneOf("c")),
    entry: optional(expr),
    steps: list(step),
  })),
  maps: list(record({
    name: mapName,
    aggregation,
    keyParts: index,
    maxEntries: optional(index),
    lru: yes,
    perCpu: yes,
    top: optional(index),
    shown: (value, path) => value === undefined || value === false || fail(path, "false"),
  })),
});
