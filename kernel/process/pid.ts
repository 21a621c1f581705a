/**
 * `struct pid`: the numbers of tasks, processes, groups and sessions, as objects.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import { behaviour, type FunctionRef } from "../calls/function.ts";
import type { Kernel } from "../kernel.ts";
import { field } from "./objects.ts";
import { TASK, type Task } from "./task.ts";

const NUMBERS = field("pid", "numbers");
const PIDS = field("signal_struct", "pids");

/** The `struct pid` of a number; 0 where there is none. (nr) */
export const FIND_VPID: FunctionRef = behaviour("find_vpid", [], (k, nr = 0) => k.tasks.pidStruct(nr));

/** The same with a reference to it. (nr) */
export const FIND_GET_PID: FunctionRef = behaviour(
  "find_get_pid",
  [FIND_VPID],
  (k, nr = 0) => k.call(FIND_VPID, nr),
);

/** The task that a `struct pid` is the pid of; 0 if it is gone. (pid, type) */
export const PID_TASK: FunctionRef = behaviour("pid_task", [], (k, pid = 0) => {
  return pid === 0 ? 0 : k.tasks.byPid(pidNumber(k, pid))?.address ?? 0;
});

/** The number of a `struct pid`; 0 for none. */
export function pidNumber(k: Kernel, pid: Addr): number {
  // The first member of numbers[0] is its nr.
  return pid === 0 ? 0 : k.memory.load(NUMBERS.at(k, pid), 4, true);
}

/** The `struct pid` of a task's process (`PIDTYPE_TGID`), group or session. */
export function pidGroup(k: Kernel, task: Task, type: number): Addr {
  return k.memory.readPointer(groupAt(k, task, type));
}

/** Number of a task's process group or session. */
export function pidGroupNumber(k: Kernel, task: Task, type: number): number {
  return pidNumber(k, pidGroup(k, task, type));
}

/** Puts a task's process into another group or session (`change_pid`). */
export function setPidGroup(k: Kernel, task: Task, type: number, pid: Addr): void {
  k.memory.writeWord(groupAt(k, task, type), pid);
}

function groupAt(k: Kernel, task: Task, type: number): Addr {
  return PIDS.at(k, TASK.signal.get(k, task.address)) + type * k.image.pointerSize;
}
