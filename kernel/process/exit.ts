/**
 * How a task ends: `kernel/exit.c`.
 *
 * @module
 */

import { behaviour, fn, type FunctionRef } from "../calls/function.ts";
import { FILP_CLOSE } from "../fs/fdtable.ts";
import { clearFd, fdFile, filesUsers, openFds } from "../fs/files_struct.ts";
import { FS } from "../fs/fs_struct.ts";
import { PATH_PUT } from "../fs/path_lookup.ts";
import type { Kernel } from "../kernel.ts";
import { MMPUT } from "../mm/mmput.ts";
import { DO_TASK_DEAD } from "../sched/schedule.ts";
import { tracepoint } from "../tracing/reference.ts";
import { SIGNAL, TASK_SIGNAL } from "../signal/fields.ts";
import { GROUP_SEND_SIG_INFO } from "../signal/kill.ts";
import { DO_NOTIFY_PARENT } from "../signal/notify.ts";
import { PIDTYPE_TGID, SIGNAL_GROUP_EXIT } from "../signal/numbers.ts";
import { killThread } from "../signal/send.ts";
import { WAKES } from "../signal/wake.ts";
import { EXIT_SIGNALS } from "./exit_signals.ts";
import { EXIT_MM_RELEASE } from "./mm_release.ts";
import { field } from "./objects.ts";
import { RELEASE_TASK } from "./release.ts";
import { TASK, type Task } from "./task.ts";
import { TASK_WORK_RUN } from "./task_work.ts";

const HRTIMER_CANCEL = fn("hrtimer_cancel");
/** The timer of `alarm` and `setitimer`. */
const REAL_TIMER = field("signal_struct", "real_timer");
const PROCESS_EXIT = tracepoint("sched:sched_process_exit", "comm", "pid", "prio");
const PUT_CLOSES = [FILP_CLOSE];

/** Thrown where `do_exit` would never return: unwinds the task's kernel stack up to `runSyscall`. */
export class TaskExit extends Error {
  readonly task: Task;

  constructor(task: Task) {
    super(`Task ${task.comm} (${task.pid}) has exited`);
    this.name = "TaskExit";
    this.task = task;
  }
}

/** What was thrown where `task` ended: nothing is left of its kernel stack. Anything else that was thrown goes on. */
export function exited(k: Kernel, task: Task, error: unknown): void {
  if (!(error instanceof TaskExit) || error.task !== task) throw error;
  k.calls.unwind(task);
  task.locals = 0;
  k.kprobes.flushTask(task);
  if (task.reapsItself) k.tasks.release(task);
}

/** Closes every descriptor of a table, if this was its last user. */
export const PUT_FILES_STRUCT: FunctionRef = behaviour("put_files_struct", PUT_CLOSES, (k, files = 0) => {
  if (filesUsers(k, files) > 1) return Number.NaN;
  for (const fd of openFds(k, files)) {
    const file = fdFile(k, files, fd);
    clearFd(k, files, fd);
    k.call(FILP_CLOSE, file, files);
  }
  return Number.NaN;
});

/** A task leaves its open files. */
export const EXIT_FILES: FunctionRef = behaviour("exit_files", [PUT_FILES_STRUCT], (k, address = 0) => {
  const task = k.tasks.byAddress(address);
  if (task === undefined || task.files === 0) return Number.NaN;
  k.call(PUT_FILES_STRUCT, task.files);
  k.tasks.dropFiles(task);
  return Number.NaN;
});

/** A task leaves its root and current directory. */
export const EXIT_FS: FunctionRef = behaviour("exit_fs", [PATH_PUT], (k, address = 0) => {
  const task = k.tasks.byAddress(address);
  if (task === undefined || task.fs === 0) return Number.NaN;
  if (FS.users.get(k, task.fs) === 1) {
    k.call(PATH_PUT, FS.root.at(k, task.fs));
    k.call(PATH_PUT, FS.pwd.at(k, task.fs));
  }
  k.tasks.dropFs(task);
  return Number.NaN;
});

/** Its children get another parent; its own parent is told. What nobody will wait for is gone at once. (task, group_dead) */
export const EXIT_NOTIFY: FunctionRef = behaviour(
  "exit_notify",
  [fn("kill_orphaned_pgrp"), DO_NOTIFY_PARENT, GROUP_SEND_SIG_INFO, RELEASE_TASK],
  (k, address = 0, groupDead = 0) => {
    const task = k.tasks.byAddress(address);
    if (task === undefined) return Number.NaN;
    if (groupDead !== 0) k.call(fn("kill_orphaned_pgrp"), task.leader.address, 0);
    const { init } = k.tasks;
    const orphans = [...task.children];
    k.tasks.exit(task, TASK.exitCode.get(k, address));
    for (const child of orphans) {
      const signal = child.reaped ? 0 : TASK_SIGNAL.pdeath.get(k, child.address);
      if (signal > 0) k.call(GROUP_SEND_SIG_INFO, signal, 0, child.address, PIDTYPE_TGID);
    }
    const leader = task.leader === task;
    const last = task.threadGroup.length === 1;
    const unwanted = leader ? last && notifiesNobody(k, task) : true;
    if (unwanted || task.parent === init || task.parent === null) {
      if (leader && !last && task.parent !== null) return Number.NaN;
      task.reapsItself = true;
      k.call(RELEASE_TASK, address);
    }
    return Number.NaN;
  },
);

