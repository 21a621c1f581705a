/**
 * State that handlers share, loops, rows, and the kinds of probes, on a modeled kernel: captured functions and functions
 * that run as they are give the same.
 */

import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  exit,
  fentry,
  fexit,
  hash,
  interval,
  kprobe,
  kretprobe,
  print,
  profile,
  program,
  range,
  run,
  scalar,
  software,
  tracepoint,
} from "../mod.ts";
import type { Functions, Program } from "../mod.ts";

type PathPointer = Functions["vfs_open"]["args"]["path"];

/** An outer name, so that a function that uses it cannot be captured. */
const outer = 0;

function whole(made: Program<unknown, unknown>): void {
  assertEquals(made.functions.length, 0, JSON.stringify(made.graph));
}

Deno.test("a map of start times gives durations, captured or not", async () => {
  const start = hash<number, number>("start");
  const captured = program({
    enter: kprobe("vfs_read").with({ start }).do((c, { start }) => start.set(c.tid, c.nsecs)),
    ns: kretprobe("vfs_read").with({ start }).by((c) => c.comm).sum((c, { start }) => {
      const began = start.get(c.tid);
      return began === undefined ? 0 : c.nsecs - began;
    }),
    leave: kretprobe("vfs_write").with({ start }).do((c, { start }) => {
      start.delete(c.tid);
    }),
  });
  whole(captured);
  const opaque = program({
    enter: kprobe("vfs_read").with({ start }).do((c, { start }) => start.set(c.tid + outer, c.nsecs)),
    ns: kretprobe("vfs_read").with({ start }).by((c) => c.comm).sum((c, { start }) => {
      const began = start.get(c.tid + outer);
      return began === undefined ? 0 : c.nsecs - began;
    }),
    leave: kretprobe("vfs_write").with({ start }).do((c, { start }) => start.delete(c.tid + outer)),
  });
  assertEquals(opaque.functions.length, 3);
  const [a, b] = [await run(captured), await run(opaque)];
  assert((a.maps.ns.get("cat") ?? 0) > 0);
  assertEquals([...a.maps.ns], [...b.maps.ns]);
  assertEquals([...a.maps.start], [...b.maps.start]);
  assertEquals(a.text(), b.text());
});

Deno.test("shared maps count, add up and make histograms, by tuples too", async () => {
  const calls = hash<readonly [string, string], number>("calls");
  const sizes = hash<string, { kind: "histogram" } & object>("sizes");
  const seen = scalar<number>("seen");
  const made = program({
    both: kprobe(["vfs_read", "vfs_write"]).with({ calls, seen }).do((c, { calls, seen }) => {
      calls.count([c.comm, c.func]);
      seen.set((seen.get() ?? 0) + 1);
    }),
  });
  whole(made);
  const plain = program({
    both: kprobe(["vfs_read", "vfs_write"]).with({ calls, seen }).do((c, { calls, seen }) => {
      calls.count([c.comm, `${c.func}${outer || ""}`]);
      seen.set((seen.get() ?? 0) + 1);
    }),
  });
  assert(plain.functions.length > 0 && sizes.name === "sizes");
  const [a, b] = [await run(made), await run(plain)];
  assertEquals(a.maps.seen, [...a.maps.calls.values()].reduce((sum, n) => sum + n, 0));
  assertEquals(a.maps.calls.get(["cat", "vfs_read"]), b.maps.calls.get(["cat", "vfs_read"]));
  assertEquals(a.mapsText(), b.mapsText());
});

Deno.test("loops over ranges and maps, early returns and counting up", async () => {
  const seen = hash<string, number>("seen");
  const made = program({
    count: kprobe("vfs_open").with({ seen }).do((c, { seen }) => {
      seen.set(c.comm, (seen.get(c.comm) ?? 0) + 1);
      let sum = 0;
      for (let i = 0; i < 5; i++) {
        if (i === 3) continue;
        sum += i;
      }
      for (const i of range(0, 100)) {
        if (i > 2) break;
        sum += i * 100;
      }
      let rounds = 0;
      for (const [name, n] of seen) {
        if (n > 1) return;
        rounds += n;
        print(name, sum, rounds);
      }
    }),
  });
  whole(made);
  const { lines } = await run(made);
  assertEquals(lines, ["sh 307 1"]);
});

Deno.test("rows have named columns with their types", async () => {
  const made = program({
    opens: fexit("vfs_open").filter((c) => c.comm === "cat")
      .emit((c) => ({ file: c.args.path.dentry.d_name.name, result: c.retval, who: [c.comm, c.pid] })),
  });
  whole(made);
  const { rows } = await run(made);
  const first = rows.opens[0];
  assert(first !== undefined);
  assertEquals([first.file, first.result, first.who[0]], ["ld.so.cache", 0, "cat"]);
  const plain = program({
    opens: fexit("vfs_open").filter((c) => c.comm === "cat")
      .emit((c) => ({
        file: c.args.path.dentry.d_name.name,
        result: c.retval + outer,
        who: [c.comm, c.pid],
      })),
  });
  assertEquals((await run(plain)).rows, rows);
});

