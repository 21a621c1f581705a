/**
 * Waiting for children: `wait4`, `waitid` and what is below them.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import { behaviour, type Blocking, blocking, fn, type FunctionRef } from "../calls/function.ts";
import { recorded } from "../fs/recorded.ts";
import type { Kernel } from "../kernel.ts";
import { ADD_WAIT_QUEUE, DEFAULT_WAKE_FUNCTION, initWaitEntry, REMOVE_WAIT_QUEUE } from "../sched/wait.ts";
import { SIGNAL, signalOf } from "../signal/fields.ts";
import {
  CLD_CONTINUED,
  CLD_DUMPED,
  CLD_EXITED,
  CLD_KILLED,
  CLD_STOPPED,
  PIDTYPE_PGID,
  PIDTYPE_PID,
  SIGCHLD,
  SIGCONT,
  SIGNAL_GROUP_EXIT,
  SIGNAL_STOP_CONTINUED,
  SIGNAL_STOP_STOPPED,
} from "../signal/numbers.ts";
import { ECHILD, EFAULT, EINVAL, ERESTARTSYS, ESRCH } from "../syscalls/errno.ts";
import { tracepoint } from "../tracing/reference.ts";
import { field, sizeOfStruct } from "./objects.ts";
import { FIND_GET_PID, PID_TASK, pidGroup, pidNumber } from "./pid.ts";
import { childrenUse, keepChildUse, storeRusage, usedSince } from "./cputime.ts";
import { RELEASE_TASK } from "./release.ts";
import { signalPending } from "./signal.ts";
import { waitsInReplay } from "./recorded_wait.ts";
import { SCHEDULE, sleep } from "./sleep.ts";
import { popLocals, pushLocal } from "./stack.ts";
import { TASK, type Task, TASK_INTERRUPTIBLE } from "./task.ts";
import { WAIT_CHLDEXIT } from "./wait_queue.ts";
import { storeUser } from "./user_store.ts";

const PROCESS_WAIT = tracepoint("sched:sched_process_wait", "comm", "pid", "prio");
const OPTS = {
  type: field("wait_opts", "wo_type"),
  flags: field("wait_opts", "wo_flags"),
  pid: field("wait_opts", "wo_pid"),
  info: field("wait_opts", "wo_info"),
  stat: field("wait_opts", "wo_stat"),
  childWait: field("wait_opts", "child_wait"),
} as const;
/** Return at once. */
export const WNOHANG = 0x1;
/** Stopped children too. */
export const WUNTRACED = 0x2;
/** Children that ended (`waitid`; `wait4` always). */
export const WEXITED = 0x4;
/** Children that go on after a stop. */
export const WCONTINUED = 0x8;
/** Leave the child as it is. */
export const WNOWAIT = 0x1000000;
const WNOTHREAD = 0x20000000;
const WALL = 0x40000000;
const WCLONE = 0x80000000;
const KNOWN_OPTIONS = (WNOHANG | WUNTRACED | WCONTINUED | WNOTHREAD | WALL | WCLONE) >>> 0;
/** `waitid`'s. */
export const WAITID_OPTIONS: number = (KNOWN_OPTIONS | WEXITED | WNOWAIT) >>> 0;
const PIDTYPE_MAX = 4;
/** `struct waitid_info`: pid, uid, status, cause. */
const INFO = { pid: 0, uid: 4, status: 8, cause: 12, size: 16 } as const;

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

/** Looks whether a child is what the caller waits for; takes its status and frees it if so. Its pid, or 0. (opts, ptrace, task) */
export const WAIT_CONSIDER_TASK: FunctionRef = behaviour(
  "wait_consider_task",
  [RELEASE_TASK],
  (k, opts = 0, _ptrace, address = 0) => {
    const task = k.tasks.byAddress(address);
    if (task === undefined || task.reaped) return 0;
    const flags = OPTS.flags.get(k, opts);
    if (task.exitCode !== null && task.threadGroup.length === 1) return reap(k, opts, task, flags);
    const group = signalOf(k, task);
    const state = SIGNAL.flags.get(k, group);
    if ((flags & WUNTRACED) !== 0 && (state & SIGNAL_STOP_STOPPED) !== 0) {
      const code = SIGNAL.groupExitCode.get(k, group);
      if (code !== 0) {
        if ((flags & WNOWAIT) === 0) SIGNAL.groupExitCode.set(k, group, 0);
        return tell(k, opts, task, code << 8 | 0x7f, CLD_STOPPED, code);
      }
    }
    if ((flags & WCONTINUED) !== 0 && (state & SIGNAL_STOP_CONTINUED) !== 0) {
      if ((flags & WNOWAIT) === 0) SIGNAL.flags.set(k, group, state & ~SIGNAL_STOP_CONTINUED);
      return tell(k, opts, task, 0xffff, CLD_CONTINUED, SIGCONT);
    }
    return 0;
  },
);

