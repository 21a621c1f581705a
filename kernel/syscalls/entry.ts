/**
 * How a task enters the kernel: registers, tracepoints, the entry function, and the work on the way back.
 *
 * @module
 */

import type { Blocking, Pending } from "../calls/function.ts";
import { FILE } from "../fs/fields.ts";
import { closesOnExec, fdFile, openFds } from "../fs/files_struct.ts";
import type { Kernel } from "../kernel.ts";
import { exited } from "../process/exit.ts";
import type { Task } from "../process/task.ts";
import { runTaskWork } from "../process/task_work.ts";
import { RESTARTS, signalEntry } from "../signal/frame.ts";
import { EINTR, ENOSYS, ERESTART_RESTARTBLOCK } from "./errno.ts";
import type { CallFacts } from "./call_facts.ts";
import { adopt, imply } from "./implied.ts";
import { SyscallSituation } from "./situation.ts";
import { hintOf } from "./variant_hint.ts";
import { mayBlock } from "./may_block.ts";
import { enterRegisters, setResult } from "./registers.ts";
import type { RecordedOutcome, SyscallRequest } from "./request.ts";
import { fireEnter, fireExit } from "./trace.ts";

export type { RecordedOutcome, RecordedStat, SyscallRequest } from "./request.ts";

/** Shares of the recorded time that closing files on the way out gets. */
const CLOSE_SHARE = 0.25;
const EXEC_SHARE = 0.05;
/** Calls that give back, when they fail, the file that was made for them. */
const OPENING = new Set(["open", "openat", "creat", "openat2"]);

/**
 * Makes a system call in the name of a task. `k.current` has to be that task whenever the generator is resumed.
 *
 * With a recorded outcome the call ends at its start plus the recorded duration and returns the recorded result;
 * without one it takes its nominal time and computes its own. A task that exits inside (`exit_group`) returns 0 with
 * `task.exitCode` set: it must not be run any further.
 *
 * Errors: a name that is not in this architecture's system call table.
 *
 * @returns The result, -errno on failure.
 */
export function* runSyscall(k: Kernel, task: Task, request: SyscallRequest): Blocking<number> {
  const pending = startSyscall(k, task, request);
  return typeof pending === "number" ? pending : yield* pending;
}

/** `runSyscall` as far as its first wait: the result, or where it waits, the rest of the call. */
export function startSyscall(k: Kernel, task: Task, request: SyscallRequest): Pending {
  const { via } = request;
  const facts = k.syscalls.facts(k.image, request.name, via?.name);
  const { recorded } = request;
  task.request = request;
  task.syscallNumber = facts.number;
  task.syscallStart = k.clock.now;
  enterRegisters(k, task, facts.number, via?.args ?? request.args);
  if (recorded !== undefined) imply(k, task, facts, request, recorded);
  const operations = facts.onDescriptor
    ? k.vfs.files.get(fdFile(k, task.files, request.args[0] ?? -1))?.ops ?? null
    : null;
  task.hint = operations === null ? null : hintOf(k, operations);
  (task.situation ??= new SyscallSituation(k, task)).begin(request, facts, operations);
  fireEnter(k, facts, via?.args ?? request.args);
  if (!facts.modeled) k.syscalls.countUnmodeled(request.name);
  const args = [task.userRegs];
  try {
    if (recorded === undefined) {
      const pending = k.calls.enterOrWait(task, facts.ref, args);
      return typeof pending === "number"
        ? returns(k, task, facts, request, pending)
        : exits(k, task, returnsLater(k, task, facts, request, pending));
    }
    const budget = cpuTime(k, task, request, recorded);
    const pending = k.calls.enterOrWait(task, facts.ref, args, budget, { expect: recorded.ret });
    return typeof pending === "number"
      ? returnsRecorded(k, task, facts, request, recorded, pending)
      : exits(k, task, returnsRecordedLater(k, task, facts, request, recorded, pending));
  } catch (error) {
    return endsInside(k, task, error);
  }
}

function* returnsLater(
  k: Kernel,
  task: Task,
  facts: CallFacts,
  request: SyscallRequest,
  pending: Blocking<number>,
): Blocking<number> {
  const result = returns(k, task, facts, request, yield* pending);
  return typeof result === "number" ? result : yield* result;
}

/** The way back to user space of a call that computed its result. */
function returns(k: Kernel, task: Task, facts: CallFacts, request: SyscallRequest, result: number): Pending {
  const ret = Number.isNaN(result) ? -ENOSYS : result;
  setResult(k, task, ret);
  fireExit(k, facts, ret);
  if (task.sigPending || RESTARTS.has(-ret)) return exits(k, task, takesSignals(k, task, request, ret));
  if (task.taskWorks.length > 0) runTaskWork(k, task, undefined);
  leave(task);
  return ret;
}

/**
 * Signals that wait are taken on the way to user space (`exit_to_user_mode_loop`). A call that one of them broke off is made
 * again here if no handler is to run, after the handler (`userSyscall`) if its action says so, and else fails.
 */
