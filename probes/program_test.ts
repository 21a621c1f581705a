import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { asProgram, begin, kprobe, kretprobe, print, program } from "./mod.ts";

Deno.test("maps are named after their probes, unless .as() named them", () => {
  const { graph } = program({
    opens: kprobe("vfs_open").by((c) => c.comm).count(),
    reads: kprobe("vfs_read").as("calls").count(),
    hello: begin().print(() => "tracing"),
  });
  assertEquals(graph.maps.map((map) => map.name), ["opens", "calls"]);
  assertEquals(graph.probes.map((probe) => probe.name), ["opens", "reads", "hello"]);
  assertEquals(graph.probes[2]?.steps, [{ op: "print", parts: ["tracing"] }]);
});

Deno.test("a program is plain data that JSON keeps whole", () => {
  const { graph } = program({ opens: kprobe("vfs_open").filter((c) => c.pid > 1).by((c) => c.comm).count() });
  const step = graph.probes[0]?.steps[1];
  // `value: undefined` of a count is the only thing that JSON leaves out.
  assertEquals(step?.op === "aggregate" && step.value, undefined);
  assertEquals(JSON.stringify(JSON.parse(JSON.stringify(graph))), JSON.stringify(graph));
});

Deno.test("probes may share a map if they fill it in the same way", () => {
  const both = program({
    a: kprobe("vfs_read").as("calls").by((c) => c.comm).count(),
    b: kprobe("vfs_open").as("calls").by((c) => c.comm).count(),
  });
  assertEquals(both.graph.maps.length, 1);
  assertThrows(
    () =>
      program({
        a: kprobe("vfs_read").as("calls").count(),
        b: kprobe("vfs_open").as("calls").by((c) => c.comm).count(),
      }),
    TypeError,
    'Cannot fill the map "@calls" in two ways: probes that share a map need the same aggregation and as many key parts',
  );
});

Deno.test("opaque functions are numbered over the whole program and keep their reasons", () => {
  const limit = 2;
  const seen: number[] = [];
  const made = program({
    a: kprobe("vfs_open").filter((c) => c.pid > limit).count(),
    b: kprobe("vfs_read").with({ low: 5 }).do((c, v) => seen.push(c.pid + v.low)).sum((c) => c.args.count),
    c: kprobe("vfs_write").by((c) => c.pid + limit).count(),
  });
  const [first, second, third] = made.graph.probes.map((probe) => probe.steps);
  assertEquals(first?.map((step) => step.op === "filter" && step.test.op === "opaque" && step.test.fn), [
    0,
    false,
  ]);
  const handler = second?.[0];
  const body = handler?.op === "do" ? handler.body[0] : undefined;
  assertEquals(body?.op === "expr" && body.value.op === "opaque" && body.value.fn, 1);
  const keyed = third?.[0];
  assertEquals(keyed?.op === "aggregate" && keyed.key[0]?.op === "opaque" && keyed.key[0].fn, 2);
  assertEquals(made.functions.length, 3);
  assertEquals(made.functions[0]?.({ pid: 3 } as never), true);
  assertEquals(made.functions[0]?.({ pid: 1 } as never), false);
  made.functions[1]?.({ pid: 3 } as never);
  assertEquals(seen, [8]);
});

Deno.test("print in an opaque handler prints for the hit at hand, and nowhere else", () => {
  const lines: unknown[] = [];
  const context = { print: (...values: unknown[]) => lines.push(values) };
  const made = program({
    a: kprobe("vfs_open").do((c) => {
      for (const word of ["a", "b"]) print(word, c.pid);
    }),
    b: kprobe("vfs_open").do(() => {
      throw new Error(`stops ${lines.length}`);
    }),
  });
  made.functions[0]?.({ ...context, pid: 7 } as never);
  assertEquals(lines, [["a", 7], ["b", 7]]);
  assertThrows(() => made.functions[1]?.(context as never), Error, "stops 2");
  assertThrows(() => print("x"), TypeError, "Cannot print here");
});

Deno.test("what is no probe, and a key that collects nothing, are refused", () => {
  assertThrows(() => program([] as never), TypeError, "it takes an object of probes, { opens: … }");
  assertThrows(
    () => program({ opens: 3 as never }),
    TypeError,
    'Cannot use 3 as the probe "opens" of a program: it is no probe',
  );
  assertThrows(() => program({ "a b": kprobe("vfs_open").count() }), TypeError, 'Cannot name a map "a b"');
  assertThrows(
    () => program({ opens: kprobe("vfs_open").by((c) => c.comm) }),
    TypeError,
    'Cannot use .by() in "opens" without an aggregation',
  );
});

Deno.test("asProgram takes what a script may export", () => {
  const made = program({ opens: kprobe("vfs_open").count() });
  assertStrictEquals(asProgram(made), made);
  assertEquals(asProgram(kprobe("vfs_open").count()).graph.maps.map((map) => map.name), [""]);
  assertEquals(asProgram([kprobe("vfs_open").count()]).graph.maps.map((map) => map.name), [""]);
  const several = asProgram([
    kprobe("vfs_open").count(),
    kretprobe("vfs_open").count(),
    kprobe("vfs_read").as("reads").count(),
  ]);
  assertEquals(several.graph.maps.map((map) => map.name), ["vfs_open", "vfs_open_2", "reads"]);
  assertEquals(several.graph.probes.map((probe) => probe.name), [
    "kprobe:vfs_open",
    "kretprobe:vfs_open",
    "kprobe:vfs_read",
  ]);
  assertEquals(asProgram({ a: kprobe("vfs_open").count() }).graph.maps[0]?.name, "a");
  for (const wrong of [undefined, null, 3, "x", [], {}, [1], { a: 1 }, () => 1]) {
    assertThrows(() => asProgram(wrong), TypeError, "it takes a probe");
  }
});
