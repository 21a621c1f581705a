import { assertEquals } from "@std/assert";
import { coreImage } from "../../image/load.ts";
import { analyze } from "../compile.ts";
import type { Aggregation, Expr, MapNode, ProbeGraph, Step } from "../nodes.ts";
import { boundsFault } from "./map_use.ts";

const image = await coreImage("x86_64");
const COMM: Expr = { op: "builtin", name: "comm" };
const PID: Expr = { op: "builtin", name: "pid" };

function findings(maps: readonly MapNode[], ...probes: readonly (readonly Step[])[]): readonly string[] {
  const graph: ProbeGraph = {
    version: 2,
    maps,
    probes: probes.map((steps, i) => ({
      name: `p${i}`,
      point: { kind: "kprobe", target: i === 0 ? "vfs_open" : "vfs_read", offset: 0 },
      steps,
    })),
  };
  return analyze({ graph, functions: [] }, image).diagnostics.map((d) => d.message);
}

function update(key: readonly Expr[], value?: Expr): Step {
  return { op: "aggregate", map: "m", key, value };
}

function map(fn: "count" | "sum", keyParts: number): MapNode {
  return { name: "m", aggregation: { fn }, keyParts };
}

Deno.test("uses of one map agree", () => {
  assertEquals(findings([map("count", 1)], [update([COMM])], [update([COMM])]), []);
  assertEquals(findings([map("count", 1)], [update([COMM])], [update([PID])]), [
    'Type mismatch for the key of "@m": uint32 here, string in kprobe:vfs_open',
  ]);
  assertEquals(findings([map("count", 2)], [update([COMM])]), [
    'Map "@m" has a key of 2 parts, but this use gives a key of 1 part',
  ]);
  assertEquals(findings([map("count", 0)], [update([COMM])]), [
    'Map "@m" has no key, but this use gives a key of 1 part',
  ]);
  assertEquals(findings([], [update([])]), ['No map "@m" in the graph']);
  assertEquals(findings([map("count", 2)], [update([{ op: "tuple", items: [COMM, PID] }])]), []);
});

Deno.test("values are what the aggregation takes", () => {
  assertEquals(findings([map("sum", 0)], [update([], COMM)]), [
    '"sum" of "@m" needs an integer, not a string',
  ]);
  assertEquals(findings([map("sum", 0)], [update([])]), ['"sum" of "@m" needs a value']);
  assertEquals(findings([map("sum", 0)], [update([], PID)]), []);
  const path: Expr = { op: "field", base: { op: "arg", name: "file" }, name: "f_path" };
  assertEquals(findings([map("count", 1)], [update([path])]), ['A struct path cannot be a key of "@m"']);
});

Deno.test("maps have one definition and a name that prints", () => {
  assertEquals(findings([map("sum", 0), map("count", 0)]), ['Map "@m" is defined twice']);
  assertEquals(findings([{ ...map("sum", 0), name: "a-b" }]), [
    '"a-b" is no name for a map: it takes letters, digits and "_", no digit first',
  ]);
  assertEquals(findings([{ ...map("sum", 0), name: "" }]), []);
});

Deno.test("bounds of histograms", () => {
  const cases: readonly (readonly [aggregation: Aggregation, fault: string | undefined])[] = [
    [{ fn: "hist", bits: 0 }, undefined],
    [{ fn: "hist", bits: 5 }, undefined],
    [{ fn: "hist", bits: 6 }, "hist takes 0 to 5 bits, not 6"],
    [{ fn: "hist", bits: 0.5 }, "hist takes 0 to 5 bits, not 0.5"],
    [{ fn: "lhist", min: 0, max: 1000, step: 1 }, undefined],
    [{ fn: "lhist", min: 0, max: 1001, step: 1 }, "lhist has at most 1000 buckets, not 1001"],
    [{ fn: "lhist", min: 5, max: 5, step: 1 }, "the min of lhist is less than its max, not 5 and 5"],
    [
      { fn: "lhist", min: 0, max: 5, step: 6 },
      "the step of lhist is no more than max - min, which is 5, not 6",
    ],
    [{ fn: "lhist", min: 0, max: 5, step: 0 }, "the step of lhist is positive, not 0"],
    [{ fn: "lhist", min: 0, max: 5.5, step: 1 }, "the bounds of lhist are whole numbers"],
    [{ fn: "count" }, undefined],
  ];
  for (const [aggregation, fault] of cases) assertEquals(boundsFault(aggregation), fault);
});

Deno.test("printf's format and values agree", () => {
  const printf = (format: string, ...args: readonly Expr[]) => findings([], [{ op: "printf", format, args }]);
  assertEquals(printf("%d %s %-16s %5.2lx %%\n", PID, COMM, PID, PID), []);
  assertEquals(printf("%d"), ["printf: the format takes 1 value, but 0 are given"]);
  assertEquals(printf("%d", COMM), ["printf: %d does not take a string"]);
  assertEquals(printf("%q", COMM), ['printf: "%q" is no conversion']);
  assertEquals(printf("100%"), ['printf: "%" is no conversion']);
});
