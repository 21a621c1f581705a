/**
 * How fast whole runs go: replayed system calls and kernel calls per second, with nothing armed, with a few probes, and
 * with a count on every function that can be called; and a program that makes many small calls.
 *
 * A recording is replayed some times in one process, each time on a kernel of its own: the first runs, in which the
 * runtime still compiles, are told apart from the rest. Reading the recording is not part of a run; parsing its calls is
 * (`as it goes`) or isn't (`parsed ahead`).
 *
 * @module
 */

import {
  attach,
  bootKernel,
  kprobe,
  kretprobe,
  type Program,
  program,
  replay,
  type Workload,
} from "../mod.ts";
import { programWorkload } from "../workloads/program.ts";
import { median, rate } from "./median.ts";

/** Some runs of one program on one workload. */
export interface ReplayResult {
  readonly name: string;
  readonly systemCalls: number;
  /** Kernel calls that ran one by one, and those accounted for in one step, as far as somebody wanted to know. */
  readonly walked: number;
  readonly accounted: number;
  readonly hits: number;
  /** Wall-clock seconds of the run alone, without boot and attach: of the first run, and the median of the last ones. */
  readonly first: number;
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

const BOTH = program({
  reads: kprobe("vfs_read").by((c) => c.comm).count(),
  writes: kprobe("vfs_write").by((c) => c.comm).count(),
});

/** Runs before the figures are taken, and after. */
const WARM_UP = 3;
const PAIRS = 50_000;

async function once(workload: Workload, probes: Program | undefined) {
  const kernel = await bootKernel();
  const session = probes === undefined ? undefined : attach(probes, kernel);
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
  make: () => Promise<Workload>,
  probes: Program | undefined,
  rounds: number,
): Promise<ReplayResult> {
  const first = await once(await make(), probes);
  for (let i = 1; i < WARM_UP; i++) await once(await make(), probes);
  let last = first;
  const seconds: number[] = [];
  for (let i = 0; i < rounds; i++) {
    last = await once(await make(), probes);
    seconds.push(last.seconds);
  }
  return { ...last, name, first: first.seconds, seconds: median(seconds) };
}

async function recorded(file: string, parseAhead: boolean): Promise<() => Promise<Workload>> {
  const recording = await Deno.readFile(new URL(`../examples/recordings/${file}`, import.meta.url));
  return () => replay(recording, { name: "bench", parseAhead });
}

/** `dd if=/dev/zero of=/dev/null bs=1`: pairs of a read and a write. */
function smallBlocks(pairs: number): Workload {
  return programWorkload({
    name: "dd bs=1",
    description: `${pairs} pairs of a read and a write of one byte`,
    programs: [{
      comm: "dd",
      *program(sys) {
        const from = yield* sys.open("/dev/zero");
        const to = yield* sys.open("/dev/null", "O_WRONLY");
        for (let pair = 0; pair < pairs; pair++) {
          yield* sys.read(from, 1);
          yield* sys.write(to, 1);
        }
      },
    }],
  });
}

/** The benches of whole runs, in print order. */
export async function benchReplay(rounds = 3): Promise<readonly ReplayResult[]> {
  const findCat = await recorded("find-cat.strace.gz", false);
  const findCatAhead = await recorded("find-cat.strace.gz", true);
  const dd = await recorded("dd.strace.gz", true);
  const pairs = () => Promise.resolve(smallBlocks(PAIRS));
  return [
    await repeated("find-cat as it goes, nothing armed", findCat, undefined, rounds),
    await repeated("find-cat parsed ahead, nothing armed", findCatAhead, undefined, rounds),
    await repeated("find-cat parsed ahead, five probes", findCatAhead, FIVE, rounds),
    await repeated("dd, count() by comm on every function", dd, EVERY, rounds),
    await repeated("dd bs=1, nothing armed", pairs, undefined, rounds),
    await repeated("dd bs=1, count() by comm on vfs_read and vfs_write", pairs, BOTH, rounds),
  ];
}

/** The results, as lines to print. */
export function replayLines(runs: readonly ReplayResult[]): string {
  return runs.map((run) => {
    const calls = run.walked + run.accounted;
    return `${run.name}: ${rate(run.systemCalls / run.seconds)} system calls/s ` +
      `(first run ${rate(run.systemCalls / run.first)}/s), ` +
      `${run.walked} kernel calls walked and ${run.accounted} accounted for` +
      (run.hits === 0 ? "" : `, ${rate(run.hits / run.seconds)} hits/s`) +
      (run.hits > calls / 2
        ? `, ${(run.seconds * 1e9 / run.hits).toFixed(0)} ns a hit with the call it is on`
        : "") +
      "\n";
  }).join("") +
    "wanted: find-cat 400 k/s, with five probes 250 k/s; dd bs=1 2 M/s; 5 M hits/s; " +
    "for comparison: a kprobe with a map increment on real hardware costs 110 ns\n";
}

if (import.meta.main) console.log(replayLines(await benchReplay()).trimEnd());
