import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import fc from "fast-check";
import { coreImage } from "../image/load.ts";
import { analyze } from "./compile.ts";
import { graphFromJson, graphToJson } from "./json.ts";
import type { Expr, ProbeGraph } from "./nodes.ts";

const SOURCE = '(c) => c.comm === "cat"';

const { expr } = fc.letrec<{ expr: Expr }>((tie) => {
  const span = fc.record({ start: fc.nat(), end: fc.nat(), source: fc.constantFrom(SOURCE, "c => 1") });
  const base = tie("expr");
  return {
    expr: fc.oneof(
      { depthSize: "small", withCrossShrink: true },
      fc.record({
        op: fc.constant("literal" as const),
        value: fc.oneof(fc.string(), fc.double(), fc.boolean(), fc.bigInt(), fc.constant(null)),
        span,
      }),
      fc.record({
        op: fc.constant("builtin" as const),
        name: fc.constantFrom("pid" as const, "comm", "duration"),
      }),
      fc.record({ op: fc.constant("argn" as const), index: fc.nat(9), span }),
      fc.record({ op: fc.constant("field" as const), base, name: fc.string() }),
      fc.record({ op: fc.constant("cond" as const), test: base, then: base, else: base, span }),
      fc.record({
        op: fc.constant("template" as const),
        parts: fc.array(fc.oneof(fc.string(), base), { maxLength: 3 }),
      }),
      fc.record({
        op: fc.constant("opaque" as const),
        fn: fc.nat(3),
        source: fc.string(),
        reason: fc.string(),
      }),
    ),
  };
});

function graphOf(expr: Expr): ProbeGraph {
  return {
    version: 2,
    probes: [{
      name: "p",
      point: { kind: "kretprobe", target: "vfs_read", maxactive: 3, timed: true },
      steps: [
        { op: "filter", test: expr },
        { op: "aggregate", map: "m", key: [expr], value: undefined },
        { op: "aggregate", map: "m", key: [expr], value: expr },
        { op: "printf", format: "%d\n", args: [expr] },
        {
          op: "do",
          body: [{ op: "let", name: "x", value: expr }, {
            op: "if",
            test: expr,
            then: [],
            else: [{ op: "print", parts: ["a", expr] }],
          }],
        },
      ],
    }, { name: "q", point: { kind: "end" }, steps: [] }],
    maps: [{ name: "m", aggregation: { fn: "lhist", min: 0, max: 10, step: 1 }, keyParts: 1 }],
  };
}

Deno.test("a graph reads back as it was", () => {
  fc.assert(fc.property(expr, (expr) => {
    const graph = graphOf(expr);
    assertEquals(graphFromJson(graphToJson(graph)), { graph, functions: [] });
  }));
});

Deno.test("a source is written once, however many spans point into it", () => {
  const test: Expr = { op: "builtin", name: "pid", span: { start: 1, end: 2, source: SOURCE } };
  const json = graphToJson(
    graphOf({ op: "tuple", items: [test, test], span: { start: 0, end: 3, source: SOURCE } }),
  );
  assertEquals(json.split(JSON.stringify(SOURCE)).length, 2);
});

Deno.test("what is no graph is refused, and the place named", () => {
  const good = JSON.parse(graphToJson(graphOf({ op: "builtin", name: "pid" })));
  const refusal = (edit: (graph: typeof good) => void): string => {
    const copy = structuredClone(good);
    edit(copy);
    return assertThrows(() => graphFromJson(JSON.stringify(copy)), SyntaxError).message;
  };
  assertEquals(
    assertThrows(() => graphFromJson("{"), SyntaxError).message.startsWith(
      "Cannot read the graph: it is not JSON",
    ),
    true,
  );
  assertEquals(assertThrows(() => graphFromJson("[1]"), SyntaxError).message.includes("no graph"), true);
  assertEquals(
    refusal((graph) => graph.version = 3),
    "Cannot read the graph: it has version 3, and this kscope reads version 2",
  );
  assertEquals(
    refusal((graph) => graph.probes[0].steps[0].test.name = "pdi"),
    "Cannot read the graph: graph.probes[0].steps[0].test.name is not one of pid, tid, uid, gid, comm, cpu, nsecs, elapsed, func, probe, retval, duration, curtask, registers, ppid, pcomm, ncpus, jiffies, rand, cgroup, usermode, probetype, numaid",
  );
  assertEquals(
    refusal((graph) => graph.probes[0].steps[4].body[0].name = "x; alert()"),
    "Cannot read the graph: graph.probes[0].steps[4].body[0].name is not a name",
  );
  assertEquals(
    refusal((graph) => delete graph.maps),
    "Cannot read the graph: graph.maps is not a list",
  );
  for (const name of ["constructor", "toString", "__proto__"]) {
    assertStringIncludes(
      refusal((graph) => graph.probes[0].steps[0].op = name),
      "Cannot read the graph: graph.probes[0].steps[0].op is not one of ",
    );
  }
  assertEquals(
    refusal((graph) => graph.probes[0].point.kind = "usdt"),
    "Cannot read the graph: graph.probes[0].point.kind is not one of kprobe, kretprobe, fentry, fexit, uprobe, uretprobe, tracepoint, interval, profile, software, begin, end",
  );
});

Deno.test("an opaque part that was read back cannot attach", async () => {
  const graph: ProbeGraph = {
    version: 2,
    maps: [],
    probes: [{
      name: "p",
      point: { kind: "begin" },
      steps: [{ op: "filter", test: { op: "opaque", fn: 0, source: "(c) => x", reason: 'it uses "x"' } }],
    }],
  };
  const { diagnostics } = analyze(graphFromJson(graphToJson(graph)), await coreImage("x86_64"));
  assertEquals(diagnostics.map((d) => d.message), [
    "Cannot run (c) => x: a graph that was read from JSON holds no functions",
  ]);
});
