/**
 * `/proc/PID/status`, `limits` and `sched`: a task in words.
 *
 * @module
 */

import type { Addr } from "../../../image/model.ts";
import type { Kernel } from "../../kernel.ts";
import { MM } from "../../mm/fields.ts";
import { MM_SWAPENTS, mmCounter } from "../../mm/rss.ts";
import { CAPS } from "../../process/capability.ts";
import { GROUPS } from "../../process/groups.ts";
import { pidGroupNumber } from "../../process/pid.ts";
import { readLimit, RLIM_INFINITY, RLIMIT_SIGPENDING } from "../../process/rlimit.ts";
import { CRED, TASK, type Task } from "../../process/task.ts";
import { blockedOf, pendingSet, privatePending, sharedPending } from "../../signal/fields.ts";
import { maxFds } from "../files_struct.ts";
import { FS } from "../fs_struct.ts";
import { codePages, handledSignals, residentOf, stateOf } from "./task_stat.ts";

const STATE_NAMES: ReadonlyMap<string, string> = new Map(Object.entries<string>({
  R: "R (running)",
  S: "S (sleeping)",
  D: "D (disk sleep)",
  T: "T (stopped)",
  t: "t (tracing stop)",
  Z: "Z (zombie)",
  I: "I (idle)",
}));

type Row = readonly [name: string, value: string];

function ids(k: Kernel, task: Task, which: readonly (keyof typeof CRED)[]): string {
  return which.map((id) => CRED[id].get(k, task.cred)).join("\t");
}

/** A set of signals or capabilities as 16 hexadecimal digits. */
function mask(set: bigint): string {
  return set.toString(16).padStart(16, "0");
}

function memoryRows(k: Kernel, task: Task): Row[] {
  const { mm } = task;
  if (mm === 0 || task.exitCode !== null) return [];
  const kb = (pages: number): string => `${String(pages * 4).padStart(8)} kB`;
  const { all, anon, file, shmem } = residentOf(k, task);
  const total = MM.totalVm.get(k, mm);
  const code = codePages(k, mm);
  return [
    ["VmPeak", kb(Math.max(total, MM.hiwaterVm.get(k, mm)))],
    ["VmSize", kb(total)],
    ["VmLck", kb(MM.lockedVm.get(k, mm))],
    ["VmPin", kb(0)],
    ["VmHWM", kb(Math.max(all, MM.hiwaterRss.get(k, mm)))],
    ["VmRSS", kb(all)],
    ["RssAnon", kb(anon)],
    ["RssFile", kb(file)],
    ["RssShmem", kb(shmem)],
    ["VmData", kb(MM.dataVm.get(k, mm))],
    ["VmStk", kb(MM.stackVm.get(k, mm))],
    ["VmExe", kb(code)],
    ["VmLib", kb(Math.max(0, MM.execVm.get(k, mm) - code))],
    ["VmPTE", kb(Math.floor(MM.pgtablesBytes.get(k, mm) / 4096))],
    ["VmSwap", kb(mmCounter(k, mm, MM_SWAPENTS))],
    ["HugetlbPages", kb(0)],
    ["CoreDumping", "0"],
    ["THP_enabled", "1"],
  ];
}

function signalRows(k: Kernel, address: Addr, queue: string): Row[] {
  const { ignored, caught } = handledSignals(k, address);
  return [
    ["SigQ", queue],
    ["SigPnd", mask(pendingSet(k, privatePending(k, address)))],
    ["ShdPnd", mask(pendingSet(k, sharedPending(k, address)))],
    ["SigBlk", mask(blockedOf(k, address))],
    ["SigIgn", mask(ignored)],
    ["SigCgt", mask(caught)],
  ];
}

/** The CPUs that a task may run on, as a mask and as a list. */
function cpuRows(k: Kernel, task: Task): Row[] {
  const allowed = Array.from({ length: k.cpus }, (_, cpu) => cpu)
    .filter((cpu) => task.se.allowed?.has(cpu) ?? true);
  let bits = 0n;
  for (const cpu of allowed) bits |= 1n << BigInt(cpu);
  const ranges: string[] = [];
  for (let i = 0; i < allowed.length; i++) {
    const first = allowed[i] as number;
    while (allowed[i + 1] === (allowed[i] as number) + 1) i++;
    const last = allowed[i] as number;
    ranges.push(first === last ? `${first}` : `${first}-${last}`);
  }
  const digits = Math.ceil(k.cpus / 4);
  return [
    ["Cpus_allowed", bits.toString(16).padStart(digits, "0").replace(/\B(?=(.{8})+$)/g, ",")],
    ["Cpus_allowed_list", ranges.join(",")],
    ["Mems_allowed", "1"],
    ["Mems_allowed_list", "0"],
  ];
}