function* takesSignals(k: Kernel, task: Task, request: SyscallRequest, ret: number): Blocking<number> {
  task.interrupted = { request, result: ret };
  yield* exitWork(k, task);
  task.interrupted = null;
  const again = task.restartNow;
  task.restartNow = false;
  leave(task);
  if (!again) return RESTARTS.has(-ret) ? -EINTR : ret;
  const call = ret === -ERESTART_RESTARTBLOCK ? { name: "restart_syscall", args: [] } : request;
  const pending = startSyscall(k, task, call);
  return typeof pending === "number" ? pending : yield* pending;
}

function* exitWork(k: Kernel, task: Task): Blocking<void> {
  do {
    yield* k.calls.enterBlocking(task, signalEntry(k), [task.userRegs], undefined, { kind: "exit" });
    if (task.taskWorks.length > 0) runTaskWork(k, task, undefined);
  } while (task.sigPending && !task.restartNow);
}

/** Signals that came while a task computed in user space are taken, as when an interrupt returns there. */
export function* returnToUser(k: Kernel, task: Task): Blocking<number> {
  return yield* exits(
    k,
    task,
    (function* () {
      task.interrupted = null;
      yield* exitWork(k, task);
      return 0;
    })(),
  );
}

function* returnsRecordedLater(
  k: Kernel,
  task: Task,
  facts: CallFacts,
  request: SyscallRequest,
  recorded: RecordedOutcome,
  pending: Blocking<number>,
): Blocking<number> {
  return returnsRecorded(k, task, facts, request, recorded, yield* pending);
}

/** The same of a recorded call: it returns what was recorded, when it was. */
function returnsRecorded(
  k: Kernel,
  task: Task,
  facts: CallFacts,
  request: SyscallRequest,
  recorded: RecordedOutcome,
  result: number,
): number {
  const { ret } = recorded;
  // What has no model still leaves the descriptors that it returned.
  if (!facts.modeled) adopt(k, task, request, recorded);
  else if (result !== ret && result === result) k.syscalls.countOverruled(request.name);
  setResult(k, task, ret);
  fireExit(k, facts, ret);
  const end = task.syscallStart + recorded.durationNs;
  if (task.taskWorks.length > 0) runTaskWork(k, task, end - k.clock.now);
  if (k.clock.now < end) k.clock.now = end;
  leave(task);
  return ret;
}

/** Goes on with a call in which the task may exit. */
function* exits(k: Kernel, task: Task, rest: Blocking<number>): Blocking<number> {
  try {
    return yield* rest;
  } catch (error) {
    return endsInside(k, task, error);
  }
}

/** The task exited inside its call. Anything else that was thrown goes on. */
function endsInside(k: Kernel, task: Task, error: unknown): number {
  exited(k, task, error);
  leave(task);
  return 0;
}

function leave(task: Task): void {
  task.syscalls++;
  task.syscallNumber = -1;
  task.request = null;
  task.hint = null;
}

/** How much of its recorded time a call runs: all of it, but what it waits, and what closing files afterwards takes. */
function cpuTime(
  k: Kernel,
  task: Task,
  request: SyscallRequest,
  recorded: RecordedOutcome,
): number {
  const whole = recorded.durationNs;
  const returnsAtOnce = request.name.startsWith("wait") && recorded.ret <= 0 && !recorded.interrupted;
  if (!returnsAtOnce && mayBlock(k, task, request)) {
    return Math.round(Math.min(whole, recorded.interrupted ? Math.min(WAITING_CPU, whole / 2) : WAITING_CPU));
  }
  return Math.round(whole * (1 - workShare(k, task, request, recorded)));
}

/** What the work on the way out takes of a call: only if a file is about to lose its last reference. */
function workShare(k: Kernel, task: Task, request: SyscallRequest, recorded: RecordedOutcome): number {
  switch (request.name) {
    case "close":
      return isLast(k, task, request.args[0]) ? CLOSE_SHARE : 0;
    case "dup2":
    case "dup3":
      return recorded.ret >= 0 && isLast(k, task, request.args[1]) ? CLOSE_SHARE : 0;
    case "execve":
    case "execveat":
      return openFds(k, task.files).some((fd) => closesOnExec(k, task.files, fd) && isLast(k, task, fd))
        ? EXEC_SHARE
        : 0;
    default:
      return recorded.ret < 0 && OPENING.has(request.name) ? CLOSE_SHARE : 0;
  }
}

/** Whether a descriptor is the last reference to its file. */
function isLast(k: Kernel, task: Task, fd = -1): boolean {
  const file = fdFile(k, task.files, fd);
  return file !== 0 && FILE.count.get(k, file) === 1;
}

/** CPU time of a call that may wait, in nanoseconds: what it was recorded to take beyond that, it waited. */
const WAITING_CPU = 10_000;
