import { assertEquals, assertRejects } from "@std/assert";
import { interval } from "../probes/interval.ts";
import { kprobe } from "../probes/kprobe.ts";
import { tracepoint } from "../probes/tracepoint.ts";
import { asProgram } from "../probes/program.ts";
import type { AnyProbe } from "../probes/program.ts";
import { timeText } from "../format/mod.ts";
import { AttachError } from "../session/arm.ts";
import { run } from "../session/run.ts";

/** What is said about the probes; the workload has a note of its own. */
async function notes(...probes: readonly AnyProbe[]): Promise<readonly string[]> {
  return aboutProbes((await run(asProgram([...probes]))).notes);
}

function aboutProbes(said: readonly string[]): readonly string[] {
  return said.filter((note) => !note.startsWith("System calls without a model"));
}

Deno.test("a probe that collects nothing is named, with what would do", async () => {
  assertEquals(await notes(kprobe("vfs_open")), [
    "kprobe:vfs_open does nothing: end it in .count() or .print(), or another that collects",
  ]);
  assertEquals(await notes(tracepoint("sched:sched_switch").filter((c) => c.cpu === 0)), [
    "tracepoint:sched:sched_switch only filters: end it in .count() or .print(), or another that collects",
  ]);
  assertEquals(await notes(kprobe.any("vfs_o*")), [
    "kprobe:vfs_o* does nothing: end it in .count() or .print(), or another that collects",
  ]);
});

Deno.test("probes that collect, print or run what may print are not named", async () => {
  const seen: number[] = [];
  assertEquals(
    await notes(
      kprobe("vfs_open").count(),
      kprobe("vfs_open").print((c) => c.comm),
      kprobe("vfs_open").filter((c) => seen.push(c.pid) > 0),
    ),
    [],
  );
  assertEquals(seen.length > 0, true);
});

Deno.test("an interval that is longer than the run is named, with how long the run took", async () => {
  const ticks = (every: "1s" | "1us") => asProgram(interval(every).print((c) => c.elapsed));
  const { notes: said, statistics } = await run(ticks("1s"));
  assertEquals(aboutProbes(said), [
    `interval:s:1 never came: the run took ${timeText(statistics.virtualNs)}`,
  ]);
  assertEquals(aboutProbes((await run(ticks("1us"))).notes), []);
});

Deno.test("of a glob, what the kernel refuses is left out and named; a glob of nothing else is refused", async () => {
  const release = "4.18";
  // Before 5.10 it was called _do_fork.
  const result = await run(asProgram(kprobe.any("kernel_*").count()), { release });
  assertEquals(aboutProbes(result.notes), [
    "The kernel refused what a glob matched: kprobe:kernel_clone (ENOENT)",
  ]);
  const error = await assertRejects(
    () => run(asProgram([kprobe("vfs_open").count(), kprobe.any("kernel_clon?").count()]), { release }),
    AttachError,
  );
  assertEquals([error.errno, error.probe], ["ENOENT", "kprobe:kernel_clone"]);
});