/** Ends the current task with a wait status. Never returns: throws `TaskExit`. */
export const DO_EXIT: FunctionRef = behaviour(
  "do_exit",
  [
    EXIT_SIGNALS,
    HRTIMER_CANCEL,
    fn("exit_itimers"),
    EXIT_MM_RELEASE,
    MMPUT,
    fn("exit_sem"),
    fn("exit_shm"),
    EXIT_FILES,
    EXIT_FS,
    TASK_WORK_RUN,
    fn("sched_autogroup_exit_task"),
    EXIT_NOTIFY,
    DO_TASK_DEAD,
  ],
  (k, code = 0) => {
    const task = k.current;
    const { address, mm } = task;
    k.call(EXIT_SIGNALS, address);
    const signal = TASK.signal.get(k, address);
    const groupDead = SIGNAL.live.add(k, signal, -1) === 0;
    if (groupDead) {
      k.call(HRTIMER_CANCEL, REAL_TIMER.at(k, signal));
      k.call(fn("exit_itimers"), address);
    }
    TASK.exitCode.set(k, address, code);
    if (mm !== 0) {
      k.call(EXIT_MM_RELEASE, address, mm);
      k.call(MMPUT, mm);
      k.tasks.leaveMm(task);
    }
    k.tracepoints.fire(PROCESS_EXIT, task.comm, task.pid, TASK.prio.get(k, address));
    k.call(fn("exit_sem"), address);
    k.call(fn("exit_shm"), address);
    k.call(EXIT_FILES, address);
    k.call(EXIT_FS, address);
    if (task.taskWorks.length > 0) k.call(TASK_WORK_RUN);
    k.call(fn("sched_autogroup_exit_task"), address);
    k.call(EXIT_NOTIFY, address, groupDead ? 1 : 0);
    k.call(DO_TASK_DEAD);
    k.calls.neverReturns(task);
    throw new TaskExit(task);
  },
);

/** Leaves SIGKILL with every other thread of the task's process: how many there are. (task) */
export const ZAP_OTHER_THREADS: FunctionRef = behaviour("zap_other_threads", WAKES, (k, address = 0) => {
  const task = k.tasks.byAddress(address);
  if (task === undefined) return 0;
  SIGNAL.groupStopCount.set(k, TASK.signal.get(k, address), 0);
  const others = k.tasks.threads(task).filter((thread) => thread !== task && thread.exitCode === null);
  for (const thread of others) killThread(k, thread);
  return others.length;
});

/** Ends the whole process of the current task: the other threads end when they next come to user space. (code) */
export const DO_GROUP_EXIT: FunctionRef = behaviour(
  "do_group_exit",
  [ZAP_OTHER_THREADS, DO_EXIT],
  (k, code = 0) => {
    const { current } = k;
    const signal = TASK.signal.get(k, current.address);
    const ends = (SIGNAL.flags.get(k, signal) & SIGNAL_GROUP_EXIT) !== 0;
    // A recording tells of each thread itself how it ended.
    if (ends && !current.replayed) return k.call(DO_EXIT, SIGNAL.groupExitCode.get(k, signal));
    if (current.threadGroup.length > 1 || !ends) {
      SIGNAL.groupExitCode.set(k, signal, code);
      SIGNAL.flags.set(k, signal, SIGNAL_GROUP_EXIT);
      if (current.threadGroup.length > 1) k.call(ZAP_OTHER_THREADS, current.address);
    }
    return k.call(DO_EXIT, code);
  },
);

/** Ends the other threads of a process at once, which are not running now: its program is replaced. */
export function endOtherThreads(k: Kernel, task: Task): void {
  for (const other of k.tasks.threads(task)) {
    if (other === task || other.exitCode !== null) continue;
    k.scheduler.kill(other);
    k.kprobes.flushTask(other);
    k.calls.unwind(other);
    SIGNAL.live.add(k, TASK.signal.get(k, other.address), -1);
    k.tasks.exit(other, 0);
    if (other !== task.leader) k.tasks.release(other);
  }
}

function notifiesNobody(k: Kernel, task: Task): boolean {
  const signal = TASK.exitSignal.get(k, task.address);
  return k.call(DO_NOTIFY_PARENT, task.address, signal) !== 0 || task.reapsItself;
}
