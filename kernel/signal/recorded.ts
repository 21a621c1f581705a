/**
 * Signals of a recording: the recording says which is delivered when, and what becomes of the task.
 *
 * @module
 */

import type { Blocking } from "../calls/function.ts";
import type { Kernel } from "../kernel.ts";
import type { Task } from "../process/task.ts";
import { resultOf } from "../syscalls/registers.ts";
import { signalEntry } from "./frame.ts";
import type { Siginfo } from "./siginfo.ts";

/** One delivery of a recording. */
export interface RecordedSignal {
  readonly signal: number;
  /** What was printed of it. */
  readonly info: Siginfo;
  /** Wait status that the task ends with; null where it lives on. */
  readonly dies: number | null;
}

/** A recorded task takes a signal on its way to user space. */
export function* deliverRecorded(k: Kernel, task: Task, signal: RecordedSignal): Blocking<void> {
  task.recordedSignal = signal;
  // What a handler's end goes back to; whether the call is made again is for the recording to show.
  task.interrupted = { request: { name: "", args: [] }, result: resultOf(k, task) };
  yield* k.calls.enterBlocking(task, signalEntry(k), [task.userRegs], undefined, { kind: "exit" });
  task.recordedSignal = null;
  task.interrupted = null;
  task.lastSignal = signal.signal;
}
