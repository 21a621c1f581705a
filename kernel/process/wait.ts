/**
 * Waiting for children: `kernel_wait4` and what is below it.
 *
 * @module
 */

import { behaviour, blocking, fn, type FunctionRef } from "../calls/function.ts";
import { recorded } from "../fs/recorded.ts";
import type { Kernel } from "../kernel.ts";
import {
  ADD_WAIT_QUEUE,
  DEFAULT_WAKE_FUNCTION,
  initWaitEntry,
  REMOVE_WAIT_QUEUE,
  WAKE_UP_SYNC_KEY,
} from "../sched/wait.ts";
import { ECHILD, EFAULT, EINVAL, ERESTARTSYS } from "../syscalls/errno.ts";
import { field, sizeOfStruct } from "./objects.ts";
import { SCHEDULE, waitFor } from "./sleep.ts";
import { popLocals, pushLocal } from "./stack.ts";
import { TASK, type Task, TASK_INTERRUPTIBLE } from "./task.ts";

const OPTS = {
  type: field("wait_opts", "wo_type"),
  flags: field("wait_opts", "wo_flags"),
  pid: field("wait_opts", "wo_pid"),
  stat: field("wait_opts", "wo_stat"),
  childWait: field("wait_opts", "child_wait"),
} as const;
const WNOHANG = 1;
const KNOWN_OPTIONS = 0xe000000b;
const PIDTYPE_PID = 0;
const PIDTYPE_PGID = 2;
const PIDTYPE_MAX = 4;

/** Queue in which a process waits for its children. */
const WAIT_CHLDEXIT = field("signal_struct", "wait_chldexit");

/** Wakes a waiting parent if the child is one that it waits for. (entry, mode, sync, child) */
export const CHILD_WAIT_CALLBACK: FunctionRef = behaviour(
  "child_wait_callback",
  [DEFAULT_WAKE_FUNCTION],
  (k, entry = 0, mode = 0, sync = 0, key = 0) => {
    const opts = entry - OPTS.childWait.offset(k);
    const child = k.tasks.byAddress(key);
    if (child === undefined || !isEligible(k, child, opts)) return 0;
    return k.call(DEFAULT_WAKE_FUNCTION, entry, mode, sync, key);
  },
);

/** Wakes a process that waits for its children. (child, parent) */
export const WAKE_UP_PARENT: FunctionRef = behaviour(
  "__wake_up_parent",
  [WAKE_UP_SYNC_KEY],
  (k, child = 0, parent = 0) => {
    const head = WAIT_CHLDEXIT.at(k, TASK.signal.get(k, parent));
    k.call(WAKE_UP_SYNC_KEY, head, TASK_INTERRUPTIBLE, child);
    return Number.NaN;
  },
);

/** Frees what is left of a task that has exited. */
export const RELEASE_TASK: FunctionRef = behaviour("release_task", [], (k, address = 0) => {
  const task = k.tasks.byAddress(address);
  if (task !== undefined) k.tasks.release(task);
  return Number.NaN;
});

/** Looks whether a child is what the caller waits for; takes its status and frees it if so. Returns its pid or 0. */
export const WAIT_CONSIDER_TASK: FunctionRef = behaviour(
  "wait_consider_task",
  [RELEASE_TASK],
  (k, opts = 0, _ptrace, address = 0) => {
    const task = k.tasks.byAddress(address);
    if (task === undefined || task.exitCode === null) return 0;
    OPTS.stat.set(k, opts, task.exitCode);
    const { pid } = task;
    k.call(RELEASE_TASK, address);
    return pid;
  },
);

/** Waits as a `struct wait_opts` says: the child's pid, 0 (`WNOHANG`), or -errno. */
export const DO_WAIT: FunctionRef = blocking(
  "do_wait",
  [ADD_WAIT_QUEUE, WAIT_CONSIDER_TASK, SCHEDULE, REMOVE_WAIT_QUEUE],
  function* (k, opts = 0) {
    const task = k.current;
    const head = WAIT_CHLDEXIT.at(k, TASK.signal.get(k, task.address));
    const entry = OPTS.childWait.at(k, opts);
    initWaitEntry(k, entry, CHILD_WAIT_CALLBACK, task.address);
    k.call(ADD_WAIT_QUEUE, head, entry);
    const wanted = (): readonly Task[] => eligible(k, task, opts);
    let result = yield* look(k, opts, wanted);
    k.call(REMOVE_WAIT_QUEUE, head, entry);
    if (recorded(k) !== undefined && result > 0) result = recorded(k)?.ret ?? result;
    return result;
  },
);

/** `wait4`, `waitpid`: the child's pid, 0, or -errno; the wait status goes to `stat`. */
export const KERNEL_WAIT4: FunctionRef = blocking(
  "kernel_wait4",
  [DO_WAIT, fn("put_pid")],
  function* (k, upid = 0, stat = 0, options = 0, _ru) {
    if ((options & ~KNOWN_OPTIONS) !== 0) return -EINVAL;
    const mark = k.current.locals;
    const opts = pushLocal(k, sizeOfStruct(k, "wait_opts"));
    const child = upid > 0 ? k.tasks.byPid(upid) : undefined;
    const pid = child === undefined ? 0 : TASK.threadPid.get(k, child.address);
    OPTS.type.set(k, opts, upid === -1 ? PIDTYPE_MAX : upid > 0 ? PIDTYPE_PID : PIDTYPE_PGID);
    OPTS.pid.set(k, opts, pid);
    OPTS.flags.set(k, opts, options | 4);
    const result = yield* k.calls.callBlocking(DO_WAIT, opts);
    k.call(fn("put_pid"), pid);
    const status = recorded(k)?.status ?? OPTS.stat.get(k, opts);
    popLocals(k, mark);
    if (result > 0 && stat !== 0) {
      if (k.memory.user?.areaAt(stat) !== undefined) k.memory.store(stat, 4, status);
      else if (recorded(k) === undefined) return -EFAULT;
    }
    return result;
  },
);

function* look(
  k: Kernel,
  opts: number,
  wanted: () => readonly Task[],
): Generator<{ until?: number }, number, void> {
  const outcome = recorded(k);
  const hang = (OPTS.flags.get(k, opts) & WNOHANG) === 0;
  if (outcome !== undefined) {
    if (hang) yield* waitFor(k, () => true);
    if (outcome.ret <= 0) return outcome.ret;
    const child = k.tasks.byPid(outcome.ret);
    if (child === undefined) return outcome.ret;
    // The recording has it dead by now, even if what it does takes longer here.
    if (child.exitCode === null) child.reapsItself = true;
    else k.call(WAIT_CONSIDER_TASK, opts, 0, child.address);
    return outcome.ret;
  }
  for (;;) {
    const children = wanted();
    if (children.length === 0) return -ECHILD;
    for (const child of children) {
      const pid = k.call(WAIT_CONSIDER_TASK, opts, 0, child.address);
      if (pid !== 0) return pid;
    }
    if (!hang) return 0;
    const ready = (): boolean => wanted().some((child) => child.exitCode !== null) || wanted().length === 0;
    if (!(yield* waitFor(k, ready))) return -ERESTARTSYS;
  }
}

/** Children that fit what is waited for, oldest first. */
function eligible(k: Kernel, task: Task, opts: number): readonly Task[] {
  return task.children.filter((child) => isEligible(k, child, opts));
}

function isEligible(k: Kernel, child: Task, opts: number): boolean {
  if (OPTS.type.get(k, opts) !== PIDTYPE_PID) return true;
  const pid = OPTS.pid.get(k, opts);
  return pid !== 0 && TASK.threadPid.get(k, child.address) === pid;
}
