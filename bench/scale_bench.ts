/**
 * What grows with the number of tasks and with the length of a run: the cost of an event from 10 tasks to 10,000 on 64
 * CPUs, and the memory of a long run.
 *
 * @module
 */

import { bootKernel } from "../session/boot.ts";
import { programWorkload, type StartedProgram } from "../workloads/program.ts";
import type { Workload } from "../workloads/workload.ts";
import { rate } from "./median.ts";

/** One number of tasks. */
export interface TaskScale {
  readonly tasks: number;
  readonly systemCalls: number;
  /** Wall-clock nanoseconds per event of the queue: tasks go on, timers fire. */
  readonly ns: number;
  /** The same per system call. */
  readonly nsPerCall: number;
}

/** A long run. */
export interface LongRun {
  readonly systemCalls: number;
  readonly perSecond: number;
  /** Bytes in use after a tenth of the run and at its end, as far as the runtime tells. */
  readonly early: number;
  readonly late: number;
}

const CPUS = 64;
/** Tasks start one after another, so that not all wake at the same time. */
const APART = 1000;

/** Programs that read, write and sleep in turn until virtual time `end`, so long that half of the CPUs are idle. */
function programs(tasks: number, end: number): StartedProgram[] {
  const sleep = Math.max(100_000, tasks * 400);
  return Array.from({ length: tasks }, (_, i) => ({
    comm: `task${i % 100}`,
    at: i * APART,
    *program(sys) {
      const from = yield* sys.open("/dev/zero");
      const to = yield* sys.open("/dev/null", "O_WRONLY");
      while (sys.now < end) {
        yield* sys.read(from, 512);
        yield* sys.write(to, 512);
        yield* sys.nanosleep(sleep + (i * 7919) % 50_000);
      }
    },
  }));
}

function workloadOf(tasks: number, end: number): Workload {
  return programWorkload({
    name: "scale",
    description: `${tasks} tasks that read, write and sleep`,
    programs: programs(tasks, end),
  });
}

/** About the same number of system calls by ever more tasks, once all of them are there. */
export async function benchTasks(
  calls: number,
  counts: readonly number[] = [10, 100, 1000, 10_000],
): Promise<readonly TaskScale[]> {
  const results: TaskScale[] = [];
  // The first is run twice: once for the runtime to know the code.
  for (const tasks of [counts[0] ?? 10, ...counts]) {
    const kernel = await bootKernel({ cpus: CPUS });
    const workload = workloadOf(tasks, Infinity);
    workload.start(kernel);
    // All have started and gone round once.
    let time = tasks * (APART + 400) + 1e6;
    kernel.scheduler.run(time);
    const before = workload.report().calls;
    const events = kernel.events.taken;
    const start = performance.now();
    while (workload.report().calls - before < calls) kernel.scheduler.run(time += 1e6);
    const ns = (performance.now() - start) * 1e6;
    const systemCalls = workload.report().calls - before;
    const nsPerCall = ns / systemCalls;
    results.push({ tasks, systemCalls, ns: ns / (kernel.events.taken - events), nsPerCall });
  }
  return results.slice(1);
}

/** A run of `calls` system calls by 64 tasks, in a process of its own whose collector can be called. */
export async function benchLong(calls: number): Promise<LongRun> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--v8-flags=--expose-gc", "--allow-read", import.meta.filename ?? "", "--long", `${calls}`],
  }).output();
  if (code !== 0) throw new Error(`Cannot measure a long run: ${new TextDecoder().decode(stderr)}`);
  return JSON.parse(new TextDecoder().decode(stdout)) as LongRun;
}

async function longRun(calls: number): Promise<LongRun> {
  const kernel = await bootKernel({ cpus: CPUS });
  const workload = workloadOf(CPUS, Infinity);
  workload.start(kernel);
  const start = performance.now();
  let early = 0;
  for (let time = 10e6; workload.report().calls < calls; time += 10e6) {
    kernel.scheduler.run(time);
    if (early === 0 && workload.report().calls > calls / 10) early = used();
  }
  const seconds = (performance.now() - start) / 1000;
  const systemCalls = workload.report().calls;
  return { systemCalls, perSecond: systemCalls / seconds, early, late: used() };
}

/** Bytes in use, without garbage. */
function used(): number {
  const { gc } = globalThis as { readonly gc?: () => void };
  gc?.();
  const { heapUsed, external } = Deno.memoryUsage();
  return heapUsed + external;
}

/** The results, as lines to print. */
export function scaleLines(tasks: readonly TaskScale[], long: LongRun): string {
  const first = tasks[0]?.ns ?? NaN;
  const mib = (bytes: number) => `${(bytes / 2 ** 20).toFixed(0)} MiB`;
  return tasks.map((one) =>
    `${one.tasks} tasks on ${CPUS} CPUs: ${(one.ns / 1000).toFixed(2)} µs an event, ` +
    `${(one.ns / first).toFixed(2)} times that of ${tasks[0]?.tasks}; ${
      (one.nsPerCall / 1000).toFixed(2)
    } µs a system call\n`
  ).join("") +
    `${long.systemCalls} system calls in one run: ${rate(long.perSecond)}/s, ` +
    `${mib(long.early)} in use after a tenth, ${mib(long.late)} at the end\n`;
}

if (import.meta.main) {
  const [flag, calls] = Deno.args;
  if (flag === "--long") console.log(JSON.stringify(await longRun(Number(calls))));
  else {
    const full = flag === "--full";
    const tasks = await benchTasks(full ? 600_000 : 60_000);
    console.log(scaleLines(tasks, await benchLong(full ? 10_000_000 : 300_000)).trimEnd());
  }
}
