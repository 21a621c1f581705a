/**
 * New tasks: `kernel/fork.c`.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import { DUP_MMAP } from "../mm/dup_mmap.ts";
import { behaviour, blocking, fn, type FunctionRef } from "../calls/function.ts";
import type { Kernel } from "../kernel.ts";
import { recorded } from "../fs/recorded.ts";
import { initCompletion, waitForCompletion } from "../sched/completion.ts";
import { inheritPolicy } from "../sched/policy.ts";
import { fireWakeupNew } from "../sched/tracepoints.ts";
import { WAKES_NEW, wakeUpNewTask } from "../sched/wake_up.ts";
import { TASK_SIGNAL } from "../signal/fields.ts";
import { RECALC_SIGPENDING } from "../signal/pending.ts";
import { EAGAIN, EINVAL, ERESTARTNOINTR } from "../syscalls/errno.ts";
import { setResult, setStackPointer } from "../syscalls/registers.ts";
import { tracepoint } from "../tracing/reference.ts";
import { field, sizeOfStruct } from "./objects.ts";
import { CLEAR_CHILD_TID, SET_CHILD_TID, VFORK_DONE } from "./mm_release.ts";
import { PIDFD_PREPARE } from "./pidfd_file.ts";
import { limitOf, RLIMIT_NPROC } from "./rlimit.ts";
import { copyCred } from "./cred.ts";
import { WAIT_FOR_COMPLETION_STATE } from "./sleep.ts";
import { popLocals, pushLocal } from "./stack.ts";
import { TASK, type Task, TASK_UNINTERRUPTIBLE, TASK_WAKEKILL } from "./task.ts";
import { storeUser } from "./user_store.ts";

const ARGS = {
  flags: field("kernel_clone_args", "flags"),
  exitSignal: field("kernel_clone_args", "exit_signal"),
  stack: field("kernel_clone_args", "stack"),
  stackSize: field("kernel_clone_args", "stack_size"),
  pidfd: field("kernel_clone_args", "pidfd"),
  tls: field("kernel_clone_args", "tls"),
  childTid: field("kernel_clone_args", "child_tid"),
  parentTid: field("kernel_clone_args", "parent_tid"),
} as const;

/** Shares memory. */
export const CLONE_VM = 0x100;
/** Shares root and current directory. */
export const CLONE_FS = 0x200;
/** Shares the descriptor table. */
export const CLONE_FILES = 0x400;
/** Shares the handlers of signals. */
export const CLONE_SIGHAND = 0x800;
/** Makes a descriptor for the child. */
export const CLONE_PIDFD = 0x1000;
/** The parent waits until the child calls execve or exits. */
export const CLONE_VFORK = 0x4000;
/** The child's parent is the caller's. */
export const CLONE_PARENT = 0x8000;
/** A thread of the same process. */
export const CLONE_THREAD = 0x10000;
/** Stores the child's pid at `parent_tid`. */
export const CLONE_PARENT_SETTID = 0x100000;

/** Clears the child's id in its memory when it leaves that, and wakes who waits there. */
export const CLONE_CHILD_CLEARTID = 0x200000;
/** Stores the child's pid at `child_tid` in its memory. */
export const CLONE_CHILD_SETTID = 0x1000000;
const CLONE_NEWNS = 0x20000;
const CLONE_NEWUSER = 0x10000000;

const NEWTASK = tracepoint("task:task_newtask", "pid", "comm", "clone_flags", "oom_score_adj");
const FORK = tracepoint("sched:sched_process_fork", "parent_comm", "parent_pid", "child_comm", "child_pid");

const DUP_FD = fn("dup_fd");
const COPY_FS_STRUCT = fn("copy_fs_struct");
const ATTACH_PID = fn("attach_pid");
const TASK_JOIN_GROUP_STOP = fn("task_join_group_stop");

