/**
 * Sending signals: `__send_signal_locked`, `complete_signal` and what is around them.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import { behaviour, type FunctionRef } from "../calls/function.ts";
import type { Kernel } from "../kernel.ts";
import { popLocals, pushLocal } from "../process/stack.ts";
import { PF_EXITING, PF_KTHREAD, TASK, type Task, TASK_STOPPED_STATE } from "../process/task.ts";
import { WAKE_UP_STATE } from "../sched/wake_up.ts";
import { waitQueueActive, WAKE_UP } from "../sched/wait.ts";
import { tracepoint } from "../tracing/reference.ts";
import { EAGAIN, ESRCH } from "../syscalls/errno.ts";
import {
  actionOf,
  blockedOf,
  handlerOf,
  pendingSet,
  privatePending,
  readSet,
  sharedPending,
  SIGACTION,
  SIGHAND,
  SIGNAL,
  signalOf,
  SIGQUEUE,
  TASK_SIGNAL,
} from "./fields.ts";
import {
  inSet,
  JOBCTL_PENDING_MASK,
  JOBCTL_STOP_PENDING,
  JOBCTL_STOPPED,
  PIDTYPE_PID,
  SEND_SIG_NOINFO,
  SEND_SIG_PRIV,
  SI_KERNEL,
  SI_USER,
  SIG_DFL,
  SIG_IGN,
  SIG_KERNEL_COREDUMP,
  SIG_KERNEL_IGNORE,
  SIG_KERNEL_ONLY,
  SIG_KERNEL_STOP,
  SIGCONT,
  SIGKILL,
  sigmask,
  SIGNAL_CLD_CONTINUED,
  SIGNAL_CLD_STOPPED,
  SIGNAL_GROUP_EXIT,
  SIGNAL_STOP_CONTINUED,
  SIGNAL_STOP_MASK,
  SIGNAL_STOP_STOPPED,
  SIGNAL_UNKILLABLE,
  SIGRTMIN,
} from "./numbers.ts";
import { enqueue, flushPending, markPending, SIGQUEUE_ALLOC } from "./pending.ts";
import { siCode, siErrno, type Siginfo, siginfoSize, writeSiginfo } from "./siginfo.ts";
import { signalWakeUp, WAKES } from "./wake.ts";

const GENERATE = tracepoint(
  "signal:signal_generate",
  "sig",
  "errno",
  "code",
  "comm",
  "pid",
  "group",
  "result",
);
/** `result` of the tracepoint. */
const DELIVERED = 0;
const IGNORED = 1;
const ALREADY_PENDING = 2;
const OVERFLOW_FAIL = 3;
const LOSE_INFO = 4;
const GFP_ATOMIC = 0xa20;

/** Whether a task takes notice of a signal at all; stops and SIGCONT undo one another here. (sig, task, force) */
export const PREPARE_SIGNAL: FunctionRef = behaviour(
  "prepare_signal",
  [WAKE_UP_STATE],
  (k, signal = 0, address = 0, force = 0) => {
    const task = k.tasks.byAddress(address);
    if (task === undefined) return 0;
    const group = signalOf(k, task);
    const flags = SIGNAL.flags.get(k, group);
    if ((flags & SIGNAL_GROUP_EXIT) === 0) {
      if (inSet(SIG_KERNEL_STOP, signal)) flushGroup(k, task, sigmask(SIGCONT));
      else if (signal === SIGCONT) {
        flushGroup(k, task, SIG_KERNEL_STOP);
        for (const thread of k.tasks.threads(task)) {
          const jobctl = TASK_SIGNAL.jobctl.get(k, thread.address);
          TASK_SIGNAL.jobctl.set(k, thread.address, jobctl & ~(JOBCTL_STOP_PENDING | JOBCTL_STOPPED));
          k.call(WAKE_UP_STATE, thread.address, TASK_STOPPED_STATE);
        }
        const stopped = (flags & SIGNAL_STOP_STOPPED) !== 0;
        if (stopped || SIGNAL.groupStopCount.get(k, group) > 0) {
          const why = stopped ? SIGNAL_CLD_CONTINUED : SIGNAL_CLD_STOPPED;
          SIGNAL.flags.set(k, group, flags & ~SIGNAL_STOP_MASK | why | SIGNAL_STOP_CONTINUED);
          SIGNAL.groupStopCount.set(k, group, 0);
          SIGNAL.groupExitCode.set(k, group, 0);
        }
      }
    }
    return ignores(k, task, signal, force !== 0) ? 0 : 1;
  },
);

