/**
 * New tasks: `kernel/fork.c`.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import { behaviour, blocking, fn, type FunctionRef } from "../calls/function.ts";
import type { Kernel } from "../kernel.ts";
import { recorded } from "../fs/recorded.ts";
import { EAGAIN, EINVAL } from "../syscalls/errno.ts";
import { tracepoint } from "../tracing/reference.ts";
import { field, sizeOfStruct } from "./objects.ts";
import { WAIT_FOR_COMPLETION_STATE, waitFor } from "./sleep.ts";
import { popLocals, pushLocal } from "./stack.ts";
import { TASK, type Task } from "./task.ts";

const ARGS = {
  flags: field("kernel_clone_args", "flags"),
  exitSignal: field("kernel_clone_args", "exit_signal"),
  stack: field("kernel_clone_args", "stack"),
  childTid: field("kernel_clone_args", "child_tid"),
  parentTid: field("kernel_clone_args", "parent_tid"),
} as const;

/** Shares memory. */
export const CLONE_VM = 0x100;
/** Shares root and current directory. */
export const CLONE_FS = 0x200;
/** Shares the descriptor table. */
export const CLONE_FILES = 0x400;
/** The parent waits until the child calls execve or exits. */
export const CLONE_VFORK = 0x4000;
/** The child's parent is the caller's. */
export const CLONE_PARENT = 0x8000;
/** A thread of the same process. */
export const CLONE_THREAD = 0x10000;
/** Stores the child's pid at `parent_tid`. */
export const CLONE_PARENT_SETTID = 0x100000;

const NEWTASK = tracepoint("task:task_newtask", "pid", "comm", "clone_flags", "oom_score_adj");
const FORK = tracepoint("sched:sched_process_fork", "parent_comm", "parent_pid", "child_comm", "child_pid");
const WAKEUP_NEW = tracepoint("sched:sched_wakeup_new", "comm", "pid", "prio", "target_cpu");

/** What `clone` and its relatives ask for. */
export interface CloneRequest {
  readonly flags: number;
  readonly exitSignal: number;
  readonly stack?: number;
  readonly childTid?: number;
  readonly parentTid?: number;
}

/** Makes a copy of the current task: its `task_struct`, or -errno. It does not run yet. */
export const COPY_PROCESS: FunctionRef = behaviour(
  "copy_process",
  [],
  (k, _pid, _trace, _node, args = 0) => {
    const flags = ARGS.flags.get(k, args);
    const outcome = recorded(k);
    if (outcome !== undefined && outcome.ret < 0) return outcome.ret;
    if ((flags & CLONE_THREAD) !== 0 && (flags & CLONE_VM) === 0) return -EINVAL;
    const pid = pidFor(k, outcome?.ret);
    const parent = k.current;
    const fork = {
      vm: (flags & CLONE_VM) !== 0,
      files: (flags & CLONE_FILES) !== 0,
      fs: (flags & CLONE_FS) !== 0,
    };
    let child: Task;
    try {
      child = (flags & CLONE_THREAD) !== 0
        ? k.tasks.create({ pid, threadOf: parent, fork, cpu: parent.cpu, comm: parent.comm })
        : k.tasks.create({
          pid,
          parent: (flags & CLONE_PARENT) !== 0 ? parent.parent ?? parent : parent,
          fork,
          cpu: parent.cpu,
          comm: parent.comm,
          uid: parent.uid,
          gid: parent.gid,
          source: parent,
        });
    } catch (error) {
      if (error instanceof RangeError) return -EAGAIN;
      throw error;
    }
    TASK.exitSignal.set(k, child.address, (flags & CLONE_THREAD) !== 0 ? -1 : ARGS.exitSignal.get(k, args));
    // The child's user registers are the parent's, but for the result.
    k.memory.writeBytes(child.userRegs, k.memory.readBytes(parent.userRegs, k.arch.regsSize));
    if ((flags & CLONE_VFORK) !== 0) child.vforkParent = parent;
    k.tracepoints.fire(NEWTASK, child.pid, child.comm, flags, 0);
    return child.address;
  },
);