Deno.test("a kretprobe keeps what its entry computed", async () => {
  const made = program({
    short: kretprobe("vfs_read", { entry: (c) => ({ size: c.args.count, at: c.nsecs }) })
      .filter((c) => c.retval < c.entry.size && c.nsecs >= c.entry.at).by((c) => c.comm).count(),
    plain: kretprobe("vfs_read", { entry: (c) => c.args.count + outer }).sum((c) => Number(c.entry)),
    asked: kprobe("vfs_read").sum((c) => c.args.count),
  });
  const { maps } = await run(made);
  assert((maps.short.get("cat") ?? 0) > 0);
  assertEquals(maps.plain, maps.asked);
});

Deno.test("fentry and fexit see what kprobe and kretprobe see", async () => {
  const made = program({
    k: kprobe("vfs_read").by((c) => c.args.count).count(),
    f: fentry("vfs_read").by((c) => c.args.count).count(),
    r: kretprobe("vfs_read").by((c) => c.retval).count(),
    x: fexit("vfs_read").by((c) => c.retval).count(),
    less: fexit("vfs_read").filter((c) => c.retval > c.args.count).count(),
  });
  for (const arch of ["x86_64", "arm64", "i386"] as const) {
    const { maps } = await run(made, { arch });
    assertEquals([...maps.k], [...maps.f], arch);
    assertEquals([...maps.r], [...maps.x], arch);
    assertEquals(maps.less, 0);
  }
});

Deno.test("exit ends the run, from captured functions and others", async () => {
  const captured = program({ n: kprobe("vfs_read").count(), stop: kprobe("vfs_open").do(() => exit(3)) });
  const opaque = program({
    n: kprobe("vfs_read").count(),
    stop: kprobe("vfs_open").do(() => {
      if (outer === 0) exit(3);
    }),
  });
  const until = program({ n: kprobe("vfs_read").count(), stop: kprobe("vfs_open").until((c) => c.pid > 0) });
  const results = [await run(captured), await run(opaque), await run(until)];
  assertEquals(results.map((result) => result.outcome.reason), ["exit", "exit", "exit"]);
  assertEquals(results.map((result) => result.maps.n), [
    results[0]?.maps.n,
    results[0]?.maps.n,
    results[0]?.maps.n,
  ]);
  assertEquals(results[0]?.outcome.reason === "exit" && results[0].outcome.code, 3);
});

Deno.test("limit, sample, top and every", async () => {
  const made = program({
    first: kprobe("vfs_read").limit(2).count(),
    half: kprobe("vfs_read").sample(2).count(),
    all: kprobe("vfs_read").count(),
    two: kprobe("vfs_read").by((c) => c.args.count).count().top(2),
    often: kprobe("vfs_read").by((c) => c.comm).count().every("50us"),
  });
  const result = await run(made);
  assertEquals(result.maps.first, 2);
  assertEquals(result.maps.half, Math.ceil(result.maps.all / 2));
  assertEquals(result.maps.two.size, 2);
  const printed = result.lines.flatMap((line) => /^@often\[cat\]: (\d+)$/.exec(line)?.[1] ?? []);
  const left = [...result.maps.often.values()].reduce((sum, n) => sum + n, 0);
  assertEquals(printed.reduce((sum, n) => sum + Number(n), left), result.maps.all);
  assert(printed.length > 0);
});

Deno.test("profiles fire on every CPU, software events as the kernel counts them", async () => {
  const made = program({
    ticks: profile("10us").by((c) => c.cpu).count(),
    once: interval("10us").count(),
    switches: software("cs", 2).count(),
    trace: tracepoint("sched:sched_switch").count(),
    faults: software("page-faults").by((c) => c.comm).count(),
  });
  whole(made);
  const { maps } = await run(made, { cpus: 2 });
  assertEquals(maps.ticks.get(0), maps.once);
  assertEquals(maps.ticks.get(1), maps.once);
  assertEquals(maps.switches, Math.floor(maps.trace / 2));
  assert((maps.faults.get("cat") ?? 0) > 0);
});

Deno.test("a loop without end ends its hit, not the run", async () => {
  const made = program({
    spin: kprobe("vfs_open").do((c) => {
      while (c.pid > 0) print(c.pid > 0 ? "" : "never");
    }),
    opens: kprobe("vfs_open").count(),
  });
  whole(made);
  const result = await run(made, { budget: 500 });
  assert(result.maps.opens > 1);
  assertEquals(result.failures.length, 1);
  assert(result.notes.some((note) => note.includes("A loop ran for more than 500 instructions")));
});

