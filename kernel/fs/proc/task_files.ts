/**
 * What `/proc/PID` has, out of the task's own objects.
 *
 * @module
 */

import { fn, type FunctionRef } from "../../calls/function.ts";
import type { Kernel } from "../../kernel.ts";
import { MemoryFault } from "../../memory/fault.ts";
import { MM, VM_EXEC, VM_GROWSDOWN, VM_READ, VM_SHARED, VM_WRITE } from "../../mm/fields.ts";
import { type Mm, mmAt, type Vma } from "../../mm/mm_struct.ts";
import { MM_ANONPAGES, MM_FILEPAGES, MM_SHMEMPAGES, mmCounter } from "../../mm/rss.ts";
import { CRED, type Task } from "../../process/task.ts";
import { EINVAL } from "../../syscalls/errno.ts";
import { PID_DENTRY, TID_FD_DENTRY } from "../dentry_operations.ts";
import { FILE, INODE } from "../fields.ts";
import {
  PROC_CMDLINE,
  PROC_COMM,
  PROC_ENVIRON,
  PROC_FD_DIR,
  PROC_MAPS,
  PROC_MOUNTS,
  PROC_SINGLE,
  PROC_TASK_DIR,
} from "../fileops.ts";
import { fdFile, maxFds, NOFILE, openFds } from "../files_struct.ts";
import { FS } from "../fs_struct.ts";
import type { DynamicEntries, Inode } from "../inode.ts";
import {
  PROC_FD_INODE,
  PROC_PID_FILE_INODE,
  PROC_PID_INODE,
  PROC_PID_LINK_INODE,
} from "../inode_operations.ts";
import { mountinfo, mounts } from "./system_files.ts";
import type { MakeInode, NodeSpec, Place } from "./node.ts";

const STATES: Readonly<Record<number, string>> = { 0: "R", 1: "S", 2: "D", 4: "T", 8: "t" };

function stateOf(task: Task): string {
  if (task.exitCode !== null) return "Z";
  return STATES[task.state & 0xf] ?? "S";
}

function mmOf(k: Kernel, task: Task): Mm | undefined {
  return task.mm === 0 ? undefined : mmAt(k, task.mm);
}

function rssOf(
  k: Kernel,
  task: Task,
): { readonly file: number; readonly anon: number; readonly shmem: number } {
  if (task.mm === 0) return { file: 0, anon: 0, shmem: 0 };
  return {
    file: mmCounter(k, task.mm, MM_FILEPAGES),
    anon: mmCounter(k, task.mm, MM_ANONPAGES),
    shmem: mmCounter(k, task.mm, MM_SHMEMPAGES),
  };
}

function stat(k: Kernel, task: Task): string {
  const rss = rssOf(k, task);
  const mm = task.mm;
  const fields: (number | string)[] = [
    task.pid,
    `(${task.comm})`,
    stateOf(task),
    task.parent?.tgid ?? 0,
    task.leader.pid,
    task.leader.pid,
    0,
    -1,
    0,
    task.minorFaults,
    0,
    task.majorFaults,
    0,
    0,
    0,
    0,
    0,
    20,
    0,
    task.threadGroup.length,
    0,
    0,
    mm === 0 ? 0 : MM.totalVm.get(k, mm) * 4096,
    rss.file + rss.anon + rss.shmem,
    "18446744073709551615",
    mm === 0 ? 0 : MM.startCode.get(k, mm),
    mm === 0 ? 0 : MM.endCode.get(k, mm),
    mm === 0 ? 0 : MM.startStack.get(k, mm),
    ...Array.from({ length: 9 }, () => 0),
    17,
    task.cpu,
    ...Array.from({ length: 13 }, () => 0),
  ];
  return `${fields.join(" ")}\n`;
}

function ids(k: Kernel, task: Task, which: readonly (keyof typeof CRED)[]): string {
  return which.map((id) => CRED[id].get(k, task.cred)).join("\t");
}

const STATE_NAMES: Readonly<Record<string, string>> = {
  R: "R (running)",
  S: "S (sleeping)",
  D: "D (disk sleep)",
  T: "T (stopped)",
  t: "t (tracing stop)",
  Z: "Z (zombie)",
};