/** What `clone` and its relatives ask for. */
export interface CloneRequest {
  readonly flags: number;
  readonly exitSignal: number;
  /** Lowest address of the child's user stack with `stackSize`, else its end. */
  readonly stack?: number;
  readonly stackSize?: number;
  readonly pidfd?: number;
  readonly tls?: number;
  readonly childTid?: number;
  readonly parentTid?: number;
}

/** Makes a copy of the current task: its `task_struct`, or -errno. It does not run yet. (pid, trace, node, args) */
export const COPY_PROCESS: FunctionRef = behaviour(
  "copy_process",
  [
    RECALC_SIGPENDING,
    DUP_FD,
    COPY_FS_STRUCT,
    DUP_MMAP,
    PIDFD_PREPARE,
    TASK_JOIN_GROUP_STOP,
    ATTACH_PID,
  ],
  (k, _pid, _trace, _node, args = 0) => {
    const flags = ARGS.flags.get(k, args);
    const outcome = recorded(k);
    if (outcome !== undefined && outcome.ret < 0) return outcome.ret;
    const parent = k.current;
    const error = outcome === undefined ? refusal(k, parent, flags) : 0;
    if (error !== 0) return error;
    k.call(RECALC_SIGPENDING);
    if (outcome === undefined && parent.sigPending) return -ERESTARTNOINTR;
    const pid = pidFor(k, outcome?.ret);
    const thread = (flags & CLONE_THREAD) !== 0;
    const fork = {
      vm: (flags & CLONE_VM) !== 0,
      files: (flags & CLONE_FILES) !== 0,
      fs: (flags & CLONE_FS) !== 0,
    };
    const common = { pid, fork, cpu: parent.cpu, comm: parent.comm };
    // What is not shared is copied.
    if (!fork.files) k.call(DUP_FD, parent.files);
    if (!fork.fs) k.call(COPY_FS_STRUCT, parent.fs);
    if (!fork.vm && parent.mm !== 0) k.call(DUP_MMAP, Number.NaN, parent.mm);
    let child: Task;
    try {
      child = thread ? k.tasks.create({ ...common, threadOf: parent }) : k.tasks.create({
        ...common,
        parent: (flags & CLONE_PARENT) !== 0 ? parent.parent ?? parent : parent,
        sharesHandlers: (flags & CLONE_SIGHAND) !== 0,
        uid: parent.uid,
        gid: parent.gid,
        source: parent,
      });
    } catch (error) {
      if (error instanceof RangeError) return -EAGAIN;
      throw error;
    }
    copyCred(k, parent, child);
    const inherited = (flags & CLONE_PARENT) !== 0
      ? TASK.exitSignal.get(k, parent.leader.address)
      : ARGS.exitSignal.get(k, args);
    TASK.exitSignal.set(k, child.address, thread ? -1 : inherited);
    // The child's user registers are the parent's, but for the result.
    k.memory.writeBytes(child.userRegs, k.memory.readBytes(parent.userRegs, k.arch.regsSize));
    setResult(k, child, 0);
    const stack = ARGS.stack.get(k, args);
    if (stack !== 0) setStackPointer(k, child, stack + ARGS.stackSize.get(k, args));
    const childTid = ARGS.childTid.get(k, args);
    SET_CHILD_TID.set(k, child.address, (flags & CLONE_CHILD_SETTID) !== 0 ? childTid : 0);
    CLEAR_CHILD_TID.set(k, child.address, (flags & CLONE_CHILD_CLEARTID) !== 0 ? childTid : 0);
    // The alternate stack stays where memory is not shared, or not for long.
    if ((flags & (CLONE_VM | CLONE_VFORK)) !== CLONE_VM) copyAltStack(k, parent, child);
    if ((flags & CLONE_PIDFD) !== 0) {
      const fd = k.call(PIDFD_PREPARE, TASK.threadPid.get(k, child.address), 0, 0);
      const at = ARGS.pidfd.get(k, args);
      storeUser(k, at, 4, fd);
    }
    if (thread) k.call(TASK_JOIN_GROUP_STOP, child.address);
    // A thread is in the table by its own id only, a process by its group's and session's too.
    for (const type of thread ? [0] : [1, 2, 3, 0]) k.call(ATTACH_PID, child.address, type);
    inheritPolicy(k, parent, child);
    k.tracepoints.fire(NEWTASK, child.pid, child.comm, flags, 0);
    return child.address;
  },
);