Deno.test("maps are refused where they do not fit", () => {
  const m = hash<number, number>("m");
  assertThrows(
    () =>
      program({
        a: kprobe("vfs_read").with({ m }).do((c, { m }) => m.count(c.pid)),
        b: kprobe("vfs_open").with({ m }).do((c, { m }) => m.set(c.pid, 1)),
      }),
    TypeError,
    'Cannot use the map "@m" in two ways: it is a count here and a value there; use two maps',
  );
  assertThrows(() => kprobe("vfs_read").with({ other: m }), TypeError, "it goes by its own name, { m }");
  assertThrows(() => m.get(1), TypeError, 'Cannot use the map "@m" here');
});

Deno.test("the context's functions give the same in captured functions and in others", async () => {
  const captured = program({
    all: kprobe("vfs_open").print((c) => [
      c.ppid,
      c.pcomm,
      c.ncpus,
      c.jiffies,
      c.cgroup,
      c.usermode,
      c.probetype,
      c.numaid,
      c.path(c.args.path),
      c.strftime("%F %T.%f", c.nsecs),
      c.strerror(2),
      c.signal_name(15),
      c.syscall_name(1),
      c.strncmp(c.comm, "ca", 2),
      c.strcontains(c.comm, "a"),
      c.strstr(c.comm, "t"),
      c.strlen(c.comm),
      c.ntop(0x070200c0),
      c.bswap(0x1234, 2),
      c.cgroup_path(c.cgroupid("/")),
    ]),
  });
  whole(captured);
  const plain = program({
    all: kprobe("vfs_open").print((c) => [
      c.ppid + outer,
      c.pcomm,
      c.ncpus,
      c.jiffies,
      c.cgroup,
      c.usermode,
      c.probetype,
      c.numaid,
      c.path(c.args.path),
      c.strftime("%F %T.%f", c.nsecs),
      c.strerror(2),
      c.signal_name(15),
      c.syscall_name(1),
      c.strncmp(c.comm, "ca", 2),
      c.strcontains(c.comm, "a"),
      c.strstr(c.comm, "t"),
      c.strlen(c.comm),
      c.ntop(0x070200c0),
      c.bswap(0x1234, 2),
      c.cgroup_path(c.cgroupid("/")),
    ]),
  });
  for (const arch of ["x86_64", "i386"] as const) {
    const [a, b] = [await run(captured, { arch }), await run(plain, { arch })];
    assertEquals(a.lines, b.lines);
    assert(a.lines.some((line) => line.includes("/etc/ld.so.cache, 2026-01-01 00:00:00.000")), a.text());
    assert(a.lines.some((line) => line.includes("192.0.2.7, 13330, /)")), a.text());
  }
});

Deno.test("chance is the seed's: another number each time, the same in every run", async () => {
  const rolled = program({ dice: kprobe("vfs_open").print((c) => [c.rand, c.rand]) });
  const again = program({ dice: kprobe("vfs_open").print((c) => [c.rand, c.rand + outer]) });
  const [a, b, other, opaque] = [
    await run(rolled, { seed: 1 }),
    await run(rolled, { seed: 1 }),
    await run(rolled, { seed: 2 }),
    await run(again, { seed: 1 }),
  ];
  assertEquals(a.lines, b.lines);
  assertEquals(a.lines, opaque.lines);
  assert(a.lines[0] !== other.lines[0]);
  assertEquals(new Set(a.lines.flatMap((line) => line.match(/\d+/g) ?? [])).size, a.lines.length * 2);
});

Deno.test("pointers in shared maps keep their type", async () => {
  const files = hash<number, PathPointer>("files");
  const captured = program({
    enter: kprobe("vfs_open").with({ files }).do((c, { files }) => files.set(c.tid, c.args.path)),
    leave: kretprobe("vfs_open").with({ files }).do((c, { files }) => {
      const path = files.get(c.tid);
      if (path === undefined) return;
      print(path.dentry.d_name.name, path);
    }),
  });
  whole(captured);
  const mixed = program({
    enter: kprobe("vfs_open").with({ files }).do((c, { files }) => files.set(c.tid, c.args.path)),
    leave: kretprobe("vfs_open").with({ files }).do((c, { files }) => {
      const path = files.get(c.tid + outer);
      if (path === undefined) return;
      print(path.dentry.d_name.name, path);
    }),
  });
  const [a, b] = [await run(captured), await run(mixed)];
  assert(a.lines.some((line) => /^ld\.so\.cache 0xffff/.test(line)), a.text());
  assertEquals(a.lines, b.lines);
  assertEquals(a.mapsText(), b.mapsText());
});
