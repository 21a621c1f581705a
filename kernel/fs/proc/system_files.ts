/**
 * What the fixed files of `/proc` say of the whole system. Numbers that the model has are true; what it does not count is 0.
 *
 * @module
 */

import { fn, type FunctionRef } from "../../calls/function.ts";
import { FIXED_1 } from "../../sched/loadavg.ts";
import type { Kernel } from "../../kernel.ts";
import { MNT_READONLY, type Mount } from "../mount.ts";
import { fileSystems } from "../file_systems.ts";
import { PROC_DIR, PROC_FILE } from "../fileops.ts";
import {
  PROC_DIR_INODE,
  PROC_FILE_INODE,
  PROC_PID_LINK_INODE,
  PROC_SELF_INODE,
  PROC_THREAD_SELF_INODE,
} from "../inode_operations.ts";
import { PROC_MISC_DENTRY } from "../dentry_operations.ts";
import { zoneOf } from "../../mm/zone.ts";
import { BOOT_SECONDS } from "../../time/wall_clock.ts";
import type { NodeSpec } from "./node.ts";

/** A fixed file, with the function that writes it. */
function file(name: string, show: string, text: (k: Kernel) => string, mode = 0o444): NodeSpec {
  return {
    name,
    mode,
    ops: PROC_FILE,
    iops: PROC_FILE_INODE,
    dops: PROC_MISC_DENTRY,
    show: fn(show),
    text,
  };
}

function directory(name: string, children: readonly NodeSpec[]): NodeSpec {
  return {
    name,
    ops: PROC_DIR,
    iops: PROC_DIR_INODE,
    dops: PROC_MISC_DENTRY,
    children: () => children,
  };
}

function kib(pages: number): string {
  return `${String(pages * 4).padStart(8)} kB`;
}

function meminfo(k: Kernel): string {
  const { managed: total, free } = zoneOf(k);
  const rows: readonly (readonly [string, number])[] = [
    ["MemTotal", total],
    ["MemFree", free],
    ["MemAvailable", free],
    ["Buffers", 0],
    ["Cached", 0],
    ["SwapCached", 0],
    ["Active", 0],
    ["Inactive", 0],
    ["SwapTotal", 0],
    ["SwapFree", 0],
    ["Dirty", 0],
    ["Writeback", 0],
    ["AnonPages", 0],
    ["Mapped", 0],
    ["Shmem", 0],
    ["Slab", 0],
    ["CommitLimit", Math.floor(total / 2)],
    ["Committed_AS", 0],
  ];
  return rows.map(([name, pages]) => `${`${name}:`.padEnd(16)}${kib(pages)}\n`).join("");
}

function uptime(k: Kernel): string {
  const up = k.clock.now / 1e9;
  return `${up.toFixed(2)} ${(up * k.cpus).toFixed(2)}\n`;
}

/** Load averages, runnable tasks of all, the last pid. */
function loadavg(k: Kernel): string {
  const loads = k.load.averages.map((load) => {
    // `FIXED_1 / 200` rounds to hundredths.
    const rounded = load + Math.floor(FIXED_1 / 200);
    const hundredths = Math.floor(rounded % FIXED_1 * 100 / FIXED_1);
    return `${Math.floor(rounded / FIXED_1)}.${String(hundredths).padStart(2, "0")}`;
  });
  const tasks = [...k.tasks.each()];
  const last = tasks.reduce((max, task) => Math.max(max, task.pid), 0);
  return `${loads.join(" ")} ${Math.max(1, k.scheduler.nrRunning)}/${tasks.length} ${last}\n`;
}

function stat(k: Kernel): string {
  const { now } = k.clock;
  const tick = (ns: number): number => Math.max(0, Math.floor(ns / 1e7));
  const line = (user: number, system: number, idle: number): string =>
    ` ${tick(user)} 0 ${tick(system)} ${tick(idle)} 0 0 0 0 0 0`;
  let user = 0;
  let idle = 0;
  let switches = 0;
  const cpus = Array.from({ length: k.cpus }, (_, cpu) => {
    const rq = k.scheduler.rq(cpu);
    const idled = rq.idleTime + (rq.curr === rq.idle ? Math.max(0, now - rq.idleSince) : 0);
    user += rq.userTime;
    idle += idled;
    switches += rq.nrSwitches;
    return `cpu${cpu}${line(rq.userTime, now - rq.userTime - idled, idled)}`;
  });
  const tasks = [...k.tasks.each()];
  return [
    `cpu ${line(user, now * k.cpus - user - idle, idle)}`,
    ...cpus,
    "intr 0",
    `ctxt ${switches}`,
    `btime ${BOOT_SECONDS}`,
    `processes ${tasks.reduce((max, task) => Math.max(max, task.pid), 0)}`,
    `procs_running ${Math.max(1, k.scheduler.nrRunning)}`,
    "procs_blocked 0",
    "softirq 0 0 0 0 0 0 0 0 0 0 0",
  ].map((text) => `${text}\n`).join("");
}

function cpuinfo(k: Kernel): string {
  return Array.from({ length: k.cpus }, (_, cpu) => {
    const rows = k.image.arch === "arm64"
      ? [["processor", String(cpu)], ["BogoMIPS", "125.00"], ["Features", "fp asimd"], [
        "CPU implementer",
        "0x41",
      ]]
      : [
        ["processor", String(cpu)],
        ["vendor_id", "GenuineIntel"],
        ["cpu family", "6"],
        ["model name", "modeled CPU"],
        ["siblings", String(k.cpus)],
        ["cpu cores", String(k.cpus)],
        ["flags", "fpu tsc msr cx8 apic"],
      ];
    return `${rows.map(([name = "", value]) => `${name.padEnd(16)}: ${value}\n`).join("")}\n`;
  }).join("");
}

