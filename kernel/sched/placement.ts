/**
 * On which CPU a task runs: `select_task_rq_fair`, moving tasks between CPUs.
 *
 * @module
 */

import { behaviour, type FunctionRef } from "../calls/function.ts";
import type { Kernel } from "../kernel.ts";
import { type Task, TASK_RUNNING } from "../process/task.ts";
import { tracepoint } from "../tracing/reference.ts";
import { placeEntity } from "./account.ts";
import { SCHED } from "./fields.ts";
import type { Rq } from "./rq.ts";

const MIGRATE = tracepoint("sched:sched_migrate_task", "comm", "pid", "prio", "orig_cpu", "dest_cpu");
/** The waker is about to sleep. */
const WF_SYNC = 0x10;
/** A task that was just made. */
export const WF_FORK = 0x04;

/** Moves a task that is not running to another CPU. (p, new_cpu) */
export const SET_TASK_CPU: FunctionRef = behaviour("set_task_cpu", [], (k, address = 0, cpu = 0) => {
  const task = k.tasks.byAddress(address);
  if (task === undefined || task.cpu === cpu) return Number.NaN;
  k.tracepoints.fire(MIGRATE, task.comm, task.pid, k.scheduler.prioOf(task), task.cpu, cpu);
  setCpu(k, task, cpu);
  return Number.NaN;
});

/** The same without a call to see: what it got of the CPU counts from where the new one stands. */
export function setCpu(k: Kernel, task: Task, cpu: number): void {
  const { se } = task;
  se.vruntime += k.scheduler.rq(cpu).minVruntime - k.scheduler.rq(task.cpu).minVruntime;
  task.cpu = cpu;
  SCHED.wakeCpu.set(k, task.address, cpu);
  SCHED.nrMigrations.add(k, task.address, 1);
}

/** A CPU for a task that becomes runnable: one that is idle, nearest where it ran last. (p, prev_cpu, wake_flags) */
export const SELECT_TASK_RQ_FAIR: FunctionRef = behaviour(
  "select_task_rq_fair",
  [],
  (k, address = 0, prevCpu = 0, flags = 0) => {
    const task = k.tasks.byAddress(address);
    return task === undefined ? prevCpu : selectCpu(k, task, flags);
  },
);

/** The CPU for a task that is woken, or was made (`WF_FORK`). */
export function selectCpu(k: Kernel, task: Task, flags: number): number {
  const { allowed } = task.se;
  const prev = task.cpu;
  if (allowed === null || allowed.has(prev)) {
    const here = k.scheduler.rq(prev);
    if ((flags & WF_FORK) === 0 && free(k, here)) return prev;
    const own = k.scheduler.rq(k.cpu);
    if (
      (flags & WF_SYNC) !== 0 && own.nrRunning <= 1 && own.cpu !== prev &&
      (allowed === null || allowed.has(own.cpu))
    ) return own.cpu;
  }
  if (k.scheduler.isFirm(task)) return selectForClaim(k, task).cpu;
  let best = -1;
  let least = Infinity;
  for (let step = 0; step < k.cpus; step++) {
    const cpu = (prev + step) % k.cpus;
    if (allowed !== null && !allowed.has(cpu)) continue;
    const rq = k.scheduler.rq(cpu);
    if (free(k, rq)) return cpu;
    // Of those that are taken: where fewest wait, and no kernel code has run ahead.
    const load = rq.nrRunning + rq.incoming + (rq.reached > k.clock.now ? 0.5 : 0);
    if (load < least) {
      least = load;
      best = cpu;
    }
  }
  return best < 0 ? prev : best;
}

function free(k: Kernel, rq: Rq): boolean {
  return rq.isIdle && rq.incoming === 0 && rq.reached <= k.clock.now;
}

/** The CPU that a replayed task takes when its recorded time comes: an idle one, else one in user space. */
export function selectForClaim(k: Kernel, task: Task): Rq {
  const own = k.scheduler.rq(task.cpu);
  if (task.se.allowed !== null) return own;
  let best = own;
  let rank = Infinity;
  for (let step = 0; step < k.cpus; step++) {
    const rq = k.scheduler.rq((task.cpu + step) % k.cpus);
    if (rq.claims.length > 0) continue;
    const mine = (k.scheduler.inKernel(rq) ? 4 : 0) + (rq.isIdle ? 0 : 1) + rq.incoming;
    if (mine < rank) {
      rank = mine;
      best = rq;
    }
  }
  return best;
}

/** A task becomes runnable without anybody who wakes it, a program begins: on which CPU. */
export function activate(k: Kernel, task: Task): Rq {
  task.state = TASK_RUNNING;
  const cpu = selectCpu(k, task, WF_FORK);
  if (cpu !== task.cpu) setCpu(k, task, cpu);
  const rq = k.scheduler.rq(cpu);
  queue(k, rq, task);
  return rq;
}

/** Queues a runnable task on a CPU and tells that, if it is to run there at once. */
export function join(k: Kernel, rq: Rq, task: Task): void {
  queue(k, rq, task);
  k.scheduler.begin(rq, task);
}

function queue(k: Kernel, rq: Rq, task: Task): void {
  placeEntity(k, rq, task, true);
  SCHED.vruntime.set(k, task.address, task.se.vruntime);
  task.se.waitStart = k.clock.now;
  rq.insert(task);
  rq.add(task);
}

/** Takes a queued task off a CPU. */
export function detach(_k: Kernel, rq: Rq, task: Task): void {
  rq.take(task);
  rq.remove(task);
}

/** Moves a queued task. */
export function migrate(k: Kernel, from: Rq, to: Rq, task: Task): void {
  detach(k, from, task);
  if (k.scheduler.isRunning(to)) k.call(SET_TASK_CPU, task.address, to.cpu);
  else {
    k.tracepoints.fire(MIGRATE, task.comm, task.pid, k.scheduler.prioOf(task), task.cpu, to.cpu);
    setCpu(k, task, to.cpu);
  }
  SCHED.cfsRq.set(k, task.address, to.cfs);
  to.insert(task);
  to.add(task);
}
