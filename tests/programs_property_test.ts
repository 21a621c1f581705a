/**
 * Random handlers that keep state, loop and leave early: captured and compiled, the same through the graph's JSON, and
 * as the functions themselves give the same prints, maps, rows and errors.
 */

import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { compile, type CompiledProgram } from "../graph/compile.ts";
import { graphFromJson, graphToJson } from "../graph/json.ts";
import { LiveMap, MAP_OF } from "../graph/maps/live_map.ts";
import type { Program } from "../graph/nodes.ts";
import { PlainHit } from "../graph/plain_hit.ts";
import { toValue } from "../graph/value.ts";
import { coreImage } from "../image/load.ts";
import { hash, kprobe, program } from "../probes/mod.ts";

const image = await coreImage("x86_64");

/** Sources of expressions and statements; `deep` counts the loops around them. */
const { num, bool } = fc.letrec<{ num: string; bool: string }>((tie) => ({
  num: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    fc.constantFrom("0", "1", "2", "3", "-1", "7", "0.5", "1e9", "2147483648"),
    fc.constantFrom("c.pid", "c.nsecs", "a", "b", "i", "j", "m.size"),
    fc.tuple(tie("num"), fc.constantFrom("+", "-", "*", "%", "&", "|", "<<", ">>>"), tie("num"))
      .map(([l, op, r]) => `(${l} ${op} ${r})`),
    fc.tuple(tie("num"), tie("num")).map(([key, other]) => `(m.get(${key}) ?? ${other})`),
    fc.tuple(tie("bool"), tie("num"), tie("num")).map(([t, l, r]) => `(${t} ? ${l} : ${r})`),
    tie("num").map((x) => `Math.trunc(${x})`),
  ),
  bool: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    fc.tuple(tie("num"), fc.constantFrom("<", "<=", "===", "!==", ">"), tie("num"))
      .map(([l, op, r]) => `(${l} ${op} ${r})`),
    tie("num").map((key) => `m.has(${key})`),
    tie("num").map((key) => `(m.get(${key}) === undefined)`),
    fc.tuple(tie("bool"), fc.constantFrom("&&", "||"), tie("bool")).map(([l, op, r]) => `(${l} ${op} ${r})`),
    tie("bool").map((x) => `!(${x})`),
    fc.constantFrom('c.comm === "cat"', 'c.comm.startsWith("c")'),
  ),
}));

function statement(deep: number): fc.Arbitrary<string> {
  const simple = fc.oneof(
    num.map((x) => `a = ${x};`),
    fc.tuple(fc.constantFrom("+=", "-=", "*=", "|="), num).map(([op, x]) => `b ${op} ${x};`),
    fc.constantFrom("a++;", "b--;"),
    fc.tuple(num, num).map(([x, y]) => `print(${x}, ${y});`),
    fc.tuple(num, num).map(([key, x]) => `m.set(${key}, ${x});`),
    num.map((key) => `m.delete(${key});`),
    fc.tuple(num, num).map(([key, part]) => `n.count([${key}, ${part} & 3]);`),
    fc.tuple(num, num).map(([key, x]) => `s.sum(${key}, ${x});`),
    bool.map((test) => `if (${test}) return;`),
    fc.constantFrom("m.clear();", "m.zero();"),
    ...(deep > 0
      ? [bool.map((test) => `if (${test}) break;`), bool.map((test) => `if (${test}) continue;`)]
      : []),
  );
  if (deep > 1) return simple;
  const body = fc.array(statement(deep + 1), { maxLength: 3 }).map((list) => list.join(" "));
  const same = fc.array(simple, { maxLength: 3 }).map((list) => list.join(" "));
  const counter = deep === 0 ? "i" : "j";
  return fc.oneof(
    { weight: 6, arbitrary: simple },
    {
      weight: 1,
      arbitrary: fc.tuple(bool, same, same).map(([t, l, r]) => `if (${t}) { ${l} } else { ${r} }`),
    },
    {
      weight: 1,
      arbitrary: fc.tuple(fc.nat(4), body).map(([to, inner]) =>
        `for (${counter} = 0; ${counter} < ${to}; ${counter}++) { ${inner} }`
      ),
    },
    {
      weight: 1,
      arbitrary: body.map((inner) => `for (const [k, v] of m) { print(k, v); b += v; ${inner} }`),
    },
    { weight: 1, arbitrary: body.map((inner) => `for (const x of m.values()) { b += x; ${inner} }`) },
  );
}

