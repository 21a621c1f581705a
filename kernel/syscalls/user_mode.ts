/**
 * The user's side of signals: handlers run between system calls, and a call that they broke off is made again.
 *
 * @module
 */

import type { Blocking, Pending } from "../calls/function.ts";
import type { Kernel } from "../kernel.ts";
import type { Task } from "../process/task.ts";
import { userTime } from "../sched/coroutine.ts";
import { returnToUser, startSyscall } from "./entry.ts";
import type { SyscallRequest } from "./request.ts";

/**
 * Makes a system call as a program does: signals that wait are taken first, and handlers that the call's end set up run
 * (`task.runHandler`) before it returns.
 */
export function userSyscall(k: Kernel, task: Task, request: SyscallRequest): Pending {
  if (request.recorded !== undefined) return startSyscall(k, task, request);
  if (task.sigPending) return afterSignals(k, task, request);
  const frames = task.signalFrames.length;
  const pending = startSyscall(k, task, request);
  if (typeof pending !== "number") return later(k, task, pending, frames);
  return task.signalFrames.length > frames ? runHandlers(k, task, frames, pending) : pending;
}

/** Computes in user space until `until` has passed for the task, and takes signals that come meanwhile. */
export function* userCompute(k: Kernel, task: Task, until: number): Blocking<void> {
  let left = until - k.clock.now;
  while (left > 0 && task.exitCode === null) {
    const end = k.clock.now + left;
    if (!k.scheduler.compute(end)) yield userTime(end);
    left = end - k.clock.now;
    if (task.sigPending && !task.replayed) yield* takeSignals(k, task);
  }
}

/** Takes the signals that wait and runs their handlers. */
export function* takeSignals(k: Kernel, task: Task): Blocking<void> {
  const frames = task.signalFrames.length;
  yield* returnToUser(k, task);
  if (task.exitCode === null && task.signalFrames.length > frames) yield* runHandlers(k, task, frames, 0);
}

function* afterSignals(k: Kernel, task: Task, request: SyscallRequest): Blocking<number> {
  yield* takeSignals(k, task);
  if (task.exitCode !== null) return 0;
  const pending = userSyscall(k, task, request);
  return typeof pending === "number" ? pending : yield* pending;
}

function* later(k: Kernel, task: Task, pending: Blocking<number>, frames: number): Blocking<number> {
  const result = yield* pending;
  return task.signalFrames.length > frames ? yield* runHandlers(k, task, frames, result) : result;
}

/** Runs the handlers set up since there were `frames`, newest first, each ended by `rt_sigreturn`. */
function* runHandlers(k: Kernel, task: Task, frames: number, result: number): Blocking<number> {
  let last = result;
  while (task.exitCode === null && task.signalFrames.length > frames) {
    const frame = task.signalFrames[task.signalFrames.length - 1]!;
    const inside = task.signalFrames.length;
    if (task.runHandler !== null) yield* task.runHandler(frame);
    if (task.exitCode !== null) break;
    const back = startSyscall(k, task, { name: "rt_sigreturn", args: [] });
    last = typeof back === "number" ? back : yield* back;
    // Signals that the handler blocked come right after it, still before what it interrupted.
    if (task.signalFrames.length >= inside) last = yield* runHandlers(k, task, inside - 1, last);
    if (frame.restart !== null && task.exitCode === null) {
      const again = userSyscall(k, task, frame.restart);
      last = typeof again === "number" ? again : yield* again;
    }
  }
  return last;
}
