import { assert, assertEquals } from "@std/assert";
import { kprobe, program, tracepoint } from "../probes/mod.ts";
import { run } from "../session/mod.ts";
import { builtinWorkload } from "../workloads/builtin.ts";

const ARCHES = ["x86_64", "arm64", "i386"] as const;

Deno.test("programs over a folder read what they should, on three architectures", async () => {
  const counts = program({
    opens: kprobe("vfs_open").by((c) => c.comm).count(),
    reads: kprobe("vfs_read").by((c) => c.comm).count(),
    writes: kprobe("vfs_write").by((c) => c.comm).count(),
    listings: kprobe("iterate_dir").by((c) => c.comm).count(),
  });
  // Two files opened and three reads are the loader's.
  const wanted = {
    "ls:files=7": ["ls", 3, 3, 1, 2],
    "grep:files=7": ["grep", 10, 3 + 7 * 2, 1, 2],
    "find:files=7": ["find", 3, 3, 1, 2],
    "cp:files=7": ["cp", 2 + 1 + 14, 3 + 7 * 2, 7, 2],
  } as const;
  for (const arch of ARCHES) {
    for (const [specification, [comm, ...numbers]] of Object.entries(wanted)) {
      const { maps } = await run(counts, { arch, workload: builtinWorkload(specification) });
      const got = [maps.opens, maps.reads, maps.writes, maps.listings].map((map) => map.get(comm));
      assertEquals(got, numbers, `${arch} ${specification}`);
    }
  }
});

Deno.test("git's commits go through lock files, and leave one object of each name", async () => {
  const renames = program({
    renames: kprobe("vfs_rename").by((c) => c.comm).count(),
    links: kprobe("vfs_link").by((c) => c.comm).count(),
  });
  const { maps } = await run(renames, { workload: builtinWorkload("git:commits=2,files=3") });
  assertEquals([maps.renames.get("git"), maps.links.get("git")], [4, 2 * 5]);
});

Deno.test("a database reads its rows from a disk, and has each commit on it before the next", async () => {
  const counts = program({
    misses: kprobe("page_cache_sync_ra").by((c) => c.comm).count(),
    issued: tracepoint("block:block_rq_issue").by((c) => c.comm).count(),
  });
  for (const arch of ["x86_64", "arm64"] as const) {
    const workload = builtinWorkload("database:readers=3,reads=20,commits=5");
    const { maps } = await run(counts, { arch, image: "whole", workload });
    // Rows lie anywhere in 32 MiB: nearly each of them is a miss, and a request.
    const misses = maps.misses.get("database") ?? 0;
    assert(misses > 50 && misses <= 60, `${arch}: ${misses} misses`);
    assert((maps.issued.get("database") ?? 0) >= misses + 5);
    assert((maps.issued.get("jbd2/nullb0-8") ?? 0) >= 5);
  }
});

Deno.test("verbs make the call that they are named after", async () => {
  const calls = program({ calls: tracepoint("raw_syscalls:sys_enter").by((c) => c.args.id).count() });
  for (const [verb, call] of [["openat", "openat"], ["nanosleep 5000", "clock_nanosleep"]] as const) {
    const { maps } = await run(calls, { workload: builtinWorkload(verb) });
    const numbers = { openat: 257, clock_nanosleep: 230 };
    assertEquals(maps.calls.get(numbers[call]), 1, verb);
  }
  const { maps } = await run(program({ execs: kprobe("begin_new_exec").count() }), {
    workload: builtinWorkload("execve /bin/date -u"),
  });
  assert(maps.execs === 1);
});