/** Finds the thread that takes a signal and wakes it; a fatal one ends the whole process. (sig, task, type) */
export const COMPLETE_SIGNAL: FunctionRef = behaviour(
  "complete_signal",
  WAKES,
  (k, signal = 0, address = 0, type = 0) => {
    const task = k.tasks.byAddress(address);
    if (task === undefined) return Number.NaN;
    const threads = k.tasks.threads(task);
    const target = wants(k, task, signal)
      ? task
      : type === PIDTYPE_PID
      ? undefined
      : threads.find((thread) => wants(k, thread, signal));
    if (target === undefined) return Number.NaN;
    const group = signalOf(k, task);
    const fatal = !inSet(SIG_KERNEL_IGNORE | SIG_KERNEL_STOP, signal) &&
      handlerOf(k, address, signal) === SIG_DFL &&
      (SIGNAL.flags.get(k, group) & SIGNAL_GROUP_EXIT) === 0 &&
      !inSet(readSet(k, TASK_SIGNAL.realBlocked.at(k, target.address)), signal) &&
      !inSet(SIG_KERNEL_COREDUMP, signal) && (signal === SIGKILL || !task.replayed);
    if (fatal) {
      SIGNAL.flags.set(k, group, SIGNAL_GROUP_EXIT);
      SIGNAL.groupExitCode.set(k, group, signal);
      SIGNAL.groupStopCount.set(k, group, 0);
      for (const thread of threads) killThread(k, thread);
      return Number.NaN;
    }
    signalWakeUp(k, target, signal === SIGKILL);
    return Number.NaN;
  },
);

/** Leaves SIGKILL with a thread and wakes it. */
export function killThread(k: Kernel, thread: Task): void {
  const { address } = thread;
  TASK_SIGNAL.jobctl.set(k, address, TASK_SIGNAL.jobctl.get(k, address) & ~JOBCTL_PENDING_MASK);
  markPending(k, privatePending(k, address), SIGKILL);
  signalWakeUp(k, thread, true);
}

