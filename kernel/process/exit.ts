/**
 * How a task ends: `kernel/exit.c`.
 *
 * @module
 */

import { behaviour, fn, type FunctionRef } from "../calls/function.ts";
import { FILP_CLOSE } from "../fs/fdtable.ts";
import { clearFd, fdFile, filesUsers, openFds } from "../fs/files_struct.ts";
import { FS } from "../fs/fs_struct.ts";
import { PATH_PUT } from "../fs/namei.ts";
import type { Kernel } from "../kernel.ts";
import { MMPUT } from "../mm/mmput.ts";
import { tracepoint } from "../tracing/reference.ts";
import { completeVfork } from "./fork.ts";
import { TASK, type Task } from "./task.ts";
import { WAKE_UP_PARENT } from "./wait.ts";
import { TASK_WORK_RUN } from "./task_work.ts";

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

/** Tells the parent; what nobody will wait for is gone at once. */
export const EXIT_NOTIFY: FunctionRef = behaviour("exit_notify", [WAKE_UP_PARENT], (k, address = 0) => {
  const task = k.tasks.byAddress(address);
  const parent = task?.parent ?? null;
  if (task === undefined) return Number.NaN;
  task.reapsItself = task.reapsItself || task.tgid !== task.pid || parent === k.tasks.init || parent === null;
  if (parent !== null) k.call(WAKE_UP_PARENT, address, parent.address);
  return Number.NaN;
});

/** Ends the current task with a wait status. Never returns: throws `TaskExit`. */
export const DO_EXIT: FunctionRef = behaviour(
  "do_exit",
  [
    fn("exit_signals"),
    fn("exit_mm_release"),
    MMPUT,
    fn("exit_sem"),
    fn("exit_shm"),
    EXIT_FILES,
    EXIT_FS,
    TASK_WORK_RUN,
    EXIT_NOTIFY,
  ],
  (k, code = 0) => {
    const task = k.current;
    const { address, mm } = task;
    k.call(fn("exit_signals"), address);
    if (mm !== 0) {
      k.call(fn("exit_mm_release"), address, mm);
      completeVfork(k, task);
      k.call(MMPUT, mm);
      k.tasks.leaveMm(task);
    }
    k.tracepoints.fire(PROCESS_EXIT, task.comm, task.pid, TASK.prio.get(k, address));
    k.call(fn("exit_sem"), address);
    k.call(fn("exit_shm"), address);
    k.call(EXIT_FILES, address);
    k.call(EXIT_FS, address);
    if (task.taskWorks.length > 0) k.call(TASK_WORK_RUN);
    k.tasks.exit(task, code);
    k.call(EXIT_NOTIFY, address, 1);
    k.calls.neverReturns(task);
    throw new TaskExit(task);
  },
);

/** Ends the whole process of the current task. */
export const DO_GROUP_EXIT: FunctionRef = behaviour(
  "do_group_exit",
  [fn("zap_other_threads"), DO_EXIT],
  (k, code = 0) => {
    const task = k.current;
    k.call(fn("zap_other_threads"), task.address);
    for (const other of k.tasks.all()) {
      if (other.tgid === task.tgid && other !== task && other.exitCode === null) killThread(k, other, code);
    }
    return k.call(DO_EXIT, code);
  },
);

/** Ends another thread of the same process, which is not running now. */
function killThread(k: Kernel, task: Task, code: number): void {
  k.scheduler.kill(task);
  k.kprobes.flushTask(task);
  k.calls.unwind(task);
  k.tasks.exit(task, code);
  k.tasks.release(task);
}
