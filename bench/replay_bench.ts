/**
 * How fast whole runs go: replayed system calls and kernel calls per second, with nothing armed, with a few probes, and
 * with a count on every function that can be called.
 *
 * @module
 */

import { attach, bootKernel, kprobe, kretprobe, program, replay } from "../mod.ts";
import type { Program } from "../mod.ts";
import { median } from "./median.ts";

/** Medians over some runs of one program on one recording. */
export interface ReplayResult {
  readonly name: string;
  readonly systemCalls: number;
  /** Kernel calls that ran one by one, and those accounted for in one step. */
  readonly walked: number;
  readonly accounted: number;
  readonly hits: number;
  /** Wall-clock seconds of the run alone, without boot and attach. */
  readonly seconds: number;
}

const FIVE = program({
  opens: kprobe("vfs_open").by((c) => c.comm).count(),
  reads: kprobe("vfs_read").by((c) => c.comm).count(),
  read_sizes: kretprobe("vfs_read").hist((c) => c.retval),
  writes: kprobe("vfs_write").by((c) => c.comm).count(),
  stats: kprobe("vfs_statx").by((c) => c.comm).count(),
});

const EVERY = program({ calls: kprobe.any("*").by((c) => c.comm).count() });

async function once(recording: Uint8Array, probes: Program | undefined): Promise<Omit<ReplayResult, "name">> {
  const kernel = await bootKernel();
  const session = probes === undefined ? undefined : attach(probes, kernel);
  const workload = await replay(recording, { name: "bench" });
  workload.start(kernel);
  const start = performance.now();
  kernel.scheduler.run();
  const seconds = (performance.now() - start) / 1000;
  return {
    systemCalls: workload.report().calls,
    walked: kernel.calls.stats.walked,
    accounted: kernel.calls.stats.accounted,
    hits: session?.probes().reduce((sum, probe) => sum + probe.hits, 0) ?? 0,
    seconds,
  };
}

async function repeated(
  name: string,
  file: string,
  probes: Program | undefined,
  rounds: number,
): Promise<ReplayResult> {
  const recording = await Deno.readFile(new URL(`../examples/recordings/${file}`, import.meta.url));
  const runs: Omit<ReplayResult, "name">[] = [];
  for (let i = 0; i < rounds; i++) runs.push(await once(recording, probes));
  const last = runs.at(-1);
  if (last === undefined) throw new RangeError(`Cannot take a median of ${rounds} rounds`);
  return { ...last, name, seconds: median(runs.map((run) => run.seconds)) };
}

/** The replay benches, in print order. */
export async function benchReplay(rounds = 3): Promise<readonly ReplayResult[]> {
  return [
    await repeated("find-cat, nothing armed", "find-cat.strace.gz", undefined, rounds),
    await repeated("find-cat, five probes", "find-cat.strace.gz", FIVE, rounds),
    await repeated("dd, count() by comm on every function", "dd.strace.gz", EVERY, rounds),
  ];
}
