/**
 * How a task enters the kernel: registers, tracepoints, the entry function, and the work on the way back.
 *
 * @module
 */

import { type Blocking, fn, type FunctionRef } from "../calls/function.ts";
import type { Kernel } from "../kernel.ts";
import { TaskExit } from "../process/exit.ts";
import type { Task } from "../process/task.ts";
import { runTaskWork } from "../process/task_work.ts";
import { ENOSYS } from "./errno.ts";
import { adopt, imply } from "./implied.ts";
import { mayBlock } from "./may_block.ts";
import { isPassThrough } from "./pass_through.ts";
import { enterRegisters, setResult } from "./registers.ts";
import type { RecordedOutcome, SyscallRequest } from "./request.ts";
import { fireEnter, fireExit } from "./trace.ts";

export type { RecordedOutcome, RecordedStat, SyscallRequest } from "./request.ts";

/** Share of the recorded time that closing files on the way out gets. */
const WORK_SHARE = 0.25;
/** Calls that hand files back on their way out. */
const CLOSING = new Set(["close", "dup2", "dup3", "execve", "execveat"]);
/** Calls that do so when they fail: the file made for them is given back. */
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
  fireEnter(k, entry, number, request.args);

  const ref = fn(entry);
  const modeled = !isPassThrough(entry);
  if (!modeled) k.syscalls.countUnmodeled(request.name);
  let ret: number;
  try {
    ret = yield* k.calls.enterBlocking(
      task,
      ref,
      [task.userRegs],
      recorded === undefined ? undefined : cpuTime(k, task, request, recorded, ref),
      recorded === undefined ? {} : { expect: recorded.ret },
    );
  } catch (error) {
    if (!(error instanceof TaskExit) || error.task !== task) throw error;
    k.calls.unwind(task);
    task.locals = 0;
    k.kprobes.flushTask(task);
    if (task.reapsItself) k.tasks.release(task);
    leave(task);
    return 0;
  }
  if (recorded !== undefined) {
    // What has no model still leaves the descriptors that it returned.
    if (!modeled) adopt(k, task, request, recorded);
    else if (ret !== recorded.ret && !Number.isNaN(ret)) { k.syscalls.countOverruled(request.name); console.log(request, ret); }
    ret = recorded.ret;
  } else if (Number.isNaN(ret)) {
    ret = -ENOSYS;
  }
  setResult(k, task, ret);
  fireExit(k, entry, number, ret);
  if (task.taskWorks.length > 0) {
    runTaskWork(k, task, recorded === undefined ? undefined : start + recorded.durationNs - k.clock.now);
  }
  if (recorded !== undefined && k.clock.now < start + recorded.durationNs) {
    k.clock.now = start + recorded.durationNs;
  }
  leave(task);
  return ret;
}

function leave(task: Task): void {
  task.syscalls++;
  task.syscallNumber = -1;
  task.request = null;
}

/** How much of its recorded time a call runs: all of it, but what it waits, and what closing files afterwards takes. */
function cpuTime(
  k: Kernel,
  task: Task,
  request: SyscallRequest,
  recorded: RecordedOutcome,
  ref: FunctionRef,
): number {
  const whole = recorded.durationNs;
  if (mayBlock(k, task, request)) {
    const nominal = k.calls.functions.byRef(ref).nominal || DEFAULT_NOMINAL;
    return Math.round(Math.min(whole, recorded.interrupted ? Math.min(nominal, whole / 2) : nominal));
  }
  const closes = CLOSING.has(request.name) || recorded.ret < 0 && OPENING.has(request.name);
  return Math.round(closes ? whole * (1 - WORK_SHARE) : whole);
}

/** CPU time of a call that waits, in nanoseconds, where the recordings don't tell. */
const DEFAULT_NOMINAL = 10_000;

function unknownCall(k: Kernel, name: string): Error {
  const names = k.image.syscallNames();
  return new Error(
    `Cannot make system call "${name}": the table of ${k.image.arch} has ${names.length} calls, but none of that name`,
  );
}
