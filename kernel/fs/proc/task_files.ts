/**
 * What `/proc/PID` has, out of the task's own objects: the table of `fs/proc/base.c`.
 *
 * @module
 */

import { fn, type FunctionRef } from "../../calls/function.ts";
import type { Kernel } from "../../kernel.ts";
import { MM } from "../../mm/fields.ts";
import { oomScore, oomScoreAdj, setOomScoreAdj } from "../../mm/oom_kill.ts";
import { readPresent } from "../../process/exec_strings.ts";
import type { Task } from "../../process/task.ts";
import { EACCES, EINVAL } from "../../syscalls/errno.ts";
import { PID_DENTRY } from "../dentry_operations.ts";
import {
  type FileOperations,
  PROC_CMDLINE,
  PROC_COMM,
  PROC_ENVIRON,
  PROC_MAPS,
  PROC_MOUNTS,
  PROC_SINGLE,
  PROC_TASK_DIR,
} from "../fileops.ts";
import { FS } from "../fs_struct.ts";
import {
  PROC_PID_FILE_INODE,
  PROC_PID_INODE,
  PROC_PID_LINK_INODE,
  PROC_TASK_INODE,
} from "../inode_operations.ts";
import { mayRead } from "./may_read.ts";
import { mountinfo, mounts, mountstats } from "./mount_text.ts";
import { NET } from "./net_files.ts";
import type { NodeSpec, Place } from "./node.ts";
import { FD, FDINFO, placeOfFile, Threads } from "./task_fds.ts";
import { mapsText, smapsRollupText, smapsText } from "./task_maps.ts";
import { stackText, syscallText, wchanText } from "./task_stack.ts";
import { statmText, statText } from "./task_stat.ts";
import { limitsText, schedstatText, schedText, statusText } from "./task_status.ts";

/** The arguments that the program was started with; where nothing kept them, its name alone. */
function cmdline(k: Kernel, task: Task): Uint8Array {
  if (task.mm === 0) return new Uint8Array(0);
  const bytes = readPresent(k, task.mm, MM.argStart.get(k, task.mm), MM.argEnd.get(k, task.mm));
  return bytes.length > 0 ? bytes : new TextEncoder().encode(`${task.comm}\0`);
}

type TextOf = (k: Kernel, task: Task) => string | Uint8Array;

function withOps(name: string, ops: FileOperations, text: TextOf, how: Partial<NodeSpec> = {}): NodeSpec {
  return {
    name,
    ops,
    iops: PROC_PID_FILE_INODE,
    dops: PID_DENTRY,
    text: (k, task) => task === null ? "" : text(k, task),
    ...how,
  };
}

/** A file that one function writes as a whole. */
function single(name: string, show: string, text: TextOf, mode = 0o444): NodeSpec {
  return withOps(name, PROC_SINGLE, text, { mode, show: fn(show) });
}

/** The same, for those who may look into the process. */
function guarded(name: string, show: string, text: TextOf, mode = 0o400): NodeSpec {
  return single(name, show, (k, task) => mayRead(k, task) ? text(k, task) : "", mode);
}

function place(name: string, where: (k: Kernel, task: Task) => Place | null): NodeSpec {
  return {
    name,
    iops: PROC_PID_LINK_INODE,
    dops: PID_DENTRY,
    place: (k, task) => task === null ? null : where(k, task),
  };
}

const TASK: NodeSpec = {
  name: "task",
  ops: PROC_TASK_DIR,
  iops: PROC_TASK_INODE,
  dops: PID_DENTRY,
  dynamic: (k, task, make) =>
    new Threads(task ?? k.current, make, (name, thread) => taskDirectory(name, thread, false)),
};

/** Namespaces, all of them the first of their kind, with the numbers that every kernel gives those. */
const NAMESPACES: readonly (readonly [name: string, kind: string, ino: number])[] = [
  ["cgroup", "cgroup", 4026531835],
  ["ipc", "ipc", 4026531839],
  ["mnt", "mnt", 4026531841],
  ["net", "net", 4026531840],
  ["pid", "pid", 4026531836],
  ["pid_for_children", "pid", 4026531836],
  ["time", "time", 4026531834],
  ["time_for_children", "time", 4026531834],
  ["user", "user", 4026531837],
  ["uts", "uts", 4026531838],
];
const NS: NodeSpec = {
  name: "ns",
  mode: 0o511,
  iops: PROC_PID_INODE,
  dops: PID_DENTRY,
  children: () =>
    NAMESPACES.map(([name, kind, ino]) => ({
      name,
      iops: PROC_PID_LINK_INODE,
      dops: PID_DENTRY,
      target: () => `${kind}:[${ino}]`,
    })),
};

const COMM: NodeSpec = withOps("comm", PROC_COMM, (_k, task) => `${task.comm}\n`, {
  mode: 0o644,
  show: fn("comm_show"),
  store: (k, task, bytes) => {
    if (task === null || task.leader !== k.current.leader) return -EINVAL;
    task.comm = new TextDecoder().decode(bytes).split(/[\n\0]/)[0] ?? "";
    return bytes.length;
  },
});