/** Waits as a `struct wait_opts` says: the child's pid, 0 (`WNOHANG`), or -errno. */
export const DO_WAIT: FunctionRef = blocking(
  "do_wait",
  [ADD_WAIT_QUEUE, PID_TASK, WAIT_CONSIDER_TASK, SCHEDULE, REMOVE_WAIT_QUEUE],
  function* (k, opts = 0) {
    const task = k.current;
    const wanted = OPTS.pid.get(k, opts);
    k.tracepoints.fire(
      PROCESS_WAIT,
      task.comm,
      wanted === 0 ? 0 : pidNumber(k, wanted),
      TASK.prio.get(k, task.address),
    );
    const head = WAIT_CHLDEXIT.at(k, TASK.signal.get(k, task.address));
    const entry = OPTS.childWait.at(k, opts);
    initWaitEntry(k, entry, CHILD_WAIT_CALLBACK, task.address);
    k.call(ADD_WAIT_QUEUE, head, entry);
    const result = recorded(k) === undefined ? yield* look(k, opts) : yield* replayed(k, opts);
    k.call(REMOVE_WAIT_QUEUE, head, entry);
    return result;
  },
);

/** `wait4`, `waitpid`: the child's pid, 0, or -errno; the wait status goes to `stat`. (upid, stat, options, ru) */
export const KERNEL_WAIT4: FunctionRef = blocking(
  "kernel_wait4",
  [FIND_GET_PID, DO_WAIT, fn("put_pid")],
  function* (k, upid = 0, stat = 0, options = 0, ru = 0) {
    if ((options & ~KNOWN_OPTIONS) !== 0) return -EINVAL;
    const before = childrenUse(k, k.current);
    if (upid === -0x80000000) return -ESRCH;
    const mark = k.current.locals;
    const opts = pushLocal(k, sizeOfStruct(k, "wait_opts"));
    const type = upid === -1 ? PIDTYPE_MAX : upid > 0 ? PIDTYPE_PID : PIDTYPE_PGID;
    setTarget(k, opts, type, Math.abs(upid));
    OPTS.flags.set(k, opts, options | WEXITED);
    const result = yield* k.calls.callBlocking(DO_WAIT, opts);
    k.call(fn("put_pid"), OPTS.pid.get(k, opts));
    const status = recorded(k)?.status ?? OPTS.stat.get(k, opts);
    popLocals(k, mark);
    if (result > 0 && stat !== 0) {
      if (!storeUser(k, stat, 4, status) && recorded(k) === undefined) return -EFAULT;
    }
    if (result > 0 && ru !== 0 && recorded(k) === undefined) {
      return storeRusage(k, ru, usedSince(before, childrenUse(k, k.current))) ? result : -EFAULT;
    }
    return result;
  },
);

/** `waitid`: a child's pid, 0, or -errno; what is to be told goes to `info`. (which, upid, info, options, ru) */
export const KERNEL_WAITID: FunctionRef = blocking(
  "kernel_waitid",
  [FIND_GET_PID, DO_WAIT, fn("put_pid")],
  function* (k, which = 0, upid = 0, info = 0, options = 0, _ru) {
    if ((options & ~WAITID_OPTIONS) !== 0) return -EINVAL;
    if ((options & (WEXITED | WUNTRACED | WCONTINUED)) === 0) return -EINVAL;
    const mark = k.current.locals;
    const opts = pushLocal(k, sizeOfStruct(k, "wait_opts"));
    const type = [PIDTYPE_MAX, PIDTYPE_PID, PIDTYPE_PGID, PIDTYPE_PID][which];
    if (type === undefined || (which === 1 && upid <= 0) || (which === 2 && upid < 0)) return -EINVAL;
    setTarget(k, opts, type, upid);
    OPTS.flags.set(k, opts, options);
    OPTS.info.set(k, opts, info);
    const result = yield* k.calls.callBlocking(DO_WAIT, opts);
    k.call(fn("put_pid"), OPTS.pid.get(k, opts));
    popLocals(k, mark);
    return result;
  },
);

/** Room for a `struct waitid_info` on the kernel stack. */
export function waitidInfo(k: Kernel): Addr {
  return pushLocal(k, INFO.size);
}

/** What `waitid` was told. */
export function readWaitidInfo(
  k: Kernel,
  at: Addr,
): { readonly pid: number; readonly uid: number; readonly status: number; readonly cause: number } {
  const word = (offset: number): number => k.memory.load(at + offset, 4, true);
  return { pid: word(INFO.pid), uid: word(INFO.uid), status: word(INFO.status), cause: word(INFO.cause) };
}

function setTarget(k: Kernel, opts: Addr, type: number, nr: number): void {
  OPTS.type.set(k, opts, type);
  const pid = type === PIDTYPE_MAX
    ? 0
    : type === PIDTYPE_PGID && nr === 0
    ? pidGroup(k, k.current, PIDTYPE_PGID)
    : k.call(FIND_GET_PID, nr);
  OPTS.pid.set(k, opts, pid);
}

