/** Same program, workload and seed: the same bytes, whatever the host's clock zone or language. */

import { assertEquals, assertNotEquals } from "@std/assert";
import { kprobe, latency, program, replay, run } from "../mod.ts";
import { deno } from "./subprocess.ts";

const DEMO = ["run", "--no-prompt", "--allow-read", "cli/main.ts", "run", "examples/waits.ts", "--replay"];

Deno.test("the command line prints the same bytes in every time zone and language", async () => {
  const args = [...DEMO, "examples/recordings/shell-loop.strace.gz"];
  const plain = await deno(args);
  assertEquals(plain.code, 0);
  assertEquals(await deno(args), plain);
  assertEquals(await deno(args, { TZ: "Pacific/Apia", LC_ALL: "tr_TR.UTF-8", LANG: "tr_TR.UTF-8" }), plain);
});

const recording = await Deno.readFile(
  new URL("../examples/recordings/shell-loop.strace.gz", import.meta.url),
);

async function observed(seed: number): Promise<{ readonly counts: string; readonly times: string }> {
  const probes = program({
    opens: kprobe("vfs_open").by((c) => [c.comm, c.pid]).count(),
    reads: kprobe("vfs_read").by((c) => [c.comm, c.args.count]).count(),
    locks: kprobe("_raw_spin_lock").count(),
    times: latency("vfs_read").by((c) => c.duration).count(),
  });
  const result = await run(probes, { seed, workload: await replay(recording) });
  const entries = (map: Iterable<readonly [unknown, unknown]>): string => JSON.stringify([...map]);
  return {
    counts: entries(result.maps.opens) + entries(result.maps.reads),
    times: `${result.maps.locks} ${entries(result.maps.times)}`,
  };
}

Deno.test("another seed changes what is random, and nothing that was recorded", async () => {
  const first = await observed(1);
  assertEquals(await observed(1), first);
  const second = await observed(2);
  assertEquals(second.counts, first.counts);
  assertNotEquals(second.times, first.times);
});
