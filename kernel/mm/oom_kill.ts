/**
 * Out of memory: `mm/oom_kill.c`.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import { behaviour, fn, type FunctionRef } from "../calls/function.ts";
import type { Kernel } from "../kernel.ts";
import { dumpStack } from "../printk/dump_stack.ts";
import { field, sizeIfKnown } from "../process/objects.ts";
import { popLocals, pushLocal } from "../process/stack.ts";
import { PF_KTHREAD, TASK, type Task } from "../process/task.ts";
import { DO_SEND_SIG_INFO } from "../signal/send.ts";
import { tracepoint } from "../tracing/reference.ts";
import { MM } from "./fields.ts";
import { gfpText } from "./gfp_text.ts";
import { PAGE } from "./mm_struct.ts";
import { onShortage } from "./page_alloc.ts";
import { MM_ANONPAGES, MM_FILEPAGES, MM_SHMEMPAGES, MM_SWAPENTS, mmCounter, taskCounter } from "./rss.ts";
import { swapSpace } from "./swap_space.ts";
import { TRY_TO_FREE_PAGES, wakeKswapd } from "./vmscan.ts";
import { zoneOf } from "./zone.ts";

const OC = {
  memcg: field("oom_control", "memcg"),
  gfpMask: field("oom_control", "gfp_mask"),
  order: field("oom_control", "order"),
  totalpages: field("oom_control", "totalpages"),
  chosen: field("oom_control", "chosen"),
  chosenPoints: field("oom_control", "chosen_points"),
} as const;
const ADJ = field("signal_struct", "oom_score_adj");
const MARK_VICTIM = tracepoint(
  "oom:mark_victim",
  "pid",
  "comm",
  "total_vm",
  "anon_rss",
  "file_rss",
  "shmem_rss",
  "uid",
  "pgtables",
  "oom_score_adj",
);
const SIGKILL = 9;
/** `SEND_SIG_PRIV`: the kernel sends it. */
const SEND_SIG_PRIV = 1;
const PIDTYPE_TGID = 1;
const ADJ_MIN = -1000;

/** What a process has in memory and on swap, in pages. */
function usage(
  k: Kernel,
  task: Task,
): { readonly anon: number; readonly file: number; readonly shmem: number; readonly swap: number } {
  const { mm } = task;
  const count = (member: number): number => mmCounter(k, mm, member) + taskCounter(k, task.address, member);
  return {
    anon: count(MM_ANONPAGES),
    file: count(MM_FILEPAGES),
    shmem: count(MM_SHMEMPAGES),
    swap: count(MM_SWAPENTS),
  };
}

function adjOf(k: Kernel, task: Task): number {
  return ADJ.get(k, TASK.signal.get(k, task.address));
}

/** `oom_score_adj` of a process. */
export function oomScoreAdj(k: Kernel, task: Task): number {
  return adjOf(k, task);
}

/** Sets it. */
export function setOomScoreAdj(k: Kernel, task: Task, value: number): void {
  ADJ.set(k, TASK.signal.get(k, task.address), value);
}

/** How likely a process is to be killed, of 2000 (`proc_oom_score`). */
export function oomScore(k: Kernel, task: Task): number {
  if (!killable(k, task) || adjOf(k, task) === ADJ_MIN) return 0;
  const swap = swapSpace(k);
  const total = zoneOf(k).managed + (swap === undefined ? 0 : swap.pages - 1);
  return Math.max(0, Math.floor((1000 + Math.trunc(badness(k, task, total) * 1000 / total)) * 2 / 3));
}

function badness(k: Kernel, task: Task, total: number): number {
  const { anon, file, shmem, swap } = usage(k, task);
  const tables = Math.floor(MM.pgtablesBytes.get(k, task.mm) / PAGE);
  return anon + file + shmem + swap + tables + Math.trunc(adjOf(k, task) * total / 1000);
}

/** Processes that can be killed: not init, not a kernel thread, with memory of their own. */
function killable(k: Kernel, task: Task): boolean {
  return task.pid === task.tgid && task !== k.tasks.init && task.mm !== 0 && task.exitCode === null &&
    (TASK.flags.get(k, task.address) & PF_KTHREAD) === 0;
}

/** How bad a process is: its pages, with what its `oom_score_adj` adds. */
export const OOM_BADNESS: FunctionRef = behaviour("oom_badness", [], (k, address = 0, totalpages = 0) => {
  const task = k.tasks.byAddress(address);
  if (task === undefined || !killable(k, task) || adjOf(k, task) === ADJ_MIN) return -(2 ** 31);
  return badness(k, task, totalpages);
});

