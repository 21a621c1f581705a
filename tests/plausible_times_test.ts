/** Recorded times are divided by a factor per architecture, which shall make them those of a machine of today. */

import { assert } from "@std/assert";
import { type Arch, builtinWorkload, latency, program, run } from "../mod.ts";

const ARCHES: readonly Arch[] = ["x86_64", "arm64", "i386"];

for (const arch of ARCHES) {
  Deno.test(`reading 4 KiB from memory takes about a microsecond on ${arch}`, async () => {
    const probes = program({
      times: latency("vfs_read").filter((c) => c.retval === 4096).by((c) => c.duration).count(),
    });
    const { maps } = await run(probes, { arch, workload: builtinWorkload("dd", { blocks: 64 }) });
    const times = [...maps.times].flatMap(([ns, count]) => Array<number>(count).fill(ns)).sort((a, b) =>
      a - b
    );
    const median = times[times.length >> 1] ?? 0;
    assert(
      times.length >= 64 && median >= 700 && median <= 1400,
      `${times.length} reads, median ${median} ns`,
    );
  });
}
