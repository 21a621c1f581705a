/**
 * `deno task bench`: medians and ratios of what must be fast, all in one run. Times depend on the machine; compare
 * ratios, and figures of one run with each other.
 *
 * @module
 */

import type { Arch } from "../mod.ts";
import { benchCalls, callLines } from "./calls_bench.ts";
import { benchHandlers, handlerLines } from "./handler_bench.ts";
import { listAll, openAndResolve } from "./image_bench.ts";
import { benchProbes, probeLines } from "./kprobes_bench.ts";
import { median } from "./median.ts";
import { benchReplay, replayLines } from "./replay_bench.ts";
import { benchLong, benchTasks, scaleLines } from "./scale_bench.ts";
import { benchStartup, startupLine } from "./startup_bench.ts";

const ARCHES: readonly Arch[] = ["x86_64", "arm64", "i386"];
const ROUNDS = 7;

async function times(rounds: number, measure: () => Promise<number>): Promise<number> {
  const figures: number[] = [];
  for (let i = 0; i < rounds; i++) figures.push(await measure());
  return median(figures);
}

function heading(text: string): void {
  console.log(`\n${text}`);
}

heading("Handlers: fused against hand-written, per hit");
console.log(handlerLines(await benchHandlers()).trimEnd());

heading("Kernel calls, without a workload");
console.log(callLines(benchCalls()).trimEnd());

heading("Probes through the kernel's interface, per call");
console.log(probeLines(await benchProbes()).trimEnd());

heading("Whole runs");
console.log(replayLines(await benchReplay()).trimEnd());

heading("Many tasks, long runs (the full ones: deno run -A bench/scale_bench.ts --full)");
console.log(scaleLines(await benchTasks(60_000), await benchLong(300_000)).trimEnd());

heading("Images");
for (const arch of ARCHES) {
  const open = await times(ROUNDS, () => openAndResolve(arch));
  const names = await times(ROUNDS, async () => (await listAll(arch)).names);
  const all = await times(ROUNDS, async () => (await listAll(arch)).withPrototypes);
  console.log(
    `${arch}: open and resolve one function ${open.toFixed(1)} ms, list every function ${
      names.toFixed(0)
    } ms, ` +
      `with prototypes ${all.toFixed(0)} ms`,
  );
}

heading("Start");
console.log(startupLine(await benchStartup()).trimEnd());