const OOM_EVALUATE_TASK = behaviour("oom_evaluate_task", [OOM_BADNESS], (k, address = 0, oc = 0) => {
  const points = k.call(OOM_BADNESS, address, OC.totalpages.get(k, oc));
  if (points < 0 || points < OC.chosenPoints.get(k, oc)) return 0;
  OC.chosen.set(k, oc, address);
  OC.chosenPoints.set(k, oc, points);
  return 0;
});

/** Tells the log what the machine looked like. */
const DUMP_HEADER = behaviour(
  "dump_header",
  [fn("dump_stack"), fn("show_mem"), fn("dump_tasks")],
  (k, oc = 0) => {
    const task = k.current;
    const gfp = OC.gfpMask.get(k, oc);
    const print = (line: string): void => k.log.printk(line, "warn");
    print(
      `${task.comm} invoked oom-killer: gfp_mask=0x${gfp.toString(16)}(${gfpText(gfp)}), order=${
        OC.order.get(k, oc)
      }, oom_score_adj=${adjOf(k, task)}`,
    );
    dumpStack(k);
    const zone = zoneOf(k);
    print("Mem-Info:");
    print(
      `Node 0 ${zone.name} free:${zone.free * 4}kB min:${zone.min * 4}kB low:${zone.low * 4}kB high:${
        zone.high * 4
      }kB managed:${zone.managed * 4}kB`,
    );
    const swap = swapSpace(k);
    print(`Free swap  = ${swap === undefined ? 0 : (swap.pages - 1 - swap.used) * 4}kB`);
    print(`Total swap = ${swap === undefined ? 0 : (swap.pages - 1) * 4}kB`);
    print(`${zone.managed} pages RAM`);
    print("Tasks state (memory values in pages):");
    print("[  pid  ]   uid  tgid total_vm      rss pgtables_bytes swapents oom_score_adj name");
    for (const other of k.tasks.all()) {
      if (!killable(k, other)) continue;
      const { anon, file, shmem, swap: swapped } = usage(k, other);
      const columns = [
        pad(other.pid, 7),
        pad(other.uid, 5),
        pad(other.tgid, 5),
        pad(MM.totalVm.get(k, other.mm), 8),
        pad(anon + file + shmem, 8),
        pad(MM.pgtablesBytes.get(k, other.mm), 8),
        pad(swapped, 8),
        pad(adjOf(k, other), 13),
      ];
      print(`[${columns[0]}] ${columns.slice(1).join(" ")} ${other.comm}`);
    }
    return Number.NaN;
  },
);

function pad(value: number, width: number): string {
  return String(value).padStart(width);
}

/** A victim is marked: it may use the last reserves, and whoever listens is told. */
const MARK_OOM_VICTIM = behaviour("mark_oom_victim", [], (k, address = 0) => {
  const task = k.tasks.byAddress(address);
  if (task === undefined) return Number.NaN;
  const { anon, file, shmem } = usage(k, task);
  const kbytes = (pages: number): number => pages * 4;
  k.tracepoints.fire(
    MARK_VICTIM,
    task.pid,
    task.comm,
    kbytes(MM.totalVm.get(k, task.mm)),
    kbytes(anon),
    kbytes(file),
    kbytes(shmem),
    task.uid,
    Math.floor(MM.pgtablesBytes.get(k, task.mm) / 1024),
    adjOf(k, task),
  );
  return Number.NaN;
});

const victims = new WeakMap<Kernel, Task>();

const OOM_KILL = behaviour(
  "__oom_kill_process",
  [DO_SEND_SIG_INFO, MARK_OOM_VICTIM, fn("wake_oom_reaper")],
  (k, address = 0, message = 0) => {
    const task = k.tasks.byAddress(address);
    if (task === undefined) return Number.NaN;
    const { anon, file, shmem } = usage(k, task);
    const total = MM.totalVm.get(k, task.mm);
    const tables = Math.floor(MM.pgtablesBytes.get(k, task.mm) / 1024);
    k.call(DO_SEND_SIG_INFO, SIGKILL, SEND_SIG_PRIV, address, PIDTYPE_TGID);
    k.call(MARK_OOM_VICTIM, address);
    victims.set(k, task);
    k.log.printk(
      `${k.memory.readString(message)}: Killed process ${task.pid} (${task.comm}) total-vm:${total * 4}kB, ` +
        `anon-rss:${anon * 4}kB, file-rss:${file * 4}kB, shmem-rss:${shmem * 4}kB, UID:${task.uid} ` +
        `pgtables:${tables}kB oom_score_adj:${adjOf(k, task)}`,
      "err",
    );
    k.call(fn("wake_oom_reaper"), Number.NaN);
    return Number.NaN;
  },
);

