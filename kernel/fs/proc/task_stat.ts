/**
 * `/proc/PID/stat`, `statm` and what they share with `status`: `fs/proc/array.c`.
 *
 * @module
 */

import type { Addr } from "../../../image/model.ts";
import type { Kernel } from "../../kernel.ts";
import { MM } from "../../mm/fields.ts";
import { MM_ANONPAGES, MM_FILEPAGES, MM_SHMEMPAGES, mmCounter, taskCounter } from "../../mm/rss.ts";
import { childrenUse, processUse, taskUse } from "../../process/cputime.ts";
import { field } from "../../process/objects.ts";
import { pidGroupNumber } from "../../process/pid.ts";
import { PF_KTHREAD, TASK, type Task } from "../../process/task.ts";
import { SCHED } from "../../sched/fields.ts";
import { MAX_RT_PRIO } from "../../sched/weights.ts";
import { blockedOf, handlerOf, pendingSet, privatePending } from "../../signal/fields.ts";
import { NSIG, SIG_DFL, SIG_IGN, type Sigset } from "../../signal/numbers.ts";
import { mayRead } from "./may_read.ts";

const SIGNAL = {
  cminFlt: field("signal_struct", "cmin_flt"),
  cmajFlt: field("signal_struct", "cmaj_flt"),
  minFlt: field("signal_struct", "min_flt"),
  majFlt: field("signal_struct", "maj_flt"),
} as const;
const PIDTYPE_PGID = 2;
const PIDTYPE_SID = 3;
/** Nanoseconds of a clock tick as user space counts them (`USER_HZ`). */
const TICK = 1e7;
const PAGE = 4096;

const STATES: Readonly<Record<number, string>> = { 0: "R", 1: "S", 2: "D", 4: "T", 8: "t" };

/** What a task does, by its letter. */
export function stateOf(task: Task): string {
  if (task.exitCode !== null) return "Z";
  // A kernel thread that waits without counting as load.
  if ((task.state & 0x402) === 0x402) return "I";
  return STATES[task.state & 0xf] ?? "S";
}

/** Pages that an address space has in memory, what its tasks have not handed over included. */
export interface Resident {
  readonly file: number;
  readonly anon: number;
  readonly shmem: number;
  readonly all: number;
}

/** What a task's address space has in memory. */
export function residentOf(k: Kernel, task: Task): Resident {
  if (task.mm === 0) return { file: 0, anon: 0, shmem: 0, all: 0 };
  const count = (member: number): number =>
    task.threadGroup.reduce(
      (sum, thread) => thread.mm === task.mm ? sum + taskCounter(k, thread.address, member) : sum,
      mmCounter(k, task.mm, member),
    );
  const [file, anon, shmem] = [count(MM_FILEPAGES), count(MM_ANONPAGES), count(MM_SHMEMPAGES)];
  return { file, anon, shmem, all: file + anon + shmem };
}

/** Signals that a task ignores, and those that it has handlers for. */
export function handledSignals(k: Kernel, task: Addr): { readonly ignored: Sigset; readonly caught: Sigset } {
  let [ignored, caught] = [0n, 0n];
  if (TASK.sighand.get(k, task) === 0) return { ignored, caught };
  for (let signal = 1; signal <= NSIG; signal++) {
    const handler = handlerOf(k, task, signal);
    const bit = 1n << BigInt(signal - 1);
    if (handler === SIG_IGN) ignored |= bit;
    else if (handler !== SIG_DFL) caught |= bit;
  }
  return { ignored, caught };
}

/** Text of `stat`; with `whole` of all threads together. */
export function statText(k: Kernel, task: Task, whole: boolean): string {
  const { mm, address } = task;
  const use = whole ? processUse(k, task) : taskUse(k, task);
  const children = whole ? childrenUse(k, task) : { utime: 0, stime: 0 };
  const signal = TASK.signal.get(k, address);
  const threads = whole ? task.threadGroup : [task];
  const faults = (of: "minorFaults" | "majorFaults", gone: number): number =>
    threads.reduce((sum, thread) => sum + thread[of], whole ? gone : 0);
  const open = mayRead(k, task);
  const ofMm = (which: "startCode" | "endCode" | "startStack"): number =>
    mm !== 0 && open ? MM[which].get(k, mm) : 0;
  const { ignored, caught } = handledSignals(k, address);
  const low = (set: Sigset): string => String(set & 0x7fffffffn);
  const waits = task.exitCode === null && task.state !== 0;
  const layout = (which: keyof typeof MM): number => mm !== 0 && open ? MM[which].get(k, mm) : 0;
  const fields: (number | string)[] = [
    task.pid,
    `(${task.comm})`,
    stateOf(task),
    task.parent?.tgid ?? 0,
    task.pid === 0 ? 0 : pidGroupNumber(k, task, PIDTYPE_PGID),
    task.pid === 0 ? 0 : pidGroupNumber(k, task, PIDTYPE_SID),
    0,
    -1,
    TASK.flags.get(k, address) >>> 0,
    faults("minorFaults", SIGNAL.minFlt.get(k, signal)),
    whole ? SIGNAL.cminFlt.get(k, signal) : 0,
    faults("majorFaults", SIGNAL.majFlt.get(k, signal)),
    whole ? SIGNAL.cmajFlt.get(k, signal) : 0,
    ...[use.utime, use.stime, children.utime, children.stime].map((ns) => Math.floor(ns / TICK)),
    TASK.prio.get(k, address) - MAX_RT_PRIO,
    TASK.staticPrio.get(k, address) - 120,
    task.threadGroup.length,
    0,
    Math.floor(TASK.startTime.get(k, address) / TICK),
    mm === 0 ? 0 : MM.totalVm.get(k, mm) * PAGE,
    residentOf(k, task).all,
    k.image.pointerSize === 8 ? "18446744073709551615" : "4294967295",
    ofMm("startCode"),
    ofMm("endCode"),
    ofMm("startStack"),
    0,
    0,
    low(pendingSet(k, privatePending(k, address))),
    low(blockedOf(k, address)),
    low(ignored),
    low(caught),
    waits && open ? 1 : 0,
    0,
    0,
    TASK.exitSignal.get(k, address),
    task.cpu,
    SCHED.rtPriority.get(k, address),
    SCHED.policy.get(k, address),
    0,
    0,
    0,
    layout("startData"),
    layout("endData"),
    layout("startBrk"),
    layout("argStart"),
    layout("argEnd"),
    layout("envStart"),
    layout("envEnd"),
    open ? task.exitCode ?? 0 : 0,
  ];
  return `${fields.join(" ")}\n`;
}

/** Text of `statm`: pages in all, in memory, of files, of code, 0, of data and stack, 0. */
export function statmText(k: Kernel, task: Task): string {
  if (task.mm === 0) return "0 0 0 0 0 0 0\n";
  const { all, file, shmem } = residentOf(k, task);
  const pages = [MM.totalVm, MM.dataVm, MM.stackVm].map((of) => of.get(k, task.mm));
  const [size = 0, data = 0, stack = 0] = pages;
  return `${size} ${all} ${file + shmem} ${codePages(k, task.mm)} 0 ${data + stack} 0\n`;
}

/** Pages of a program's own code. */
export function codePages(k: Kernel, mm: Addr): number {
  const [start, end] = [MM.startCode.get(k, mm), MM.endCode.get(k, mm)];
  return Math.ceil(end / PAGE) - Math.floor(start / PAGE);
}

/** Whether a task is a kernel thread. */
export function isKthread(k: Kernel, task: Task): boolean {
  return (TASK.flags.get(k, task.address) & PF_KTHREAD) !== 0;
}
