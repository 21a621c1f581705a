/**
 * Where signals are kept: `sighand_struct` (actions), `sigpending` (what waits), masks in `task_struct`.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import type { Kernel } from "../kernel.ts";
import { field, sizeOfStruct } from "../process/objects.ts";
import { TASK, type Task } from "../process/task.ts";
import type { Sigset } from "./numbers.ts";

/** `struct k_sigaction`. */
export const SIGACTION = {
  handler: field("k_sigaction", "sa.sa_handler"),
  flags: field("k_sigaction", "sa.sa_flags"),
  restorer: field("k_sigaction", "sa.sa_restorer"),
  mask: field("k_sigaction", "sa.sa_mask"),
} as const;
/** `struct sighand_struct`. */
export const SIGHAND = {
  count: field("sighand_struct", "count.refs.counter"),
  signalfdWqh: field("sighand_struct", "signalfd_wqh"),
  action: field("sighand_struct", "action"),
} as const;
/** `struct sigpending`. */
export const SIGPENDING = {
  list: field("sigpending", "list"),
  signal: field("sigpending", "signal"),
} as const;
/** `struct sigqueue`. */
export const SIGQUEUE = { list: field("sigqueue", "list"), info: field("sigqueue", "info") } as const;
/** What `signal_struct` holds of signals, stops and ends. */
export const SIGNAL = {
  nrThreads: field("signal_struct", "nr_threads"),
  live: field("signal_struct", "live.counter"),
  waitChldexit: field("signal_struct", "wait_chldexit"),
  sharedPending: field("signal_struct", "shared_pending"),
  groupExitCode: field("signal_struct", "group_exit_code"),
  notifyCount: field("signal_struct", "notify_count"),
  groupStopCount: field("signal_struct", "group_stop_count"),
  flags: field("signal_struct", "flags"),
  pids: field("signal_struct", "pids"),
  leader: field("signal_struct", "leader"),
  rlim: field("signal_struct", "rlim"),
} as const;
/** What `task_struct` holds of signals. */
export const TASK_SIGNAL = {
  blocked: field("task_struct", "blocked"),
  realBlocked: field("task_struct", "real_blocked"),
  savedSigmask: field("task_struct", "saved_sigmask"),
  pending: field("task_struct", "pending"),
  altSp: field("task_struct", "sas_ss_sp"),
  altSize: field("task_struct", "sas_ss_size"),
  altFlags: field("task_struct", "sas_ss_flags"),
  jobctl: field("task_struct", "jobctl"),
  pdeath: field("task_struct", "pdeath_signal"),
} as const;

/** Reads a `sigset_t`. */
export function readSet(k: Kernel, at: Addr): Sigset {
  return k.memory.readBig(at, 8, false);
}

/** Writes a `sigset_t`. */
export function writeSet(k: Kernel, at: Addr, set: Sigset): void {
  k.memory.writeBig(at, 8, set);
}

/** Signals that a task blocks. */
export function blockedOf(k: Kernel, task: Addr): Sigset {
  return readSet(k, TASK_SIGNAL.blocked.at(k, task));
}

/** A task's own `sigpending`. */
export function privatePending(k: Kernel, task: Addr): Addr {
  return TASK_SIGNAL.pending.at(k, task);
}

/** Its process' `sigpending`. */
export function sharedPending(k: Kernel, task: Addr): Addr {
  return SIGNAL.sharedPending.at(k, TASK.signal.get(k, task));
}

/** The set of signals in a `sigpending`. */
export function pendingSet(k: Kernel, pending: Addr): Sigset {
  return readSet(k, SIGPENDING.signal.at(k, pending));
}

/** The `k_sigaction` of a signal. */
export function actionOf(k: Kernel, task: Addr, signal: number): Addr {
  const sighand = TASK.sighand.get(k, task);
  return SIGHAND.action.at(k, sighand) + (signal - 1) * sizeOfStruct(k, "k_sigaction");
}

/** The handler of a signal: an address, `SIG_DFL` or `SIG_IGN`. */
export function handlerOf(k: Kernel, task: Addr, signal: number): Addr {
  return SIGACTION.handler.get(k, actionOf(k, task, signal));
}

/** The `signal_struct` of a task. */
export function signalOf(k: Kernel, task: Task): Addr {
  return TASK.signal.get(k, task.address);
}