/** In a replay the child that was found is gone then, and the call ends when it did. */
function* replayed(k: Kernel, opts: number): Blocking<number> {
  const outcome = recorded(k);
  if (outcome === undefined) return 0;
  const nr = outcome.ret > 0 ? outcome.ret : outcome.child ?? 0;
  const dead = nr > 0 && k.tasks.byPid(nr)?.exitCode != null;
  // The first look, which finds it alive.
  const early = !dead ? eligible(k, k.current, opts, OPTS.flags.get(k, opts)) : [];
  consider(k, opts, early.filter((child) => child.exitCode === null));
  if ((OPTS.flags.get(k, opts) & WNOHANG) === 0 && waitsInReplay(k, dead)) {
    yield* sleep(k, "recorded", TASK_INTERRUPTIBLE, SCHEDULE);
  }
  const child = nr > 0 ? k.tasks.byPid(nr) : undefined;
  if (outcome.ret < 0 || child === undefined) return outcome.ret;
  const stopped = outcome.status !== undefined &&
    ((outcome.status & 0xff) === 0x7f || outcome.status === 0xffff);
  if (stopped) return outcome.ret;
  // The recording has it dead by now, even if what it does takes longer here.
  if (child.exitCode === null) child.reapsItself = true;
  else consider(k, opts, [child]);
  return outcome.ret;
}

function* look(k: Kernel, opts: number): Blocking<number> {
  const task = k.current;
  const flags = OPTS.flags.get(k, opts);
  for (;;) {
    task.state = TASK_INTERRUPTIBLE;
    const children = eligible(k, task, opts, flags);
    let found = children.length === 0 ? -ECHILD : consider(k, opts, children);
    if (found === 0 && (flags & WNOHANG) === 0) {
      if (!signalPending(k, task)) {
        yield* sleep(k, {}, TASK_INTERRUPTIBLE, SCHEDULE);
        continue;
      }
      found = -ERESTARTSYS;
    }
    task.state = 0;
    return found;
  }
}

/** Looks at children until one is found: its pid, or 0. A single one is looked up by its pid, as a process and as a task. */
function consider(k: Kernel, opts: number, children: readonly Task[]): number {
  const single = OPTS.type.get(k, opts) === PIDTYPE_PID;
  if (single && children.length > 0) k.call(PID_TASK, OPTS.pid.get(k, opts), 1);
  for (const child of children) {
    const found = k.call(WAIT_CONSIDER_TASK, opts, 0, child.address);
    if (found !== 0) return found;
  }
  if (single && children.length > 0) k.call(PID_TASK, OPTS.pid.get(k, opts), PIDTYPE_PID);
  return 0;
}

/** Children of the process that fit what is waited for, oldest first. */
function eligible(k: Kernel, task: Task, opts: number, flags: number): readonly Task[] {
  const parents = (flags & WNOTHREAD) !== 0 ? [task] : task.threadGroup;
  return parents.flatMap((parent) => parent.children).filter((child) => isEligible(k, child, opts));
}

function isEligible(k: Kernel, child: Task, opts: number): boolean {
  const type = OPTS.type.get(k, opts);
  const wanted = OPTS.pid.get(k, opts);
  if (type === PIDTYPE_PID && TASK.threadPid.get(k, child.address) !== wanted) return false;
  if (type === PIDTYPE_PGID && pidGroup(k, child, PIDTYPE_PGID) !== wanted) return false;
  const flags = OPTS.flags.get(k, opts);
  if ((flags & WALL) !== 0) return true;
  return (TASK.exitSignal.get(k, child.address) !== SIGCHLD) === ((flags & WCLONE) !== 0);
}

function reap(k: Kernel, opts: number, task: Task, flags: number): number {
  if ((flags & WEXITED) === 0) return 0;
  const group = signalOf(k, task);
  const together = (SIGNAL.flags.get(k, group) & SIGNAL_GROUP_EXIT) !== 0;
  const status = together && !task.replayed ? SIGNAL.groupExitCode.get(k, group) : task.exitCode ?? 0;
  const cause = (status & 0x80) !== 0 ? CLD_DUMPED : (status & 0x7f) !== 0 ? CLD_KILLED : CLD_EXITED;
  const pid = tell(k, opts, task, status, cause, cause === CLD_EXITED ? status >> 8 : status & 0x7f);
  if ((flags & WNOWAIT) === 0) {
    keepChildUse(k, k.current, task);
    k.call(RELEASE_TASK, task.address);
  }
  return pid;
}

function tell(k: Kernel, opts: number, task: Task, stat: number, cause: number, status: number): number {
  OPTS.stat.set(k, opts, stat);
  const info = OPTS.info.get(k, opts);
  if (info !== 0) {
    k.memory.store(info + INFO.pid, 4, task.pid);
    k.memory.store(info + INFO.uid, 4, task.uid);
    k.memory.store(info + INFO.status, 4, status);
    k.memory.store(info + INFO.cause, 4, cause);
  }
  return task.pid;
}