/** Lets a new task run for the first time. */
export const WAKE_UP_NEW_TASK: FunctionRef = behaviour("wake_up_new_task", [], (k, address = 0) => {
  const child = k.tasks.byAddress(address);
  if (child === undefined) return Number.NaN;
  k.tracepoints.fire(WAKEUP_NEW, child.comm, child.pid, TASK.prio.get(k, address), child.cpu);
  k.tasks.onNewTask?.(child);
  return Number.NaN;
});

/** The `struct pid` of a task. */
export const GET_TASK_PID: FunctionRef = behaviour(
  "get_task_pid",
  [],
  (k, task = 0) => TASK.threadPid.get(k, task),
);

const PID_NUMBERS = field("pid", "numbers");

/** The number of a `struct pid` as the current task sees it. */
export const PID_VNR: FunctionRef = behaviour(
  "pid_vnr",
  [],
  (k, pid = 0) => pid === 0 ? 0 : k.memory.load(PID_NUMBERS.at(k, pid), 4, true),
);

/** `fork`, `vfork`, `clone`, `clone3`: the child's pid, or -errno. */
export const KERNEL_CLONE: FunctionRef = blocking(
  "kernel_clone",
  [COPY_PROCESS, GET_TASK_PID, PID_VNR, WAKE_UP_NEW_TASK, WAIT_FOR_COMPLETION_STATE, fn("put_pid")],
  function* (k, args = 0) {
    const flags = ARGS.flags.get(k, args);
    const address = k.call(COPY_PROCESS, 0, 0, -1, args);
    const child = k.tasks.byAddress(address);
    if (child === undefined) return address;
    k.tracepoints.fire(FORK, k.current.comm, k.current.pid, child.comm, child.pid);
    const pid = k.call(GET_TASK_PID, address, 0);
    const nr = k.call(PID_VNR, pid);
    if ((flags & CLONE_PARENT_SETTID) !== 0) {
      const at = ARGS.parentTid.get(k, args);
      if (k.memory.user?.areaAt(at) !== undefined) k.memory.store(at, 4, nr);
    }
    k.call(WAKE_UP_NEW_TASK, address);
    if ((flags & CLONE_VFORK) !== 0) {
      yield* waitFor(k, () => child.vforkParent === null, undefined, WAIT_FOR_COMPLETION_STATE);
    }
    k.call(fn("put_pid"), pid);
    return nr;
  },
);

/** A `struct kernel_clone_args` in the current kernel stack. */
export function cloneArgs(k: Kernel, request: CloneRequest): Addr {
  const args = pushLocal(k, sizeOfStruct(k, "kernel_clone_args"));
  ARGS.flags.set(k, args, request.flags);
  ARGS.exitSignal.set(k, args, request.exitSignal);
  ARGS.stack.set(k, args, request.stack ?? 0);
  ARGS.childTid.set(k, args, request.childTid ?? 0);
  ARGS.parentTid.set(k, args, request.parentTid ?? 0);
  return args;
}

/** Runs `kernel_clone` for a request. */
export function* clone(k: Kernel, request: CloneRequest): Generator<{ until?: number }, number, void> {
  const mark = k.current.locals;
  const pid = yield* k.calls.callBlocking(KERNEL_CLONE, cloneArgs(k, request));
  popLocals(k, mark);
  return pid;
}

/** Tells a vfork parent that it can go on. */
export function completeVfork(k: Kernel, task: Task): void {
  const parent = task.vforkParent;
  if (parent === null) return;
  task.vforkParent = null;
  k.scheduler.wake(parent);
}

/** The recorded pid, or the next free one. A recorded pid that a dead task still has is taken over. */
function pidFor(k: Kernel, wanted: number | undefined): number {
  if (wanted === undefined || wanted <= 0) return k.tasks.nextPid();
  const holder = k.tasks.byPid(wanted);
  if (holder === undefined) return wanted;
  if (holder.exitCode !== null) {
    k.tasks.release(holder);
    return wanted;
  }
  k.syscalls.warn(
    `${k.current.comm} (${k.current.pid}) is recorded to make process ${wanted}, which ${holder.comm} still is`,
  );
  return k.tasks.nextPid();
}
