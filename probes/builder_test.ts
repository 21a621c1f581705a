import { assertEquals, assertNotStrictEquals, assertThrows } from "@std/assert";
import { kprobe, latency, program } from "./mod.ts";
import { SPEC } from "./spec.ts";

Deno.test("every method returns a new builder and leaves the old one as it was", () => {
  const start = kprobe("vfs_open");
  const before = JSON.stringify(start[SPEC]);
  const made = [
    start.filter((c) => c.pid > 1),
    start.with({ limit: 3 }),
    start.print((c) => c.comm),
    start.printf("%s\n", (c) => [c.comm]),
    start.do((c) => c.print(c.comm)),
    start.by((c) => c.comm),
    start.as("opens"),
    start.count(),
    start.sum((c) => c.pid),
    start.avg((c) => c.pid),
    start.min((c) => c.pid),
    start.max((c) => c.pid),
    start.stats((c) => c.pid),
    start.hist((c) => c.pid),
    start.lhist((c) => c.pid, { min: 0, max: 10, step: 1 }),
  ];
  assertEquals(JSON.stringify(start[SPEC]), before);
  for (const other of made) assertNotStrictEquals<unknown>(other, start);
  const counted = start.count();
  assertEquals(counted.as("x")[SPEC].mapName, "x");
  assertEquals(counted[SPEC].mapName, undefined);
});

Deno.test("steps keep their order, and the aggregation comes last", () => {
  const { graph } = program({
    opens: kprobe("vfs_open")
      .filter((c) => c.pid > 1)
      .print((c) => c.comm)
      .filter((c) => c.comm === "cat")
      .do((c) => c.print(c.pid))
      .by((c) => [c.pid, c.comm])
      .sum((c) => c.args.file.f_flags),
  });
  assertEquals(graph.probes[0]?.steps.map((step) => step.op), [
    "filter",
    "print",
    "filter",
    "do",
    "aggregate",
  ]);
  assertEquals(graph.maps, [{ name: "opens", aggregation: { fn: "sum" }, keyParts: 2 }]);
});

Deno.test("each aggregation names itself and its parameters", () => {
  const probe = latency("vfs_read");
  const { graph } = program({
    a: probe.count(),
    b: probe.avg((c) => c.duration),
    c: probe.min((c) => c.duration),
    d: probe.max((c) => c.duration),
    e: probe.stats((c) => c.retval),
    f: probe.hist((c) => c.duration),
    g: probe.hist((c) => c.duration, { bits: 2 }),
    h: probe.lhist((c) => c.retval, { min: 0, max: 4096, step: 512 }),
  });
  assertEquals(graph.maps.map(({ aggregation }) => aggregation), [
    { fn: "count" },
    { fn: "avg" },
    { fn: "min" },
    { fn: "max" },
    { fn: "stats" },
    { fn: "hist", bits: 0 },
    { fn: "hist", bits: 2 },
    { fn: "lhist", min: 0, max: 4096, step: 512 },
  ]);
});

Deno.test("values of .with() add up, and reach captured functions as literals", () => {
  const { graph } = program({
    a: kprobe("vfs_open").with({ low: 1 }).with({ high: 9 }).filter((c, { low, high }) =>
      c.pid > low && c.pid < high
    ),
  });
  assertEquals(JSON.stringify(graph).match(/"value":\d/g), ['"value":1', '"value":9']);
});

Deno.test("options of the wrong shape are refused with a sentence", () => {
  const probe = kprobe("vfs_open");
  const wrong: readonly (readonly [() => unknown, string])[] = [
    [
      () => probe.hist((c) => c.pid, { bits: 6 }),
      "Cannot use 6 as the bits of .hist(): it must be an integer, 0 to 5",
    ],
    [
      () => probe.hist((c) => c.pid, { bit: 1 } as never),
      'Cannot build .hist() with option "bit": its options are `bits`',
    ],
    [
      () => probe.lhist((c) => c.pid, undefined as never),
      "Cannot build .lhist() without options: it takes { min, max, step }",
    ],
    [
      () => probe.lhist((c) => c.pid, { min: 0, max: 0, step: 1 }),
      "Cannot build .lhist() from 0 to 0: min must be less than max",
    ],
    [
      () => probe.lhist((c) => c.pid, { min: 0, max: 2000, step: 1 }),
      "Cannot build .lhist() from 0 to 2000 in steps of 1: it may have 1000 buckets at most",
    ],
    [
      () => probe.lhist((c) => c.pid, { min: 0, max: 10, step: 0.5 }),
      "Cannot use 0.5 as the step of .lhist(): it must be an integer, 1 or more",
    ],
    [
      () => probe.as("1st"),
      'Cannot name a map "1st": a name is letters, digits and _, and starts with no digit',
    ],
    [() => probe.printf(""), 'Cannot build .printf() from "": its format must be a string that is not empty'],
    [
      () => probe.with({ f: (() => 1) as never }),
      'Cannot use a function as the value "f" in .with(): it takes finite numbers, strings, booleans, bigints, and maps of hash() and scalar()',
    ],
    [() => probe.with(3 as never), "Cannot use 3 in .with(): it takes an object of values, { limit: 10 }"],
    [
      () => probe.filter(true as never),
      "Cannot build .filter() from true: it takes a function of the context, c => …",
    ],
  ];
  for (const [build, message] of wrong) assertEquals(assertThrows(build, TypeError).message, message);
});

Deno.test("several key functions are refused: a key of parts is one array", () => {
  const probe = kprobe("vfs_open");
  const by = probe.by.bind(probe) as unknown as (
    ...keys: ((c: { readonly comm: string }) => unknown)[]
  ) => unknown;
  assertThrows(() => by((c) => c.comm, (c) => c.comm), TypeError, "[c.comm, c.pid]");
});