/** Text of `status`. */
export function statusText(k: Kernel, task: Task): string {
  const { address } = task;
  const groups = GROUPS.read(k, task.cred);
  const [queued] = readLimit(k, task, RLIMIT_SIGPENDING);
  const caps = (["inheritable", "permitted", "effective", "bset", "ambient"] as const)
    .map((set) => mask(k.memory.readBig(CAPS[set].at(k, task.cred), 8, false)));
  const rows: Row[] = [
    ["Name", task.comm],
    ...(task.fs === 0
      ? []
      : [["Umask", FS.umask.get(k, task.fs).toString(8).padStart(4, "0")] satisfies Row]),
    ["State", STATE_NAMES.get(stateOf(task)) ?? "S (sleeping)"],
    ["Tgid", String(task.tgid)],
    ["Ngid", "0"],
    ["Pid", String(task.pid)],
    ["PPid", String(task.parent?.tgid ?? 0)],
    ["TracerPid", "0"],
    ["Uid", ids(k, task, ["uid", "euid", "suid", "fsuid"])],
    ["Gid", ids(k, task, ["gid", "egid", "sgid", "fsgid"])],
    ["FDSize", String(task.files === 0 ? 0 : maxFds(k, task.files))],
    ["Groups", groups.map((gid) => `${gid} `).join("") || " "],
    ["NStgid", String(task.tgid)],
    ["NSpid", String(task.pid)],
    ["NSpgid", String(pidGroupNumber(k, task, 2))],
    ["NSsid", String(pidGroupNumber(k, task, 3))],
    ...memoryRows(k, task),
    ["Threads", String(task.threadGroup.length)],
    ...signalRows(k, address, `0/${queued}`),
    ...(["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"] as const)
      .map((name, i): Row => [name, caps[i] ?? ""]),
    ["NoNewPrivs", "0"],
    ["Seccomp", "0"],
    ["Seccomp_filters", "0"],
    ...cpuRows(k, task),
    ["voluntary_ctxt_switches", String(task.se.nvcsw)],
    ["nonvoluntary_ctxt_switches", String(task.se.nivcsw)],
  ];
  return rows.map(([name, value]) => `${name}:\t${value}\n`).join("");
}

/** Limits in their order, as `/proc/PID/limits` calls them. */
const LIMITS: readonly (readonly [name: string, unit: string])[] = [
  ["Max cpu time", "seconds"],
  ["Max file size", "bytes"],
  ["Max data size", "bytes"],
  ["Max stack size", "bytes"],
  ["Max core file size", "bytes"],
  ["Max resident set", "bytes"],
  ["Max processes", "processes"],
  ["Max open files", "files"],
  ["Max locked memory", "bytes"],
  ["Max address space", "bytes"],
  ["Max file locks", "locks"],
  ["Max pending signals", "signals"],
  ["Max msgqueue size", "bytes"],
  ["Max nice priority", ""],
  ["Max realtime priority", ""],
  ["Max realtime timeout", "us"],
];

/** Text of `limits`. */
export function limitsText(k: Kernel, task: Task): string {
  const infinity = BigInt.asUintN(8 * k.image.pointerSize, RLIM_INFINITY);
  const text = (value: bigint): string => value === infinity ? "unlimited" : String(value);
  const line = (name: string, soft: string, hard: string, unit: string): string =>
    `${name.padEnd(25)} ${soft.padEnd(20)} ${hard.padEnd(20)} ${unit.padEnd(10)}\n`;
  const rows = LIMITS.map(([name, unit], resource) => {
    const [cur, max] = readLimit(k, task, resource);
    return line(name, text(cur), text(max), unit);
  });
  return line("Limit", "Soft Limit", "Hard Limit", "Units") + rows.join("");
}

/** Text of `schedstat`: nanoseconds on a CPU and waiting for one, and how often it ran. */
export function schedstatText(_k: Kernel, task: Task): string {
  return `${Math.floor(task.se.sumExec)} 0 ${task.se.nvcsw + task.se.nivcsw}\n`;
}

/** Text of `sched`. */
export function schedText(k: Kernel, task: Task): string {
  const { se } = task;
  const ms = (ns: number): string => {
    const whole = Math.floor(ns);
    return `${Math.floor(whole / 1e6)}.${String(whole % 1e6).padStart(6, "0")}`;
  };
  const rows: Row[] = [
    ["se.exec_start", ms(se.execStart)],
    ["se.vruntime", ms(Math.max(0, se.vruntime))],
    ["se.sum_exec_runtime", ms(se.sumExec)],
    ["nr_switches", String(se.nvcsw + se.nivcsw)],
    ["nr_voluntary_switches", String(se.nvcsw)],
    ["nr_involuntary_switches", String(se.nivcsw)],
    ["policy", String(se.policy)],
    ["prio", String(TASK.prio.get(k, task.address))],
  ];
  const head = `${task.comm} (${task.pid}, #threads: ${task.threadGroup.length})\n`;
  const body = rows.map(([name, value]) => `${name.padEnd(45)}:${value.padStart(21)}\n`);
  return `${head}${"-".repeat(67)}\n${body.join("")}`;
}
