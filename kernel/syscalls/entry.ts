/**
 * How a task enters the kernel: registers, tracepoints, the entry function, and the work on the way back.
 *
 * @module
 */

import { type Blocking, fn } from "../calls/function.ts";
import { FILE } from "../fs/fields.ts";
import { closesOnExec, fdFile, openFds } from "../fs/files_struct.ts";
import type { Kernel } from "../kernel.ts";
import { DO_GROUP_EXIT, TaskExit } from "../process/exit.ts";
import { fatalSignal } from "../process/signal.ts";
import type { Task } from "../process/task.ts";
import { runTaskWork } from "../process/task_work.ts";
import { EINTR, ENOSYS, ERESTARTSYS } from "./errno.ts";
import { adopt, imply } from "./implied.ts";
import { hintOf } from "./variant_hint.ts";
import { mayBlock } from "./may_block.ts";
import { isPassThrough } from "./pass_through.ts";
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
  const number = k.image.syscallNumber(request.name);
  const entry = k.image.syscallEntry(request.name);
  if (number === undefined || entry === undefined) throw unknownCall(k, request.name);
  const recorded = request.recorded;
  const start = k.clock.now;
  task.request = request;
  task.syscallNumber = number;
  task.syscallStart = start;
  enterRegisters(k, task, number, request.args);
  if (recorded !== undefined) imply(k, task, request, recorded);
  task.hint = hintOf(k, task, request);
  fireEnter(k, entry, number, request.args);

  const ref = fn(entry);
  const modeled = !isPassThrough(entry);
  if (!modeled) k.syscalls.countUnmodeled(request.name);
  let ret: number;
  try {
    if (recorded === undefined) yield* dieOfSignal(k, task);
    ret = yield* k.calls.enterBlocking(
      task,
      ref,
      [task.userRegs],
      recorded === undefined ? undefined : cpuTime(k, task, request, recorded),
      recorded === undefined ? {} : { expect: recorded.ret },
    );
    if (recorded !== undefined) {
      // What has no model still leaves the descriptors that it returned.
      if (!modeled) adopt(k, task, request, recorded);
      else if (ret !== recorded.ret && !Number.isNaN(ret)) k.syscalls.countOverruled(request.name);
      ret = recorded.ret;
    } else if (Number.isNaN(ret)) {
      ret = -ENOSYS;
    } else if (ret === -ERESTARTSYS) {
      ret = -EINTR;
    }
    setResult(k, task, ret);
    fireExit(k, entry, number, ret);
    if (task.taskWorks.length > 0) {
      runTaskWork(k, task, recorded === undefined ? undefined : start + recorded.durationNs - k.clock.now);
    }
    if (recorded !== undefined && k.clock.now < start + recorded.durationNs) {
      k.clock.now = start + recorded.durationNs;
    }
    if (recorded === undefined) yield* dieOfSignal(k, task);
  } catch (error) {
    if (!(error instanceof TaskExit) || error.task !== task) throw error;
    k.calls.unwind(task);
    task.locals = 0;
    k.kprobes.flushTask(task);
    if (task.reapsItself) k.tasks.release(task);
    leave(task);
    return 0;
  }
  leave(task);
  return ret;
}

/** Outside replays a signal without a handler ends its task on the way from or to user space (`get_signal`). */
function* dieOfSignal(k: Kernel, task: Task): Blocking<void> {
  const signal = fatalSignal(task);
  if (signal !== 0) yield* k.calls.enterBlocking(task, DO_GROUP_EXIT, [signal], undefined, { kind: "exit" });
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
  const last = (fd: number | undefined): boolean => {
    const file = fdFile(k, task.files, fd ?? -1);
    return file !== 0 && FILE.count.get(k, file) === 1;
  };
  switch (request.name) {
    case "close":
      return last(request.args[0]) ? CLOSE_SHARE : 0;
    case "dup2":
    case "dup3":
      return recorded.ret >= 0 && last(request.args[1]) ? CLOSE_SHARE : 0;
    case "execve":
    case "execveat":
      return openFds(k, task.files).some((fd) => closesOnExec(k, task.files, fd) && last(fd))
        ? EXEC_SHARE
        : 0;
    default:
      return recorded.ret < 0 && OPENING.has(request.name) ? CLOSE_SHARE : 0;
  }
}

/** CPU time of a call that may wait, in nanoseconds: what it was recorded to take beyond that, it waited. */
const WAITING_CPU = 10_000;

function unknownCall(k: Kernel, name: string): Error {
  const names = k.image.syscallNames();
  return new Error(
    `Cannot make system call "${name}": the table of ${k.image.arch} has ${names.length} calls, but none of that name`,
  );
}