/** Kills what was chosen. (oc, message) */
export const OOM_KILL_PROCESS: FunctionRef = behaviour(
  "oom_kill_process",
  [DUMP_HEADER, OOM_KILL],
  (k, oc = 0, message = 0) => {
    const chosen = OC.chosen.get(k, oc);
    const task = k.tasks.byAddress(chosen);
    k.call(DUMP_HEADER, oc, chosen);
    if (task !== undefined) {
      k.log.printk(
        "oom-kill:constraint=CONSTRAINT_NONE,nodemask=(null),cpuset=/,mems_allowed=0,global_oom," +
          `task_memcg=/,task=${task.comm},pid=${task.pid},uid=${task.uid}`,
        "warn",
      );
    }
    k.call(OOM_KILL, chosen, message);
    return Number.NaN;
  },
);

/** Finds somebody to kill and kills them: 1, or 0 where there is nobody. */
export const OUT_OF_MEMORY: FunctionRef = behaviour(
  "out_of_memory",
  [OOM_EVALUATE_TASK, OOM_KILL_PROCESS],
  (k, oc = 0) => {
    const zone = zoneOf(k);
    const swap = swapSpace(k);
    OC.totalpages.set(k, oc, zone.managed + (swap === undefined ? 0 : swap.pages - 1));
    OC.chosenPoints.set(k, oc, -(2 ** 31));
    for (const task of k.tasks.all()) if (killable(k, task)) k.call(OOM_EVALUATE_TASK, task.address, oc);
    if (OC.chosen.get(k, oc) === 0) return 0;
    const mark = k.current.locals;
    const message = pushLocal(k, 32);
    k.memory.writeString(message, "Out of memory");
    k.call(OOM_KILL_PROCESS, oc, message);
    popLocals(k, mark);
    return 1;
  },
);

/** Somebody who was killed for memory is still there: nobody else need die before it is gone. */
function victimUnderWay(k: Kernel): Task | undefined {
  const victim = victims.get(k);
  return victim !== undefined && victim.exitCode === null ? victim : undefined;
}

function kill(k: Kernel, gfp: number, order: number): boolean {
  const before = victimUnderWay(k);
  if (before === undefined) {
    const mark = k.current.locals;
    const oc: Addr = pushLocal(k, sizeIfKnown(k, "oom_control") || 64);
    OC.gfpMask.set(k, oc, gfp);
    OC.order.set(k, oc, order);
    OC.memcg.set(k, oc, 0);
    const killed = k.call(OUT_OF_MEMORY, oc);
    popLocals(k, mark);
    if (killed === 0) return false;
  }
  reap(k);
  return victimUnderWay(k) !== k.current;
}

/** What the oom reaper does: a victim that does not run gives its memory back at once. */
function reap(k: Kernel): void {
  const victim = victimUnderWay(k);
  const space = victim?.userSpace ?? null;
  if (victim === undefined || victim === k.current || space === null) return;
  let anon = 0;
  for (const area of space.areas) {
    for (const key of space.pagesIn(area.start, area.end)) if (space.pageAt(key)?.kind === "anon") anon++;
    space.drop(area.start, area.end - area.start);
  }
  const { mm } = victim;
  if (mm !== 0) MM.hiwaterRss.set(k, mm, Math.max(MM.hiwaterRss.get(k, mm), anon));
}

/** Lets a kernel find memory where it is short. */
export function watchShortage(k: Kernel): void {
  onShortage(k, {
    wakeKswapd: (kernel, order, gfp) => wakeKswapd(kernel, order, gfp),
    reclaim: (kernel, gfp, order) =>
      swapSpace(kernel) === undefined
        ? 0
        : kernel.call(TRY_TO_FREE_PAGES, Number.NaN, order, gfp, Number.NaN),
    outOfMemory: kill,
    dying: (kernel) => victimUnderWay(kernel) === kernel.current,
  });
}
