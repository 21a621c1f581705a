/**
 * What the fixed files of `/proc` say of the whole system. Numbers that the model has are true; what it does not count is 0.
 *
 * @module
 */

import { fn, type FunctionRef } from "../../calls/function.ts";
import type { Kernel } from "../../kernel.ts";
import { taintMask } from "../../printk/taint.ts";
import { buildInfo, versionText } from "../../release/build_info.ts";
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
import { cpuinfoText, interruptsText, loadavgText, softirqsText, statText, uptimeText } from "./cpu_text.ts";
import { meminfoText, slabinfoText, swapsText, vmstatText } from "./memory_text.ts";
import { NET_SHOWS } from "./net_files.ts";
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

function filesystems(k: Kernel): string {
  const always = ["sysfs", "tmpfs", "bdev", "proc", "cgroup2", "devtmpfs", "sockfs", "pipefs"];
  const known = fileSystems();
  const nodev = [...new Set([...always, ...known.filter(({ nodev }) => nodev).map(({ name }) => name)])];
  // The modules of those that are on disks are loaded with the first of them.
  const onDisk = known.filter((type) => !type.nodev && k.block.disks.length > 0).map(({ name }) => name);
  return [...nodev.map((name) => `nodev\t${name}\n`), ...onDisk.map((name) => `\t${name}\n`)].join("");
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
    sysctl("version", (k) => buildInfo(k.image).version),
    sysctl("tainted", (k) => `${taintMask(k)}`),
    sysctl("sched_schedstats", () => "0"),
    sysctl("perf_event_paranoid", () => "3"),
    sysctl("unprivileged_bpf_disabled", () => "2"),
    directory("random", [
      sysctl("entropy_avail", () => "256"),
      sysctl("boot_id", () => "6b8f0e6a-3c1f-4c6e-9d0e-2f5b7a1c4d83"),
    ]),
    sysctl("randomize_va_space", () => "0"),
    sysctl("ngroups_max", () => "65536"),
    sysctl("cap_last_cap", () => "40"),
    sysctl("threads-max", () => "31000"),
  ]),
  directory("net", [directory("core", [sysctl("somaxconn", () => "4096")])]),
  directory("vm", [
    sysctl("dirty_background_ratio", (k) => String(k.pageCache.dirtyBackgroundRatio)),
    sysctl("dirty_ratio", (k) => String(k.pageCache.dirtyRatio)),
    sysctl("max_map_count", () => "65530"),
    sysctl("overcommit_memory", () => "0"),
    sysctl("swappiness", () => "60"),
  ]),
];

function sysctl(name: string, value: (k: Kernel) => string): NodeSpec {
  return file(name, "proc_sys_call_handler", (k) => `${value(k)}\n`, 0o644);
}

function partitions(k: Kernel): string {
  const number = (value: number, width: number): string => String(value).padStart(width);
  const lines = k.block.disks.map(({ dev, spec }) =>
    `${number(dev >>> 20, 4)}  ${number(dev & 0xfffff, 7)} ${
      number(Math.floor(spec.sectors / 2), 10)
    } ${spec.name}\n`
  );
  return `major minor  #blocks  name\n\n${lines.join("")}`;
}

function devices(k: Kernel): string {
  const block = [...new Set(k.block.disks.map(({ dev }) => dev >>> 20))];
  return "Character devices:\n  1 mem\n  5 /dev/tty\n  5 /dev/console\n  5 /dev/ptmx\n\nBlock devices:\n" +
    block.map((major) => `${String(major).padStart(3)} nullb\n`).join("");
}

/** Modules that are loaded, newest first. */
function modules(k: Kernel): string {
  return k.modules.list().map(({ name, size, base }) => {
    const at = BigInt.asUintN(8 * k.image.pointerSize, BigInt(base)).toString(16);
    return `${name} ${size} 0 - Live 0x${at.padStart(2 * k.image.pointerSize, "0")}\n`;
  }).join("");
}

/** The fixed entries of `/proc`. */
export const SYSTEM_FILES: readonly NodeSpec[] = [
  file("cmdline", "cmdline_proc_show", () => "root=/dev/vda ro\n"),
  file("cpuinfo", "show_cpuinfo", cpuinfoText),
  file("devices", "devinfo_show", devices),
  file("diskstats", "diskstats_show", (k) => k.block.diskstats()),
  file("filesystems", "filesystems_proc_show", filesystems),
  file("interrupts", "show_interrupts", interruptsText),
  file("loadavg", "loadavg_proc_show", loadavgText),
  file("meminfo", "meminfo_proc_show", meminfoText),
  file("modules", "m_show", modules, 0o444),
  file("partitions", "show_partition", partitions),
  file("slabinfo", "slab_show", slabinfoText, 0o400),
  file("softirqs", "show_softirqs", softirqsText),
  file("stat", "show_stat", statText),
  file("swaps", "swap_show", swapsText),
  file("uptime", "uptime_proc_show", uptimeText),
  file("version", "version_proc_show", (k) => versionText(k.image)),
  file("vmstat", "vmstat_show", vmstatText),
  directory("sys", SYSCTLS),
  { name: "mounts", iops: PROC_PID_LINK_INODE, target: () => "self/mounts" },
  { name: "net", iops: PROC_PID_LINK_INODE, target: () => "self/net" },
  { name: "self", iops: PROC_SELF_INODE, target: (k) => String(k.current.tgid) },
  {
    name: "thread-self",
    iops: PROC_THREAD_SELF_INODE,
    target: (k) => `${k.current.tgid}/task/${k.current.pid}`,
  },
];
/** Functions that write them. */
export const SYSTEM_SHOWS: readonly FunctionRef[] = showsOf([...SYSTEM_FILES, ...NET_SHOWS]);

function showsOf(specs: readonly NodeSpec[]): FunctionRef[] {
  const found = new Set<FunctionRef>();
  for (const spec of specs) if (spec.show !== undefined) found.add(spec.show);
  return [...found, fn("proc_sys_call_handler")];
}