const sources = fc.array(statement(0), { minLength: 1, maxLength: 5 }).map((list) =>
  `(c, { m, n, s }) => { let a = 0, b = 1, i = 0, j = 0; ${list.join(" ")} print(a, b); }`
);

const hits = fc.array(fc.record({ pid: fc.nat(5), nsecs: fc.nat(9), comm: fc.constantFrom("cat", "dd") }), {
  minLength: 1,
  maxLength: 4,
});

type HitRecord = { readonly pid: number; readonly nsecs: number; readonly comm: string };
type Handler = Parameters<ReturnType<typeof kprobe>["do"]>[0];

function built(fn: Handler): Program {
  const [m, n, s] = [
    hash<number, number>("m"),
    hash<[number, number], number>("n"),
    hash<number, number>("s"),
  ];
  return program({ p: kprobe("vfs_read").with({ m, n, s }).do(fn as never) });
}

/** What a program does with some hits: prints, maps, the error that ended one. */
function seen(made: Program, given: readonly HitRecord[]): unknown {
  const compiled = compile(made, image);
  const hit = new PlainHit();
  const errors: string[] = [];
  for (const values of given) {
    hit.values = values;
    hit.context = contextOf(values, compiled, hit);
    try {
      compiled.attachments[0]?.handler(hit);
    } catch (error) {
      errors.push(String(error));
    }
  }
  const maps = compiled.snapshot().map(({ name, aggregation, entries }) => ({ name, aggregation, entries }));
  return { printed: hit.printed, errors, maps };
}

/** The context of functions that run as they are. */
function contextOf(values: HitRecord, compiled: CompiledProgram, hit: PlainHit): object {
  const live = new Map(
    [...compiled.maps].map((
      [name, map],
    ) => [name, new LiveMap(map, () => {}, { key: [], value: undefined })]),
  );
  return {
    ...values,
    print: (...parts: unknown[]) => hit.print(parts.map((part) => toValue(part, String))),
    [MAP_OF]: (name: string) => live.get(name),
  };
}

Deno.test("random programs give the same captured, through JSON, and as they are", () => {
  fc.assert(
    fc.property(sources, hits, (source, given) => {
      const fn = Function("print", `return ${source};`)(
        (...parts: unknown[]) => printed?.(...parts),
      ) as Handler;
      const made = built(fn);
      assertEquals(made.functions.length, 0, `${source}\n${JSON.stringify(made.graph.probes[0]?.steps)}`);
      const direct = seen(made, given);
      assertEquals(seen(graphFromJson(graphToJson(made.graph)), given), direct, source);
      // A name from outside keeps it from being captured; nothing else is different.
      const open = Function("print", "outer", `return ${source.replace("{ let", "{ outer; let")};`)(
        (...parts: unknown[]) => printed?.(...parts),
        0,
      ) as Handler;
      const opaque = built(open);
      assertEquals(opaque.functions.length, 1, source);
      assertEquals(plainly(opaque, given, made), direct, source);
    }),
    { seed: 7, numRuns: Number(Deno.env.get("KSCOPE_RUNS") ?? 500) },
  );
});

let printed: ((...parts: unknown[]) => void) | undefined;

/** The same for functions as they are: their `print` is the context's. The key of `n` has the parts that capture found. */
function plainly(opaque: Program, given: readonly HitRecord[], captured: Program): unknown {
  const { maps } = captured.graph;
  const graph = { ...opaque.graph, maps };
  const functions = opaque.functions.map((fn) => (context: never) => {
    printed = (...parts) => (context as { print(...parts: unknown[]): void }).print(...parts);
    return fn(context);
  });
  return seen({ graph, functions }, given);
}