/** What a combination of flags, or a limit, forbids; 0 for nothing. */
function refusal(k: Kernel, parent: Task, flags: number): number {
  const has = (bit: number): boolean => (flags & bit) !== 0;
  if (has(CLONE_FS) && (has(CLONE_NEWNS) || has(CLONE_NEWUSER))) return -EINVAL;
  if (has(CLONE_THREAD) && !has(CLONE_SIGHAND)) return -EINVAL;
  if (has(CLONE_SIGHAND) && !has(CLONE_VM)) return -EINVAL;
  if (has(CLONE_PARENT) && parent === k.tasks.init) return -EINVAL;
  if (has(CLONE_PIDFD) && has(CLONE_THREAD)) return -EINVAL;
  if (parent.uid === 0) return 0;
  let tasks = 0;
  for (const task of k.tasks.each()) if (task.uid === parent.uid) tasks++;
  return tasks >= limitOf(k, parent, RLIMIT_NPROC) ? -EAGAIN : 0;
}

function copyAltStack(k: Kernel, parent: Task, child: Task): void {
  for (const part of [TASK_SIGNAL.altSp, TASK_SIGNAL.altSize, TASK_SIGNAL.altFlags]) {
    part.set(k, child.address, part.get(k, parent.address));
  }
}

/** Lets a new task run for the first time. */
export const WAKE_UP_NEW_TASK: FunctionRef = behaviour("wake_up_new_task", WAKES_NEW, (k, address = 0) => {
  const child = k.tasks.byAddress(address);
  if (child === undefined) return Number.NaN;
  storeChildTid(k, child);
  const { scheduler } = k;
  scheduler.newborn = child;
  k.tasks.onNewTask?.(child);
  scheduler.newborn = null;
  // Nothing tells what a task without a program does.
  if (scheduler.has(child)) wakeUpNewTask(k, child);
  else fireWakeupNew(k, child);
  return Number.NaN;
});

/** What the child does first of all (`schedule_tail`): its memory learns its id. */
function storeChildTid(k: Kernel, child: Task): void {
  const at = SET_CHILD_TID.get(k, child.address);
  if (at === 0) return;
  const { user } = k.memory;
  k.memory.user = child.userSpace;
  storeUser(k, at, 4, child.pid);
  k.memory.user = user;
}

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
      storeUser(k, at, 4, nr);
    }
    const mark = k.current.locals;
    const vfork = (flags & CLONE_VFORK) === 0 ? 0 : pushLocal(k, sizeOfStruct(k, "completion"));
    if (vfork !== 0) {
      initCompletion(k, vfork);
      VFORK_DONE.set(k, address, vfork);
    }
    k.call(WAKE_UP_NEW_TASK, address);
    if (vfork !== 0) {
      const state = TASK_UNINTERRUPTIBLE | TASK_WAKEKILL;
      const error = yield* waitForCompletion(k, vfork, state, WAIT_FOR_COMPLETION_STATE);
      // Killed, or in a replay before the child was done: nobody looks there any more.
      const alive = k.tasks.byAddress(address) === child && VFORK_DONE.get(k, address) === vfork;
      if (alive && (error !== 0 || recorded(k) !== undefined)) VFORK_DONE.set(k, address, 0);
    }
    popLocals(k, mark);
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
  ARGS.stackSize.set(k, args, request.stackSize ?? 0);
  ARGS.pidfd.set(k, args, request.pidfd ?? 0);
  ARGS.tls.set(k, args, request.tls ?? 0);
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

/** The recorded pid, or the next free one. A recorded pid that a dead task still has is taken over. */
function pidFor(k: Kernel, wanted: number | undefined): number {
  if (wanted === undefined || wanted <= 0) return k.tasks.nextPid();
  k.tasks.makeRoom(wanted);
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
