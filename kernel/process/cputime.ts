/**
 * What tasks and processes have used of the CPUs: `kernel/sched/cputime.c`, `getrusage`, `times`.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import type { Kernel } from "../kernel.ts";
import { field } from "./objects.ts";
import { TASK, type Task } from "./task.ts";
import { mayStore } from "./user_store.ts";

/** `struct signal_struct`: what threads that are gone, and children that were waited for, have used. */
const SIGNAL = {
  utime: field("signal_struct", "utime"),
  stime: field("signal_struct", "stime"),
  cutime: field("signal_struct", "cutime"),
  cstime: field("signal_struct", "cstime"),
  nvcsw: field("signal_struct", "nvcsw"),
  nivcsw: field("signal_struct", "nivcsw"),
  cnvcsw: field("signal_struct", "cnvcsw"),
  cnivcsw: field("signal_struct", "cnivcsw"),
  minFlt: field("signal_struct", "min_flt"),
  majFlt: field("signal_struct", "maj_flt"),
  cminFlt: field("signal_struct", "cmin_flt"),
  cmajFlt: field("signal_struct", "cmaj_flt"),
} as const;

/** Nanoseconds in user space and in the kernel, and switches. */
export interface CpuUse {
  readonly utime: number;
  readonly stime: number;
  /** Times that it gave up its CPU. */
  readonly nvcsw: number;
  /** Times that the CPU was taken from it. */
  readonly nivcsw: number;
  /** Page faults that no disk was needed for, and those that had to read. */
  readonly minFlt: number;
  readonly majFlt: number;
}

/** What one task has used up to now. */
export function taskUse(k: Kernel, task: Task): CpuUse {
  const { se } = task;
  const running = k.scheduler.rq(task.cpu).curr === task;
  const sum = se.sumExec + (running ? Math.max(0, k.clock.now - se.execStart) : 0);
  const utime = Math.min(se.userTime, sum);
  const { minorFaults: minFlt, majorFaults: majFlt } = task;
  return { utime, stime: sum - utime, nvcsw: se.nvcsw, nivcsw: se.nivcsw, minFlt, majFlt };
}

/** What all threads of a process have used, those that are gone included. */
export function processUse(k: Kernel, task: Task): CpuUse {
  const signal = TASK.signal.get(k, task.address);
  let utime = SIGNAL.utime.get(k, signal);
  let stime = SIGNAL.stime.get(k, signal);
  let nvcsw = SIGNAL.nvcsw.get(k, signal);
  let nivcsw = SIGNAL.nivcsw.get(k, signal);
  let minFlt = SIGNAL.minFlt.get(k, signal);
  let majFlt = SIGNAL.majFlt.get(k, signal);
  for (const thread of k.tasks.threads(task)) {
    const use = taskUse(k, thread);
    utime += use.utime;
    stime += use.stime;
    nvcsw += use.nvcsw;
    nivcsw += use.nivcsw;
    minFlt += use.minFlt;
    majFlt += use.majFlt;
  }
  return { utime, stime, nvcsw, nivcsw, minFlt, majFlt };
}

/** What the children of a process have used that were waited for. */
export function childrenUse(k: Kernel, task: Task): CpuUse {
  const signal = TASK.signal.get(k, task.address);
  return {
    utime: SIGNAL.cutime.get(k, signal),
    stime: SIGNAL.cstime.get(k, signal),
    nvcsw: SIGNAL.cnvcsw.get(k, signal),
    nivcsw: SIGNAL.cnivcsw.get(k, signal),
    minFlt: SIGNAL.cminFlt.get(k, signal),
    majFlt: SIGNAL.cmajFlt.get(k, signal),
  };
}

/** What was used between two readings. */
export function usedSince(before: CpuUse, after: CpuUse): CpuUse {
  return {
    utime: after.utime - before.utime,
    stime: after.stime - before.stime,
    nvcsw: after.nvcsw - before.nvcsw,
    nivcsw: after.nivcsw - before.nivcsw,
    minFlt: after.minFlt - before.minFlt,
    majFlt: after.majFlt - before.majFlt,
  };
}

/** A thread is released: what it used stays with its process. */
export function keepThreadUse(k: Kernel, task: Task): void {
  const signal = TASK.signal.get(k, task.address);
  const use = taskUse(k, task);
  SIGNAL.utime.add(k, signal, use.utime);
  SIGNAL.stime.add(k, signal, use.stime);
  SIGNAL.nvcsw.add(k, signal, use.nvcsw);
  SIGNAL.nivcsw.add(k, signal, use.nivcsw);
  SIGNAL.minFlt.add(k, signal, use.minFlt);
  SIGNAL.majFlt.add(k, signal, use.majFlt);
}

/** A child was waited for: what it and its own children used counts for the parent. */
export function keepChildUse(k: Kernel, parent: Task, child: Task): void {
  const signal = TASK.signal.get(k, parent.address);
  const own = processUse(k, child);
  const below = childrenUse(k, child);
  SIGNAL.cutime.add(k, signal, own.utime + below.utime);
  SIGNAL.cstime.add(k, signal, own.stime + below.stime);
  SIGNAL.cnvcsw.add(k, signal, own.nvcsw + below.nvcsw);
  SIGNAL.cnivcsw.add(k, signal, own.nivcsw + below.nivcsw);
  SIGNAL.cminFlt.add(k, signal, own.minFlt + below.minFlt);
  SIGNAL.cmajFlt.add(k, signal, own.majFlt + below.majFlt);
}

/** `struct rusage` as user space has it; false at a bad address. */
export function storeRusage(k: Kernel, at: Addr, use: CpuUse): boolean {
  const word = k.arch.wordSize;
  const bytes = new Uint8Array(18 * word);
  const view = new DataView(bytes.buffer);
  const put = (index: number, value: number): void => {
    if (word === 8) view.setBigInt64(index * 8, BigInt(Math.floor(value)), true);
    else view.setInt32(index * 4, Math.floor(value), true);
  };
  // ru_utime, ru_stime, …, ru_minflt, ru_majflt, …, ru_nvcsw and ru_nivcsw at the end.
  put(0, use.utime / 1e9);
  put(1, use.utime % 1e9 / 1000);
  put(2, use.stime / 1e9);
  put(3, use.stime % 1e9 / 1000);
  put(8, use.minFlt);
  put(9, use.majFlt);
  put(16, use.nvcsw);
  put(17, use.nivcsw);
  return k.memory.isUser(at) && storeBytes(k, at, bytes);
}

function storeBytes(k: Kernel, at: Addr, bytes: Uint8Array): boolean {
  if (!mayStore(k, at, bytes.length)) return false;
  k.memory.writeBytes(at, bytes);
  return true;
}
