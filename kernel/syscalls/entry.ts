/**
 * How a task enters the kernel: registers, tracepoints, the entry function, and the work on the way back.
 *
 * @module
 */

import { behaviourOf, type Blocking, fn } from "../calls/function.ts";
import type { Kernel } from "../kernel.ts";
import { TaskExit } from "../process/exit.ts";
import type { Task } from "../process/task.ts";
import { runTaskWork } from "../process/task_work.ts";
import { ENOSYS } from "./errno.ts";
import { imply } from "./implied.ts";
import { enterRegisters, setResult } from "./registers.ts";
import type { SyscallRequest } from "./request.ts";
import { fireEnter, fireExit } from "./trace.ts";

export type { RecordedOutcome, RecordedStat, SyscallRequest } from "./request.ts";

/** Calls that hand files back on their way out, which then takes part of their recorded time. */
const CLOSING = new Set(["close", "dup2", "dup3", "execve", "execveat"]);
/** Calls that do so when they fail: the file made for them is given back. */
const OPENING = new Set(["open", "openat", "creat", "openat2"]);
/** Share of the recorded time that this work gets. */
const WORK_SHARE = 0.25;

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
  if (number === undefined || entry === undefined) {
    throw new Error(
      `Cannot make system call "${request.name}": ${k.image.arch} has no such call; its table lists ` +
        `${k.image.syscallNames().length} names`,
    );
  }
  const recorded = request.recorded;
  const start = k.clock.now;
  task.request = request;
  task.syscallNumber = number;
  task.syscallStart = start;
  enterRegisters(k, task, number, request.args);
  if (recorded !== undefined) imply(k, task, request, recorded);
  fireEnter(k, request.name, number, task.userRegs, request.args);

  const ref = fn(entry);
  const modeled = behaviourOf(entry) !== undefined;
  if (!modeled) k.syscalls.countUnmodeled(request.name);
  const works = recorded !== undefined &&
    (CLOSING.has(request.name) || recorded.ret < 0 && OPENING.has(request.name));
  const budget = recorded === undefined
    ? undefined
    : Math.round(recorded.durationNs * (works ? 1 - WORK_SHARE : 1));
  const depth = task.depth;
  let ret: number;
  try {
    ret = yield* k.calls.enter(ref, task.userRegs, budget);
  } catch (error) {
    if (!(error instanceof TaskExit) || error.task !== task) throw error;
    task.depth = depth;
    task.locals = 0;
    task.syscalls++;
    task.syscallNumber = -1;
    task.request = null;
    k.kprobes.flushTask(task);
    return 0;
  }
  if (recorded !== undefined) {
    if (modeled && ret !== recorded.ret && !Number.isNaN(ret)) k.syscalls.countOverruled(request.name);
    ret = recorded.ret;
  } else if (Number.isNaN(ret)) {
    ret = -ENOSYS;
  }
  setResult(k, task, ret);
  fireExit(k, request.name, number, task.userRegs, ret);
  if (task.taskWorks.length > 0) {
    runTaskWork(k, task, recorded === undefined ? undefined : start + recorded.durationNs - k.clock.now);
  }
  if (recorded !== undefined) {
    const end = start + recorded.durationNs;
    if (k.clock.now < end) k.clock.now = end;
  }
  task.syscalls++;
  task.syscallNumber = -1;
  task.request = null;
  return ret;
}
