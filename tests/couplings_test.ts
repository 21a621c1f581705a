/**
 * The couplings of what a run tells: rules that hold over all events of any run, whatever it is of. Each rule listens from
 * the start, on the three architectures, over built-in programs, several of them at once, and recordings.
 */

import { assert, assertEquals } from "@std/assert";
import { type Arch, bootKernel, builtinWorkload, replay, type Workload } from "../mod.ts";
import { tracepoint, type TracepointRef } from "../kernel/tracing/reference.ts";
import { requestsGoThrough } from "./couplings/block.ts";
import { callsAreToldTwice, callsComeBack } from "./couplings/calls.ts";
import { chainsEndInThemselves } from "./couplings/chains.ts";
import { interruptsNest, signalsWereSent, timersWereStarted, workIsQueued } from "./couplings/deferred.ts";
import { faultsAreInAreas, framesAreFreedOnce, objectsAreFreedOnce } from "./couplings/memory.ts";
import { switchesFitTogether, tasksEndOnce } from "./couplings/scheduling.ts";
import { statesFollow } from "./couplings/tcp.ts";
import { type Findings, type Rule, Watch } from "./couplings/watch.ts";

const RULES = {
  "enter and exit on one thread": callsComeBack,
  "a call is told twice": callsAreToldTwice,
  "switches leave who had the CPU, after a wake-up": switchesFitTogether,
  "a task ends once": tasksEndOnce,
  "a request is queued, issued and completed": requestsGoThrough,
  "TCP states in order": statesFollow,
  "objects are freed once": objectsAreFreedOnce,
  "page frames are freed once": framesAreFreedOnce,
  "faults are in areas": faultsAreInAreas,
  "interrupts nest, softirqs were raised": interruptsNest,
  "timers were started": timersWereStarted,
  "work is queued": workIsQueued,
  "signals were sent": signalsWereSent,
  "dentries and mounts end in themselves": chainsEndInThemselves,
} as const satisfies Record<string, Rule>;

const ENTER = tracepoint("raw_syscalls:sys_enter", "id");
const EXIT = tracepoint("raw_syscalls:sys_exit", "id", "ret");
const SWITCH = tracepoint("sched:sched_switch", "prev_pid", "prev_state", "next_pid");
const END = tracepoint("sched:sched_process_exit", "pid");
const ISSUE = tracepoint("block:block_rq_issue", "dev", "sector", "nr_sector");
const STATE = tracepoint("sock:inet_sock_set_state", "skaddr", "oldstate", "newstate");
const KFREE = tracepoint("kmem:kfree", "ptr");
const PAGE = tracepoint("kmem:mm_page_alloc", "pfn", "order");
const SOFTIRQ_ENTRY = tracepoint("irq:softirq_entry", "vec");
const TIMER_START = tracepoint("timer:hrtimer_start", "hrtimer", "expires", "softexpires");
const TIMER_EXPIRES = tracepoint("timer:hrtimer_expire_entry", "hrtimer", "now");
const EXECUTE = tracepoint("workqueue:workqueue_execute_start", "work");
const DELIVER = tracepoint("signal:signal_deliver", "sig");

/** What runs, and how many CPUs it has; several run side by side. */
interface Row {
  readonly runs: readonly string[];
  readonly cpus?: number;
  /** Rules that it must give something to look at. */
  readonly tells?: readonly (keyof typeof RULES)[];
}

const PROGRAMS: readonly Row[] = [
  { runs: ["cat"], tells: ["dentries and mounts end in themselves"] },
  { runs: ["cp"] },
  { runs: ["git"] },
  { runs: ["tree"] },
  { runs: ["memory:times=3"] },
  { runs: ["hog"], tells: ["page frames are freed once", "signals were sent"] },
  { runs: ["database"], tells: ["a request is queued, issued and completed"] },
  { runs: ["database", "sleepers:tasks=1,ns=4000000000,times=3"], tells: ["work is queued"] },
  { runs: ["web"], tells: ["TCP states in order", "objects are freed once"] },
  { runs: ["web"], cpus: 1 },
  { runs: ["echo"] },
  { runs: ["threads"], cpus: 4 },
  { runs: ["forkstorm"], tells: ["a task ends once"] },
  { runs: ["pipeline"] },
  { runs: ["cron"] },
  { runs: ["cpuhogs:hogs=5,ms=40,levels=2"] },
  { runs: ["sleepers:tasks=5"], tells: ["timers were started"] },
  { runs: ["database", "web", "pipeline"] },
  { runs: ["echo", "forkstorm", "threads"], cpus: 3 },
  { runs: ["database:readers=4", "cpuhogs:hogs=3,ms=30,levels=2", "git"], cpus: 1 },
];