function status(k: Kernel, task: Task): string {
  const rss = rssOf(k, task);
  const kb = (pages: number): string => `${String(pages * 4).padStart(8)} kB`;
  const rows: (readonly [string, string])[] = [
    ["Name", task.comm],
    ["Umask", task.fs === 0 ? "0022" : FS.umask.get(k, task.fs).toString(8).padStart(4, "0")],
    ["State", STATE_NAMES[stateOf(task)] ?? "S (sleeping)"],
    ["Tgid", String(task.tgid)],
    ["Ngid", "0"],
    ["Pid", String(task.pid)],
    ["PPid", String(task.parent?.tgid ?? 0)],
    ["TracerPid", "0"],
    ["Uid", ids(k, task, ["uid", "euid", "suid", "fsuid"])],
    ["Gid", ids(k, task, ["gid", "egid", "sgid", "fsgid"])],
    ["FDSize", String(task.files === 0 ? 0 : maxFds(k, task.files))],
    ["Groups", " "],
  ];
  if (task.mm !== 0) {
    rows.push(
      ["VmPeak", kb(MM.totalVm.get(k, task.mm))],
      ["VmSize", kb(MM.totalVm.get(k, task.mm))],
      ["VmLck", kb(MM.lockedVm.get(k, task.mm))],
      ["VmRSS", kb(rss.file + rss.anon + rss.shmem)],
      ["RssAnon", kb(rss.anon)],
      ["RssFile", kb(rss.file)],
      ["RssShmem", kb(rss.shmem)],
    );
  }
  rows.push(["Threads", String(task.threadGroup.length)]);
  return rows.map(([name, value]) => `${name}:\t${value}\n`).join("");
}

function statm(k: Kernel, task: Task): string {
  if (task.mm === 0) return "0 0 0 0 0 0 0\n";
  const rss = rssOf(k, task);
  const pages = [MM.totalVm, MM.execVm, MM.dataVm, MM.stackVm].map((field) => field.get(k, task.mm));
  const [size = 0, text = 0, data = 0, stack = 0] = pages;
  return `${size} ${rss.file + rss.anon + rss.shmem} ${rss.file + rss.shmem} ${text} 0 ${data + stack} 0\n`;
}

/** An address as `maps` prints it. */
function hex(address: number): string {
  return BigInt.asUintN(64, BigInt(address)).toString(16).padStart(8, "0");
}

function mapLine(k: Kernel, mm: Mm, area: Vma): string {
  const rights = (area.flags & VM_READ ? "r" : "-") + (area.flags & VM_WRITE ? "w" : "-") +
    (area.flags & VM_EXEC ? "x" : "-") + (area.flags & VM_SHARED ? "s" : "p");
  const file = k.vfs.files.get(area.file);
  const inode = file?.inode ?? null;
  const dev = inode === null ? 0 : k.vfs.supers.get(INODE.sb.get(k, inode.address))?.dev ?? 0;
  const major = Math.floor(dev / 2 ** 20).toString(16).padStart(2, "0");
  const place = `${major}:${(dev % 2 ** 20).toString(16).padStart(2, "0")}`;
  const offset = (file === undefined ? 0 : area.pgoff * 4096).toString(16).padStart(8, "0");
  const head = `${hex(area.start)}-${hex(area.end)} ${rights} ${offset} ${place} ${inode?.ino ?? 0} `;
  const name = file === undefined ? specialName(k, mm, area) : pathOfFile(k, area.file);
  return name === "" ? `${head.trimEnd()} \n` : `${head.padEnd(73)}${name}\n`;
}

function specialName(k: Kernel, mm: Mm, area: Vma): string {
  if ((area.flags & VM_GROWSDOWN) !== 0) return "[stack]";
  const [start, end] = [MM.startBrk.get(k, mm.address), MM.brk.get(k, mm.address)];
  return start !== 0 && area.start <= end && area.end >= start && end > start ? "[heap]" : "";
}

function pathOfFile(k: Kernel, address: number): string {
  const dentry = k.vfs.files.get(address)?.dentry;
  if (dentry == null) return "";
  const path = k.vfs.pathOf(FILE.mnt.get(k, address), dentry) ?? dentry.name;
  return dentry.inode?.nlink === 0 ? `${path} (deleted)` : path;
}

function piece(k: Kernel, task: Task, start: number, end: number): Uint8Array {
  const current = k.current;
  try {
    return start === 0 || end <= start || task.mm !== current.mm
      ? new Uint8Array(0)
      : k.memory.readBytes(start, Math.min(end - start, 4096)).slice();
  } catch (error) {
    if (error instanceof MemoryFault) return new Uint8Array(0);
    throw error;
  }
}