/** Queues a signal. (sig, info, task, type, force) */
export const SEND_SIGNAL_LOCKED_INNER: FunctionRef = behaviour(
  "__send_signal_locked",
  [PREPARE_SIGNAL, SIGQUEUE_ALLOC, WAKE_UP, COMPLETE_SIGNAL],
  (k, signal = 0, info = 0, address = 0, type = 0, force = 0) => {
    const task = k.tasks.byAddress(address);
    if (task === undefined) return -ESRCH;
    const special = info === SEND_SIG_NOINFO || info === SEND_SIG_PRIV;
    let result = IGNORED;
    let error = 0;
    if (k.call(PREPARE_SIGNAL, signal, address, force) !== 0) {
      const pending = type === PIDTYPE_PID ? privatePending(k, address) : sharedPending(k, address);
      if (signal < SIGRTMIN && inSet(pendingSet(k, pending), signal)) result = ALREADY_PENDING;
      else {
        result = DELIVERED;
        let queued = true;
        if (signal !== SIGKILL && (TASK.flags.get(k, address) & PF_KTHREAD) === 0) {
          const override = signal < SIGRTMIN ? (special || siCode(k, info) >= 0 ? 1 : 0) : 0;
          const entry = k.call(SIGQUEUE_ALLOC, signal, address, GFP_ATOMIC, override, 0);
          if (entry !== 0) {
            const at = SIGQUEUE.info.at(k, entry);
            if (special) writeSiginfo(k, at, specialInfo(k, signal, info));
            else k.memory.writeBytes(at, k.memory.readBytes(info, siginfoSize(k)));
            enqueue(k, pending, entry);
          } else if (!special && signal >= SIGRTMIN && siCode(k, info) !== SI_USER) {
            result = OVERFLOW_FAIL;
            error = -EAGAIN;
            queued = false;
          } else result = LOSE_INFO;
        }
        if (queued) {
          const wqh = SIGHAND.signalfdWqh.at(k, TASK.sighand.get(k, address));
          if (waitQueueActive(k, wqh)) k.call(WAKE_UP, wqh, 1, 1, 1);
          markPending(k, pending, signal);
          k.call(COMPLETE_SIGNAL, signal, address, type);
        }
      }
    }
    if (k.tracepoints.enabled(GENERATE)) {
      const [errno, code] = special
        ? [0, info === SEND_SIG_NOINFO ? SI_USER : SI_KERNEL]
        : [siErrno(k, info), siCode(k, info)];
      const group = type === PIDTYPE_PID ? 0 : 1;
      k.tracepoints.fire(GENERATE, signal, errno, code, task.comm, task.pid, group, result);
    }
    return error;
  },
);

/** The same, with the sender's ids as the receiver's namespaces see them. (sig, info, task, type) */
export const SEND_SIGNAL_LOCKED: FunctionRef = behaviour(
  "send_signal_locked",
  [SEND_SIGNAL_LOCKED_INNER],
  (k, signal = 0, info = 0, address = 0, type = 0) => {
    const special = info === SEND_SIG_NOINFO || info === SEND_SIG_PRIV;
    const force = info === SEND_SIG_PRIV || (!special && siCode(k, info) > 0) ? 1 : 0;
    if (special) return k.call(SEND_SIGNAL_LOCKED_INNER, signal, info, address, type, force);
    const mark = k.current.locals;
    const copy = pushLocal(k, siginfoSize(k));
    k.memory.writeBytes(copy, k.memory.readBytes(info, siginfoSize(k)));
    const error = k.call(SEND_SIGNAL_LOCKED_INNER, signal, copy, address, type, force);
    popLocals(k, mark);
    return error;
  },
);

/** Sends a signal to a task or its process: 0 or -errno. (sig, info, task, type) */
export const DO_SEND_SIG_INFO: FunctionRef = behaviour(
  "do_send_sig_info",
  [SEND_SIGNAL_LOCKED],
  (k, signal = 0, info = 0, address = 0, type = 0) => {
    const task = k.tasks.byAddress(address);
    // A process that was reaped has no signals any more.
    if (task === undefined || task.reaped) return -ESRCH;
    return k.call(SEND_SIGNAL_LOCKED, signal, info, address, type);
  },
);

/** A signal from inside the kernel. (sig, info, task) */
export const SEND_SIG_INFO: FunctionRef = behaviour(
  "send_sig_info",
  [DO_SEND_SIG_INFO],
  (k, signal = 0, info = 0, address = 0) => k.call(DO_SEND_SIG_INFO, signal, info, address, PIDTYPE_PID),
);

/** The same with nothing to tell. (sig, task, priv) */
export const SEND_SIG: FunctionRef = behaviour(
  "send_sig",
  [SEND_SIG_INFO],
  (k, signal = 0, address = 0, priv = 0) =>
    k.call(SEND_SIG_INFO, signal, priv !== 0 ? SEND_SIG_PRIV : SEND_SIG_NOINFO, address),
);