/** Recordings of x86_64; what differs between architectures shows in the first three. */
const RECORDINGS = [
  ...["calls-net", "http-loopback", "shell-loop", "cat", "dd", "find-cat", "grep", "ls", "tar-gzip"],
];

async function check(
  arch: Arch,
  workloads: readonly Workload[],
  cpus: number,
): Promise<Map<string, Findings>> {
  const disks = workloads.flatMap((workload) => workload.disks ?? []);
  const k = await bootKernel({ arch, cpus, disks });
  const watches = Object.entries(RULES).map(([name, rule]) => {
    const watch = new Watch(k);
    rule(watch);
    return [name, watch] as const;
  });
  for (const workload of workloads) workload.start(k);
  assertEquals(k.scheduler.run().reason, "done");
  return new Map(watches.map(([name, watch]) => [name, watch.findings()]));
}

function assertSound(findings: ReadonlyMap<string, Findings>): void {
  const broken = [...findings].filter(([, { violations }]) => violations.length > 0);
  assertEquals(broken.map(([name, { violations }]) => [name, ...violations].join("\n  ")), []);
}

for (const arch of ["x86_64", "arm64", "i386"] as const) {
  for (const { runs, cpus = 2, tells = [] } of PROGRAMS) {
    Deno.test(`${arch}: what ${runs.join(" and ")} tells on ${cpus} CPUs fits together`, async () => {
      const findings = await check(arch, runs.map((name) => builtinWorkload(name)), cpus);
      assertSound(findings);
      for (const rule of tells) {
        assert((findings.get(rule)?.events ?? 0) > 0, `nothing was told for "${rule}"`);
      }
    });
  }
  for (const name of arch === "x86_64" ? RECORDINGS : RECORDINGS.slice(0, 3)) {
    Deno.test(`${arch}: what a replay of ${name} tells fits together`, async () => {
      const file = new URL(`../examples/recordings/${name}.strace.gz`, import.meta.url);
      const findings = await check(arch, [await replay(await Deno.readFile(file), { name })], 2);
      assertSound(findings);
      assert((findings.get("enter and exit on one thread")?.events ?? 0) > 100);
    });
  }
}

/** Events that break a rule, fired by hand. */
const BROKEN: Readonly<Record<string, readonly (readonly [TracepointRef, ...number[]])[]>> = {
  "enter and exit on one thread": [[ENTER, 3], [EXIT, 4, 0]],
  "switches leave who had the CPU, after a wake-up": [[SWITCH, 5, 0, 6]],
  "a task ends once": [[END, 7], [END, 7]],
  "a request is queued, issued and completed": [[ISSUE, 1, 64, 8]],
  "TCP states in order": [[STATE, -4096, 7, 10], [STATE, -4096, 10, 1]],
  "objects are freed once": [[KFREE, -4096], [KFREE, -4096]],
  "page frames are freed once": [[PAGE, 77, 0], [PAGE, 77, 0]],
  "interrupts nest, softirqs were raised": [[SOFTIRQ_ENTRY, 3]],
  "timers were started": [[TIMER_START, -4096, 9000, 9000], [TIMER_EXPIRES, -4096, 8000]],
  "work is queued": [[EXECUTE, -4096]],
  "signals were sent": [[DELIVER, 15]],
};

Deno.test("each rule says what breaks it", async () => {
  for (const [name, events] of Object.entries(BROKEN)) {
    const k = await bootKernel();
    const watch = new Watch(k);
    RULES[name as keyof typeof RULES](watch);
    for (const [ref, ...values] of events) k.tracepoints.fire(ref, ...values);
    assert(watch.findings().violations.length > 0, `"${name}" does not mind what breaks it`);
  }
});