function filesystems(): string {
  const always = ["sysfs", "tmpfs", "bdev", "proc", "cgroup2", "devtmpfs", "sockfs", "pipefs"];
  const known = fileSystems();
  const nodev = [...new Set([...always, ...known.filter(({ nodev }) => nodev).map(({ name }) => name)])];
  const onDisk = known.filter((type) => !type.nodev).map(({ name }) => name);
  return [...nodev.map((name) => `nodev\t${name}\n`), ...onDisk.map((name) => `\t${name}\n`)].join("");
}

/** One line of `/proc/mounts`. */
function mountLine(k: Kernel, mount: Mount): string | null {
  const at = mount.parent === mount ? "/" : k.vfs.pathOf(mount.parent.mnt, mount.mountpoint);
  if (at === null) return null;
  const flags = [mount.readOnly ? "ro" : "rw"];
  if ((mount.flags & 1) !== 0) flags.push("nosuid");
  if ((mount.flags & 2) !== 0) flags.push("nodev");
  if ((mount.flags & 4) !== 0) flags.push("noexec");
  return `${escape(mount.source)} ${escape(at)} ${mount.sb.type.name} ${flags.join(",")},relatime 0 0\n`;
}

/** Names with white space as `/proc/mounts` prints them. */
function escape(text: string): string {
  return text.replace(/[ \t\n\\]/g, (c) => `\\${c.charCodeAt(0).toString(8).padStart(3, "0")}`);
}

/** What `/proc/PID/mounts` says. */
export function mounts(k: Kernel): string {
  return [...k.vfs.mounts.values()].map((mount) => mountLine(k, mount) ?? "").join("");
}

/** What `/proc/PID/mountinfo` says. */
export function mountinfo(k: Kernel): string {
  return [...k.vfs.mounts.values()].map((mount) => {
    const at = mount.parent === mount ? "/" : k.vfs.pathOf(mount.parent.mnt, mount.mountpoint);
    if (at === null) return "";
    const dev = `${Math.floor(mount.sb.dev / 2 ** 20)}:${mount.sb.dev % 2 ** 20}`;
    const parent = mount.parent === mount ? 0 : mount.parent.id;
    const rw = (mount.flags & MNT_READONLY) !== 0 ? "ro" : "rw";
    const type = mount.sb.type.name;
    return `${mount.id} ${parent} ${dev} ${escape(mount.root.path)} ${escape(at)} ${rw},relatime - ${type} ` +
      `${escape(mount.source)} ${mount.sb.readOnly ? "ro" : "rw"}\n`;
  }).join("");
}

const SYSCTLS: readonly NodeSpec[] = [
  directory("fs", [
    sysctl("file-max", () => "9223372036854775807"),
    sysctl("nr_open", () => "1048576"),
    sysctl("pipe-max-size", () => "1048576"),
    directory("inotify", [
      sysctl("max_queued_events", () => "16384"),
      sysctl("max_user_instances", () => "128"),
      sysctl("max_user_watches", () => "29128"),
    ]),
  ]),
  directory("kernel", [
    sysctl("hostname", () => "(none)"),
    sysctl("osrelease", (k) => k.image.release),
    sysctl("ostype", () => "Linux"),
    sysctl("pid_max", () => "32768"),
    sysctl("randomize_va_space", () => "0"),
    sysctl("ngroups_max", () => "65536"),
    sysctl("cap_last_cap", () => "40"),
    sysctl("threads-max", () => "31000"),
  ]),
  directory("net", [directory("core", [sysctl("somaxconn", () => "4096")])]),
  directory("vm", [
    sysctl("max_map_count", () => "65530"),
    sysctl("overcommit_memory", () => "0"),
    sysctl("swappiness", () => "60"),
  ]),
];

function sysctl(name: string, value: (k: Kernel) => string): NodeSpec {
  return file(name, "proc_sys_call_handler", (k) => `${value(k)}\n`, 0o644);
}

/** The fixed entries of `/proc`. */
export const SYSTEM_FILES: readonly NodeSpec[] = [
  file("cmdline", "cmdline_proc_show", () => "root=/dev/vda ro\n"),
  file("cpuinfo", "show_cpuinfo", cpuinfo),
  file("devices", "devinfo_show", () => "Character devices:\n  1 mem\n  5 /dev/tty\n\nBlock devices:\n"),
  file("filesystems", "filesystems_proc_show", filesystems),
  file("loadavg", "loadavg_proc_show", loadavg),
  file("meminfo", "meminfo_proc_show", meminfo),
  file("partitions", "show_partition", () => "major minor  #blocks  name\n\n"),
  file("stat", "show_stat", stat),
  file("swaps", "swap_show", () => "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n"),
  file("uptime", "uptime_proc_show", uptime),
  file("version", "version_proc_show", (k) => `Linux version ${k.image.release}\n`),
  directory("sys", SYSCTLS),
  { name: "mounts", iops: PROC_PID_LINK_INODE, target: () => "self/mounts" },
  { name: "self", iops: PROC_SELF_INODE, target: (k) => String(k.current.tgid) },
  {
    name: "thread-self",
    iops: PROC_THREAD_SELF_INODE,
    target: (k) => `${k.current.tgid}/task/${k.current.pid}`,
  },
];
/** Functions that write them. */
export const SYSTEM_SHOWS: readonly FunctionRef[] = showsOf(SYSTEM_FILES);

function showsOf(specs: readonly NodeSpec[]): FunctionRef[] {
  const found = new Set<FunctionRef>();
  for (const spec of specs) if (spec.show !== undefined) found.add(spec.show);
  return [...found, fn("proc_sys_call_handler")];
}