/** A signal that the task cannot escape: what blocks or ignores it is undone. (info, task, handler) */
export const FORCE_SIG_INFO_TO_TASK: FunctionRef = behaviour(
  "force_sig_info_to_task",
  [SEND_SIGNAL_LOCKED],
  (k, info = 0, address = 0) => {
    const signal = k.memory.load(info, 4, true);
    const action = actionOf(k, address, signal);
    const blocked = blockedOf(k, address);
    const ignored = SIGACTION.handler.get(k, action) === SIG_IGN;
    if (ignored || inSet(blocked, signal)) {
      SIGACTION.handler.set(k, action, SIG_DFL);
      k.memory.writeBig(TASK_SIGNAL.blocked.at(k, address), 8, blocked & ~sigmask(signal));
    }
    const error = k.call(SEND_SIGNAL_LOCKED, signal, info, address, PIDTYPE_PID);
    const task = k.tasks.byAddress(address);
    if (task !== undefined && !task.sigPending) signalWakeUp(k, task, false);
    return error;
  },
);

/** `force_sig_info` of the running task. */
export const FORCE_SIG_INFO: FunctionRef = behaviour(
  "force_sig_info",
  [FORCE_SIG_INFO_TO_TASK],
  (k, info = 0) => k.call(FORCE_SIG_INFO_TO_TASK, info, k.current.address, 0),
);

/** A fault's signal: (sig, code, addr). */
export const FORCE_SIG_FAULT: FunctionRef = behaviour(
  "force_sig_fault",
  [FORCE_SIG_INFO_TO_TASK],
  (k, signal = 0, code = 0, addr = 0) => {
    withSiginfo(k, { signo: signal, code, addr }, (info) => {
      k.call(FORCE_SIG_INFO_TO_TASK, info, k.current.address, 0);
      return 0;
    });
    return 0;
  },
);

/** Runs `body` with a `kernel_siginfo` on the running task's stack. */
export function withSiginfo(k: Kernel, info: Siginfo, body: (at: Addr) => number): number {
  const mark = k.current.locals;
  const at = pushLocal(k, siginfoSize(k));
  writeSiginfo(k, at, info);
  const result = body(at);
  popLocals(k, mark);
  return result;
}

/** Whether a signal does nothing to a task (`sig_ignored`). What strace watches is told of every signal. */
export function ignores(k: Kernel, task: Task, signal: number, force: boolean): boolean {
  const { address } = task;
  const masked = blockedOf(k, address) | readSet(k, TASK_SIGNAL.realBlocked.at(k, address));
  if (inSet(masked, signal) || (task.replayed && signal !== SIGKILL)) return false;
  const handler = handlerOf(k, address, signal);
  const unkillable = (SIGNAL.flags.get(k, signalOf(k, task)) & SIGNAL_UNKILLABLE) !== 0;
  if (unkillable && handler === SIG_DFL && !(force && inSet(SIG_KERNEL_ONLY, signal))) return true;
  return handler === SIG_IGN || (handler === SIG_DFL && inSet(SIG_KERNEL_IGNORE, signal));
}

function wants(k: Kernel, task: Task, signal: number): boolean {
  const { address } = task;
  if (inSet(blockedOf(k, address), signal)) return false;
  if ((TASK.flags.get(k, address) & PF_EXITING) !== 0) return false;
  if (signal === SIGKILL) return true;
  if ((task.state & TASK_STOPPED_STATE) !== 0) return false;
  return task === k.current || !task.sigPending;
}

function flushGroup(k: Kernel, task: Task, set: bigint): void {
  flushPending(k, sharedPending(k, task.address), set);
  for (const thread of k.tasks.threads(task)) flushPending(k, privatePending(k, thread.address), set);
}

function specialInfo(k: Kernel, signal: number, info: number): Siginfo {
  return info === SEND_SIG_NOINFO
    ? { signo: signal, code: SI_USER, pid: k.current.tgid, uid: k.current.uid }
    : { signo: signal, code: SI_KERNEL };
}
