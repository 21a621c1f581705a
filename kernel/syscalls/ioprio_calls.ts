/**
 * Priorities of input and output: `block/ioprio.c`.
 *
 * @module
 */

import { recordedOr } from "../fs/recorded.ts";
import type { Kernel } from "../kernel.ts";
import { CAP_SYS_ADMIN, CAP_SYS_NICE, nsCapable } from "../process/capability.ts";
import { pidGroupNumber } from "../process/pid.ts";
import type { Task } from "../process/task.ts";
import { PIDTYPE_PGID } from "../signal/numbers.ts";
import { syscall } from "./define.ts";
import { EINVAL, EPERM, ESRCH } from "./errno.ts";

const [WHO_PROCESS, WHO_PGRP, WHO_USER] = [1, 2, 3];
const [NONE, RT, BE, IDLE] = [0, 1, 2, 3];
const CLASS_SHIFT = 13;
const LEVELS = 8;

/** What tasks were given; those without have none. */
const given = new WeakMap<Task, number>();

/** Tasks that are meant; undefined for a `which` that is none. */
function meant(k: Kernel, which: number, who: number): readonly Task[] | undefined {
  const { current } = k;
  if (which === WHO_PROCESS) {
    const task = who === 0 ? current : k.tasks.byPid(who);
    return task === undefined || task.exitCode !== null ? [] : [task];
  }
  const alive = k.tasks.all().filter(({ pid, exitCode }) => pid > 0 && exitCode === null);
  if (which === WHO_PGRP) {
    const group = who === 0 ? pidGroupNumber(k, current, PIDTYPE_PGID) : who;
    return alive.filter((task) => pidGroupNumber(k, task, PIDTYPE_PGID) === group);
  }
  if (which !== WHO_USER) return undefined;
  const uid = who === 0 ? current.uid : who;
  return alive.filter((task) => task.uid === uid);
}

/** Whether a priority is one, and may be given: 0 or -errno (`ioprio_check_cap`). */
function check(k: Kernel, priority: number): number {
  const kind = priority >> CLASS_SHIFT;
  const level = priority & (1 << CLASS_SHIFT) - 1;
  if (kind === RT && !nsCapable(k, CAP_SYS_ADMIN) && !nsCapable(k, CAP_SYS_NICE)) return -EPERM;
  if (kind === RT || kind === BE) return level < LEVELS ? 0 : -EINVAL;
  if (kind === IDLE) return 0;
  return kind === NONE && level === 0 ? 0 : -EINVAL;
}

syscall("ioprio_set", ["int", "int", "int"], [], (k, which = 0, who = 0, priority = 0) => {
  const error = check(k, priority);
  if (error !== 0) return recordedOr(k, error);
  const tasks = meant(k, which, who);
  if (tasks === undefined) return recordedOr(k, -EINVAL);
  if (tasks.length === 0) return recordedOr(k, -ESRCH);
  const { uid } = k.current;
  if (uid !== 0 && tasks.some((task) => task.uid !== uid)) return recordedOr(k, -EPERM);
  for (const task of tasks) given.set(task, priority);
  return recordedOr(k, 0);
});

syscall("ioprio_get", ["int", "int"], [], (k, which = 0, who = 0) => {
  const tasks = meant(k, which, who);
  if (tasks === undefined) return recordedOr(k, -EINVAL);
  if (tasks.length === 0) return recordedOr(k, -ESRCH);
  // Of several the best, where one without any is as good as the middle of best effort.
  const rank = (priority: number): number => priority === 0 ? BE << CLASS_SHIFT | 4 : priority;
  const all = tasks.map((task) => given.get(task) ?? 0);
  return recordedOr(k, all.reduce((best, priority) => rank(priority) < rank(best) ? priority : best));
});