const OOM_SCORE_ADJ: NodeSpec = withOps(
  "oom_score_adj",
  PROC_COMM,
  (k, task) => `${oomScoreAdj(k, task)}\n`,
  {
    mode: 0o644,
    store: (k, task, bytes) => {
      const text = new TextDecoder().decode(bytes).trim();
      const value = /^[-+]?[0-9]+$/.test(text) ? Number(text) : Number.NaN;
      if (task === null || !(value >= -1000 && value <= 1000)) return -EINVAL;
      if (value < oomScoreAdj(k, task) && k.current.uid !== 0) return -EACCES;
      setOomScoreAdj(k, task, value);
      return bytes.length;
    },
  },
);

const ZERO_IO = ["rchar", "wchar", "syscr", "syscw", "read_bytes", "write_bytes", "cancelled_write_bytes"];
const ID_MAP = `${[0, 0, 4294967295].map((n) => String(n).padStart(10)).join(" ")}\n`;

/** Files that belong to a task: in a process's directory and in each of its threads'. */
function files(whole: boolean): readonly NodeSpec[] {
  const id = whole ? "tgid" : "tid";
  return [
    FD,
    FDINFO,
    NS,
    NET,
    withOps(
      "environ",
      PROC_ENVIRON,
      (k, task) =>
        task.mm === 0 || !mayRead(k, task)
          ? ""
          : readPresent(k, task.mm, MM.envStart.get(k, task.mm), MM.envEnd.get(k, task.mm)),
      { mode: 0o400 },
    ),
    single("status", "proc_pid_status", statusText),
    guarded("personality", "proc_pid_personality", () => "00000000\n"),
    single("limits", "proc_pid_limits", limitsText),
    single("sched", "sched_show", schedText, 0o644),
    COMM,
    guarded("syscall", "proc_pid_syscall", syscallText),
    withOps("cmdline", PROC_CMDLINE, cmdline),
    single("stat", `proc_${id}_stat`, (k, task) => statText(k, task, whole)),
    single("statm", "proc_pid_statm", statmText),
    withOps("maps", PROC_MAPS, (k, task) => mayRead(k, task) ? mapsText(k, task) : "", {
      show: fn("show_map"),
    }),
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
    place("exe", (k, task) => task.mm === 0 ? null : placeOfFile(k, MM.exeFile.get(k, task.mm))),
    withOps("mounts", PROC_MOUNTS, mounts, { show: fn("show_vfsmnt") }),
    withOps(
      "mountinfo",
      {
        ...PROC_MOUNTS,
        symbol: "proc_mountinfo_operations",
        open: fn("mountinfo_open"),
      },
      mountinfo,
      { show: fn("show_mountinfo") },
    ),
    withOps(
      "mountstats",
      {
        ...PROC_MOUNTS,
        symbol: "proc_mountstats_operations",
        open: fn("mountstats_open"),
      },
      mountstats,
      { mode: 0o400, show: fn("show_vfsstat") },
    ),
    withOps("smaps", PROC_MAPS, (k, task) => mayRead(k, task) ? smapsText(k, task) : "", {
      show: fn("show_smap"),
    }),
    withOps("smaps_rollup", PROC_SINGLE, (k, task) => mayRead(k, task) ? smapsRollupText(k, task) : "", {
      show: fn("show_smaps_rollup"),
    }),
    single("wchan", "proc_pid_wchan", (k, task) => mayRead(k, task) ? wchanText(k, task) : "0"),
    guarded("stack", "proc_pid_stack", stackText),
    single("schedstat", "proc_pid_schedstat", schedstatText),
    single("cpuset", "proc_cpuset_show", () => "/\n"),
    single("cgroup", "proc_cgroup_show", () => "0::/\n"),
    single("oom_score", "proc_oom_score", (k, task) => `${oomScore(k, task)}\n`),
    OOM_SCORE_ADJ,
    withOps("loginuid", PROC_COMM, () => "4294967295", { mode: 0o644 }),
    withOps("sessionid", PROC_CMDLINE, () => "4294967295"),
    guarded("io", `proc_${id}_io_accounting`, () => ZERO_IO.map((name) => `${name}: 0\n`).join("")),
    withOps("uid_map", PROC_SINGLE, () => ID_MAP, { mode: 0o644 }),
    withOps("gid_map", PROC_SINGLE, () => ID_MAP, { mode: 0o644 }),
    withOps("setgroups", PROC_SINGLE, () => "allow\n", { mode: 0o644 }),
  ];
}

const THREAD: readonly NodeSpec[] = [
  ...files(false),
  withOps("children", PROC_SINGLE, (_k, task) => task.children.map(({ pid }) => `${pid} `).join("")),
];
const PROCESS: readonly NodeSpec[] = [TASK, ...files(true)];

/** A process's directory, or with `whole` false a thread's. */
export function taskDirectory(name: string, task: Task, whole = true): NodeSpec {
  return {
    name,
    iops: PROC_PID_INODE,
    dops: PID_DENTRY,
    task,
    children: () => whole ? PROCESS : THREAD,
  };
}

/** Functions that write the files of a task. */
export const TASK_SHOWS: readonly FunctionRef[] = [
  ...new Set(
    [...PROCESS, ...THREAD].flatMap(({ ops, show }) =>
      ops === PROC_SINGLE && show !== undefined ? [show] : []
    ),
  ),
];