/** The arguments that the program was started with; where nothing kept them, its name alone. */
function cmdline(k: Kernel, task: Task): Uint8Array {
  if (task.mm === 0) return new Uint8Array(0);
  const bytes = piece(k, task, MM.argStart.get(k, task.mm), MM.argEnd.get(k, task.mm));
  return bytes.length > 0 ? bytes : new TextEncoder().encode(`${task.comm}\0`);
}

function limits(): string {
  const unlimited = "unlimited";
  const rows: readonly (readonly [string, string, string, string])[] = [
    ["Limit", "Soft Limit", "Hard Limit", "Units"],
    ["Max cpu time", unlimited, unlimited, "seconds"],
    ["Max file size", unlimited, unlimited, "bytes"],
    ["Max stack size", "8388608", unlimited, "bytes"],
    ["Max open files", String(NOFILE), "1048576", "files"],
  ];
  return rows.map(([name, soft, hard, units]) =>
    `${name.padEnd(25)} ${soft.padEnd(20)} ${hard.padEnd(20)} ${units.padEnd(10)}\n`
  ).join("");
}

function single(name: string, show: string, text: (k: Kernel, task: Task) => string, mode = 0o444): NodeSpec {
  return {
    name,
    mode,
    ops: PROC_SINGLE,
    iops: PROC_PID_FILE_INODE,
    dops: PID_DENTRY,
    show: fn(show),
    text: (k, task) => task === null ? "" : text(k, task),
  };
}

function place(name: string, where: (k: Kernel, task: Task) => Place | null): NodeSpec {
  return {
    name,
    iops: PROC_PID_LINK_INODE,
    dops: PID_DENTRY,
    place: (k, task) => task === null ? null : where(k, task),
  };
}

/** Where an open file is. */
function placeOfFile(k: Kernel, file: number): Place | null {
  if (file === 0 || k.vfs.files.get(file) === undefined) return null;
  return { mnt: FILE.mnt.get(k, file), dentry: FILE.dentry.get(k, file) };
}

/** Open descriptors as links to what they stand for. */
class Descriptors implements DynamicEntries {
  readonly #k: Kernel;
  readonly #task: Task;
  readonly #make: MakeInode;
  readonly #inodes = new Map<string, { readonly file: number; readonly inode: Inode }>();

  constructor(k: Kernel, task: Task, make: MakeInode) {
    this.#k = k;
    this.#task = task;
    this.#make = make;
  }

  find(name: string): Inode | null {
    const file = this.owns(name) ? fdFile(this.#k, this.#task.files, Number(name)) : 0;
    const known = this.#inodes.get(name);
    if (known !== undefined && known.file === file) return known.inode;
    this.#inodes.delete(name);
    if (file === 0) return null;
    const inode = this.#make({
      name,
      mode: 0o500,
      iops: PROC_PID_LINK_INODE,
      dops: TID_FD_DENTRY,
      place: (k, task) => task === null ? null : placeOfFile(k, fdFile(k, task.files, Number(name))),
    }, this.#task);
    this.#inodes.set(name, { file, inode });
    return inode;
  }

  owns(name: string): boolean {
    return /^(0|[1-9][0-9]{0,6})$/.test(name);
  }

  names(): readonly string[] {
    return openFds(this.#k, this.#task.files).map(String);
  }
}

/** The threads of a process. */
class Threads implements DynamicEntries {
  readonly #task: Task;
  readonly #make: MakeInode;
  readonly #inodes = new Map<Task, Inode>();

  constructor(task: Task, make: MakeInode) {
    this.#task = task;
    this.#make = make;
  }

  find(name: string): Inode | null {
    const thread = this.#task.threadGroup.find(({ pid }) => String(pid) === name);
    if (thread === undefined) return null;
    let inode = this.#inodes.get(thread);
    if (inode === undefined) {
      inode = this.#make(taskDirectory(name, thread, false), thread);
      this.#inodes.set(thread, inode);
    }
    return inode;
  }

  owns(name: string): boolean {
    return /^[1-9][0-9]*$/.test(name);
  }

