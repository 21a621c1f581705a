/** How the scheduler shares CPUs: how long tasks wait for one, who gets how much, where tasks go. */

import { assert, assertEquals } from "@std/assert";
import { bootKernel } from "../session/boot.ts";
import type { Kernel } from "../kernel/kernel.ts";
import { SampleTimer } from "../kernel/time/profile.ts";
import type { TraceRecord } from "../kernel/tracing/record.ts";
import { builtinWorkload } from "../workloads/mod.ts";
import type { Workload } from "../workloads/mod.ts";

function number(record: TraceRecord, name: string): number {
  const field = record.info.fields.find((candidate) => candidate.name === name)!;
  return record.load(field.offset, field.size, true);
}

/** What was told in a run. */
interface Told {
  readonly k: Kernel;
  /** Nanoseconds from wake-up, or from losing the CPU while runnable, to getting one: as `runqlat` does it. */
  readonly latencies: number[];
  readonly preempted: number;
  /** Time on a CPU by pid, as the switches tell it. */
  readonly onCpu: ReadonlyMap<number, number>;
}

/** Runs a workload and sums up what it tells. */
async function run(
  workload: Workload,
  cpus: number,
): Promise<Told> {
  const k = await bootKernel({ cpus });
  const last = new Map<number, number>();
  const since = new Map<number, number>();
  const onCpu = new Map<number, number>();
  const latencies: number[] = [];
  let preempted = 0;
  for (const event of ["sched_wakeup", "sched_wakeup_new"]) {
    k.tracepoints.register(`sched:${event}`, (record) => since.set(number(record, "pid"), k.clock.now));
  }
  k.tracepoints.register("sched:sched_switch", (record) => {
    const prev = number(record, "prev_pid");
    const next = number(record, "next_pid");
    const before = last.get(k.cpu) ?? 0;
    onCpu.set(prev, (onCpu.get(prev) ?? 0) + k.clock.now - before);
    last.set(k.cpu, k.clock.now);
    if (number(record, "prev_state") === 0 && prev !== 0) {
      since.set(prev, k.clock.now);
      preempted++;
    }
    if (next === 0) return;
    const from = since.get(next);
    if (from === undefined) return;
    assert(k.clock.now >= from, `${next} got a CPU before it was woken`);
    latencies.push(k.clock.now - from);
    since.delete(next);
  });
  workload.start(k);
  assertEquals(k.scheduler.run().reason, "done");
  // Whatever a CPU did, it did it all the time.
  let total = 0;
  for (const time of onCpu.values()) total += time;
  assertEquals(total, [...last.values()].reduce((sum, at) => sum + at, 0));
  return { k, latencies, preempted, onCpu };
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[sorted.length >> 1] ?? 0;
}

Deno.test("the more tasks a CPU has, the longer they wait for it", async () => {
  const medians: number[] = [];
  for (const hogs of [2, 4, 8, 16]) {
    const { latencies } = await run(builtinWorkload(`cpuhogs:hogs=${hogs},ms=60,levels=1`), 2);
    medians.push(median(latencies));
  }
  assert(medians.every((ns, i) => i === 0 || ns > (medians[i - 1] ?? 0)), medians.join(", "));
  // Two hogs have a CPU each; of sixteen, seven others come first, each for its least turn.
  assert((medians[0] ?? 0) < 1e6 && (medians[3] ?? 0) > 5e6, medians.join(", "));
});

Deno.test("who is nicer gets less, and everybody computes as long as he wants to", async () => {
  const { k, onCpu, preempted } = await run(builtinWorkload("cpuhogs:hogs=3,ms=200,levels=3"), 1);
  assert(preempted > 10);
  for (const [pid, ns] of onCpu) if (pid > 300) assert(ns > 200e6 && ns < 212e6, `${pid} had ${ns} ns`);
  assertEquals(k.scheduler.rq(0).nrRunning, 0);
});

Deno.test("tasks spread: no CPU idles while another has some to give", async () => {
  const { onCpu, k } = await run(builtinWorkload("cpuhogs:hogs=8,ms=50,levels=1"), 4);
  const idle = onCpu.get(0) ?? 0;
  // Eight times 50 ms on four CPUs.
  assert(k.clock.now < 115e6, `${k.clock.now}`);
  assert(idle < 60e6, `${idle} ns idle`);
});

Deno.test("load averages are those of what ran, by the kernel's own arithmetic", async () => {
  const { k } = await run(builtinWorkload("cpuhogs:hogs=4,ms=20000,levels=1"), 2);
  const [one = 0, five = 0, fifteen = 0] = k.load.averages.map((load) => load / 2048);
  // Four tasks at seven looks, 5 s apart: 4 * (1 - exp(-35 / 60)), and so on.
  const expected = [60, 300, 900].map((span) => 4 * (1 - Math.exp(-35 / span)));
  [one, five, fifteen].forEach((load, i) => {
    const wanted = expected[i] ?? 0;
    assert(Math.abs(load - wanted) < 0.1 * wanted, `${load} where ${wanted} was to be expected`);
  });
  const avenrun = k.image.symbol("avenrun")!.address;
  assertEquals(k.memory.load(avenrun, 8, false), k.load.averages[0]);
});

Deno.test("samples find every CPU at work, down to the function that runs, and change nothing", async () => {
  const ends: number[] = [];
  const stacks = new Map<string, number>();
  let inUser = 0;
  let idle = 0;
  for (const sampled of [false, true]) {
    const k = await bootKernel({ cpus: 2 });
    const timer = sampled
      ? new SampleTimer(k, 100_000, (task, user) => {
        if (user) inUser++;
        else if (task.pid === 0) idle++;
        else {
          const names = k.calls.stack(task).map((at) => k.image.symbolAt(at)?.symbol.name ?? "?");
          const top = names[0] ?? "";
          stacks.set(top, (stacks.get(top) ?? 0) + 1);
          assert(names.some((name) => /syscall|ret_from_fork|asm_|entry_/.test(name)), names.join(" "));
        }
      })
      : null;
    const workload = builtinWorkload("forkstorm:parents=3,children=40");
    workload.start(k);
    assertEquals(k.scheduler.run().reason, "done");
    timer?.stop();
    ends.push(k.clock.now);
  }
  assertEquals(ends[0], ends[1]);
  assert(inUser > 500, `${inUser} in user space, ${idle} idle`);
  // Found in many functions, not only in those that have behaviours.
  assert(stacks.size >= 10, [...stacks.keys()].join(" "));
});

Deno.test("armed or not, scenarios that compete for CPUs run the same", async () => {
  for (
    const name of ["cpuhogs:hogs=5,ms=40,levels=2", "forkstorm:parents=2,children=8", "pipeline:rounds=1"]
  ) {
    const logs: string[][] = [];
    for (const share of [0, 7, 1]) {
      const k = await bootKernel({ cpus: 2 });
      k.calls.shapes.functionNames().forEach((fn, i) => {
        const found = share > 0 && i % share === 0 ? k.calls.functionByName(fn) : undefined;
        if (found !== undefined) found.hooks = { offsets: [], entry: () => false, at: () => {} };
      });
      const log: string[] = [];
      for (const event of ["sched:sched_switch", "raw_syscalls:sys_enter"]) {
        k.tracepoints.register(event, () => log.push(`${k.clock.now} ${k.cpu} ${k.current.pid} ${event}`));
      }
      const workload = builtinWorkload(name);
      workload.start(k);
      k.scheduler.run();
      logs.push(log);
    }
    assertEquals(logs[1], logs[0], name);
    assertEquals(logs[2], logs[0], name);
  }
});
