/**
 * Kernel threads: tasks that never leave the kernel. Each is made when it is first woken, with the pid that the same
 * thread has after a boot of Linux where that is free.
 *
 * @module
 */

import type { FunctionRef } from "../calls/function.ts";
import type { Kernel } from "../kernel.ts";
import type { Coroutine } from "../sched/coroutine.ts";
import { TASK, type Task, TASK_INTERRUPTIBLE } from "./task.ts";

/** Bound to its CPU and not to be moved: `PF_NO_SETAFFINITY`. */
const PF_NO_SETAFFINITY = 0x04000000;

/** How a kernel thread is made. */
export interface KthreadOptions {
  /** Its name: `ksoftirqd/0`. */
  readonly comm: string;
  /** CPU that it is bound to, or on which it begins. */
  readonly cpu: number;
  /** Whether it stays on that CPU. */
  readonly bound: boolean;
  /** What it runs, called with `data`: a function that may block and never returns. */
  readonly main: FunctionRef;
  /** Argument of `main`, usually an address. */
  readonly data?: number;
}

/** Pids that kernel threads get while booting: the fixed ones, then a block per further CPU. */
const FIXED: ReadonlyMap<string, number> = new Map(Object.entries<number>({
  kthreadd: 2,
  rcu_gp: 3,
  rcu_par_gp: 4,
  slub_flushwq: 5,
  netns: 6,
  "kworker/0:0": 7,
  "kworker/0:0H": 8,
  "kworker/u:0": 9,
  mm_percpu_wq: 10,
  rcu_tasks_kthread: 11,
  rcu_tasks_rude_kthread: 12,
  rcu_tasks_trace_kthread: 13,
  "ksoftirqd/0": 14,
  rcu_preempt: 15,
  rcu_sched: 15,
  "migration/0": 16,
  "kworker/0:1": 17,
  "cpuhp/0": 18,
}));
/** Threads of one CPU after the first, in the order in which they are made. */
const PER_CPU = ["cpuhp/", "migration/", "ksoftirqd/", "kworker/N:0", "kworker/N:0H"];
const FIRST_PER_CPU = 19;
/** Other kernel threads begin behind those of 64 CPUs or, with fewer CPUs, behind theirs. */
const LAST_BOOT_PID = 299;

/** Makes a kernel thread, asleep until its first wake-up. */
export function createKthread(k: Kernel, options: KthreadOptions): Task {
  const task = k.tasks.create({
    pid: bootPid(k, options.comm),
    comm: options.comm,
    kthread: true,
    uid: 0,
    gid: 0,
    cpu: options.cpu,
    parent: kthreadd(k),
  });
  if (options.bound) TASK.flags.set(k, task.address, TASK.flags.get(k, task.address) | PF_NO_SETAFFINITY);
  task.bound = options.bound;
  if (options.bound) task.se.allowed = new Set([options.cpu]);
  task.state = TASK_INTERRUPTIBLE;
  k.scheduler.spawn(task, run(k, task, options), k.clock.now, { daemon: true, asleep: true });
  return task;
}

/** `kthreadd`, the parent of all kernel threads. */
export function kthreadd(k: Kernel): Task {
  return k.tasks.kthreadd;
}

function* run(k: Kernel, task: Task, { main, data }: KthreadOptions): Coroutine {
  yield* k.calls.enterBlocking(task, main, [data ?? 0], undefined, { kind: "kthread" });
}

/** The pid that a thread of that name has after boot, or the next free one below those of programs. */
function bootPid(k: Kernel, comm: string): number {
  const fixed = FIXED.get(comm) ?? perCpuPid(comm);
  if (fixed !== undefined && k.tasks.byPid(fixed) === undefined) return fixed;
  for (let pid = FIRST_PER_CPU + PER_CPU.length * (k.cpus - 1); pid <= LAST_BOOT_PID; pid++) {
    if (k.tasks.byPid(pid) === undefined) return pid;
  }
  return k.tasks.nextPid();
}

function perCpuPid(comm: string): number | undefined {
  const cpu = Number(/\/(\d+)/.exec(comm)?.[1] ?? "0");
  const at = PER_CPU.indexOf(
    comm.startsWith("kworker") ? comm.replace(/\/\d+/, "/N") : comm.replace(/\d+$/, ""),
  );
  return cpu === 0 || at < 0 ? undefined : FIRST_PER_CPU + PER_CPU.length * (cpu - 1) + at;
}