  names(): readonly string[] {
    return this.#task.threadGroup.map(({ pid }) => String(pid));
  }
}

const FD: NodeSpec = {
  name: "fd",
  mode: 0o500,
  ops: PROC_FD_DIR,
  iops: PROC_FD_INODE,
  dops: PID_DENTRY,
  dynamic: (k, task, make) => new Descriptors(k, task ?? k.current, make),
};
const TASK: NodeSpec = {
  name: "task",
  ops: PROC_TASK_DIR,
  iops: { ...PROC_PID_INODE, symbol: "proc_task_inode_operations", lookup: fn("proc_task_lookup") },
  dops: PID_DENTRY,
  dynamic: (k, task, make) => new Threads(task ?? k.current, make),
};

/** Files that belong to a task: in a process's directory and in each of its threads'. */
const FILES: readonly NodeSpec[] = [
  single("status", "proc_pid_status", status),
  single("stat", "proc_tgid_stat", stat),
  single("statm", "proc_pid_statm", statm),
  single("limits", "proc_pid_limits", limits),
  single("personality", "proc_pid_personality", () => "00000000\n", 0o400),
  single("wchan", "proc_pid_wchan", () => "0"),
  single("oom_score", "proc_oom_score", () => "0\n"),
  single("cgroup", "proc_cgroup_show", () => "0::/\n"),
  single("io", "proc_tgid_io_accounting", () => "rchar: 0\nwchar: 0\n", 0o400),
  {
    name: "maps",
    ops: PROC_MAPS,
    iops: PROC_PID_FILE_INODE,
    dops: PID_DENTRY,
    show: fn("show_map"),
    text: (k, task) => {
      const mm = task === null ? undefined : mmOf(k, task);
      return mm === undefined ? "" : mm.areas.map((area) => mapLine(k, mm, area)).join("");
    },
  },
  {
    name: "cmdline",
    ops: PROC_CMDLINE,
    iops: PROC_PID_FILE_INODE,
    dops: PID_DENTRY,
    text: (k, task) => task === null ? "" : cmdline(k, task),
  },
  {
    name: "environ",
    mode: 0o400,
    ops: PROC_ENVIRON,
    iops: PROC_PID_FILE_INODE,
    dops: PID_DENTRY,
    text: (k, task) =>
      task === null || task.mm === 0
        ? ""
        : piece(k, task, MM.envStart.get(k, task.mm), MM.envEnd.get(k, task.mm)),
  },
  {
    name: "comm",
    mode: 0o644,
    ops: PROC_COMM,
    iops: PROC_PID_FILE_INODE,
    dops: PID_DENTRY,
    show: fn("comm_show"),
    text: (_k, task) => `${task?.comm ?? ""}\n`,
    store: (k, task, bytes) => {
      if (task === null || task.leader !== k.current.leader) return -EINVAL;
      task.comm = new TextDecoder().decode(bytes).split(/[\n\0]/)[0] ?? "";
      return bytes.length;
    },
  },
  {
    name: "mounts",
    ops: PROC_MOUNTS,
    iops: PROC_PID_FILE_INODE,
    dops: PID_DENTRY,
    show: fn("show_vfsmnt"),
    text: mounts,
  },
  {
    name: "mountinfo",
    ops: { ...PROC_MOUNTS, symbol: "proc_mountinfo_operations", open: fn("mountinfo_open") },
    iops: PROC_PID_FILE_INODE,
    dops: PID_DENTRY,
    show: fn("show_mountinfo"),
    text: mountinfo,
  },
  place("exe", (k, task) => task.mm === 0 ? null : placeOfFile(k, MM.exeFile.get(k, task.mm))),
  place(
    "cwd",
    (k, task) =>
      task.fs === 0 ? null : { mnt: FS.pwdMnt.get(k, task.fs), dentry: FS.pwdDentry.get(k, task.fs) },
  ),
  place(
    "root",
    (k, task) =>
      task.fs === 0 ? null : { mnt: FS.rootMnt.get(k, task.fs), dentry: FS.rootDentry.get(k, task.fs) },
  ),
  FD,
];
const PROCESS: readonly NodeSpec[] = [TASK, ...FILES];

/** A process's directory, or with `whole` false a thread's. */
export function taskDirectory(name: string, task: Task, whole = true): NodeSpec {
  return {
    name,
    iops: PROC_PID_INODE,
    dops: PID_DENTRY,
    task,
    children: () => whole ? PROCESS : FILES,
  };
}

/** Functions that write the files of a task. */
export const TASK_SHOWS: readonly FunctionRef[] = FILES.flatMap(({ ops, show }) =>
  ops === PROC_SINGLE && show !== undefined ? [show] : []
);
