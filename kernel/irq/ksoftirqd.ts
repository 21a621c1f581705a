/**
 * `ksoftirqd/N`: runs a CPU's softirqs when they take too long for the interrupts' way out.
 *
 * @module
 */

import { behaviour, blocking, fn, type FunctionRef } from "../calls/function.ts";
import type { Kernel } from "../kernel.ts";
import { createKthread } from "../process/kthread.ts";
import { sleep } from "../process/sleep.ts";
import { type Task, TASK_INTERRUPTIBLE } from "../process/task.ts";

const threads = new WeakMap<Kernel, (Task | undefined)[]>();

const RUN_KSOFTIRQD: FunctionRef = behaviour("run_ksoftirqd", [fn("handle_softirqs")], (k) => {
  if (k.softirqs.pending(k.cpu) !== 0) k.call(fn("handle_softirqs"), 1);
  return Number.NaN;
});

/** What per-CPU kernel threads run: their function whenever there is work. */
const SMPBOOT_THREAD_FN: FunctionRef = blocking("smpboot_thread_fn", [RUN_KSOFTIRQD], function* (k) {
  for (;;) {
    if (k.softirqs.pending(k.cpu) !== 0) k.call(RUN_KSOFTIRQD, k.cpu);
    else yield* sleep(k, {}, TASK_INTERRUPTIBLE);
  }
});

/** Wakes `ksoftirqd` of this CPU. */
export function wakeKsoftirqd(k: Kernel): void {
  const { cpu } = k;
  let tasks = threads.get(k);
  if (tasks === undefined) threads.set(k, tasks = []);
  const main = SMPBOOT_THREAD_FN;
  const task = tasks[cpu] ??= createKthread(k, { comm: `ksoftirqd/${cpu}`, cpu, bound: true, main });
  k.call(fn("wake_up_process"), task.address);
}
