/**
 * What commands of `set_ftrace_filter` do at a call.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import type { KernelFunction } from "../calls/kernel_function.ts";
import type { Kernel } from "../kernel.ts";
import type { Task } from "../process/task.ts";
import { EINVAL } from "../syscalls/errno.ts";
import { ftraceDump } from "./ftrace_dump.ts";
import { functionStack } from "./function_stack.ts";
import { isErrno } from "./probe_events/kstrto.ts";
import { snapshotByTrigger } from "./snapshot.ts";
import { emitStack } from "./stack_record.ts";
import type { TraceArray } from "./trace_array.ts";
import { parseTriggerCount } from "./trigger_count.ts";

/** Where commands work. */
export interface ProbeContext {
  readonly k: Kernel;
  readonly array: TraceArray;
}

/** A function that a command is on. */
export interface FunctionEntry {
  readonly address: Addr;
  /** Times that are left, where they are counted. */
  left: number;
  /** What the file shows behind the function. */
  text(): string;
  removed?(): void;
}

/** A kind of command: one with a count is another one than that without. */
export interface ProbeKind {
  readonly ops: string;
  /** A function that it is put on. */
  entry(address: Addr): FunctionEntry;
  /** It couldn't be put on any. */
  refused?(): void;
  hit(entry: FunctionEntry, fn: KernelFunction, task: Task): void;
}

const SIMPLE = ["traceon", "traceoff", "stacktrace", "snapshot", "dump", "cpudump"];
const ON_EVENTS = ["enable_event", "disable_event"];

/** Whether there is such a command. */
export function isCommand(command: string): boolean {
  return SIMPLE.includes(command) || ON_EVENTS.includes(command);
}

/** `ftrace_trace_probe_callback`: a command with a count or none, or -errno. */
export function simpleKind(
  command: string,
  param: string | undefined,
  removes: boolean,
  context: ProbeContext,
): ProbeKind | number {
  // A dump happens once.
  const given = command === "dump" || command === "cpudump" ? "1" : param;
  const count = removes ? -1n : parseCount(given, context);
  if (isErrno(count)) return count;
  if (command === "snapshot" && !removes) context.array.allocateSnapshot();
  const counted = given !== undefined;
  return {
    ops: counted ? `${command} counted` : command,
    entry: (address) => {
      const entry: FunctionEntry = {
        address,
        left: Number(count),
        text: () => `${command}:${counted ? `count=${entry.left}` : "unlimited"}`,
      };
      return entry;
    },
    hit: (entry, fn, task) => act(command, counted, entry, fn, task, context),
  };
}

function act(
  command: string,
  counted: boolean,
  entry: FunctionEntry,
  fn: KernelFunction,
  task: Task,
  { k, array }: ProbeContext,
): void {
  const { buffer } = array;
  if (command === "stacktrace") {
    // Counts down below zero, too.
    if (counted && (entry.left === 0 || !k.tracefs.buffer.on)) return;
    if (counted) entry.left--;
    emitStack(buffer, functionStack(k, fn, task), flagsOf(k));
    return;
  }
  if (counted && entry.left <= 0) return;
  const on = command === "traceon";
  if ((on || command === "traceoff") && buffer.on === on) return;
  if (counted) entry.left--;
  switch (command) {
    case "snapshot":
      return snapshotByTrigger(array, k.tracefs.array, flagsOf(k));
    case "dump":
      return ftraceDump(k);
    case "cpudump":
      return ftraceDump(k, k.cpu);
    default:
      buffer.on = on;
  }
}

/** `event_enable_func`: a command that switches an event, or -errno; null for other commands. */
export function eventKind(
  command: string,
  param: string | undefined,
  removes: boolean,
  context: ProbeContext,
): ProbeKind | number | null {
  if (!ON_EVENTS.includes(command)) return null;
  const [system = "", event, count] = param?.split(":") ?? [];
  if (event === undefined) return -EINVAL;
  const file = context.k.tracefs.events.find(context.array, system, event);
  if (file === null) return -EINVAL;
  const on = command === "enable_event";
  const ops = count === undefined ? command : `${command} counted`;
  // All functions of one command share the count.
  const shared = { left: -1, users: 0 };
  if (!removes) {
    if (count === "") return -EINVAL;
    const left = parseCount(count, context);
    if (isErrno(left)) return left;
    shared.left = Number(left);
    const result = file.enable(true);
    if (result < 0) return result;
  }
  return {
    ops,
    entry: (address) => {
      shared.users++;
      return {
        address,
        get left() {
          return shared.left;
        },
        set left(left) {
          shared.left = left;
        },
        text(): string {
          const limit = shared.left === -1 ? "unlimited" : `count=${shared.left}`;
          return `${command}:${file.call.system}:${file.call.name}:${limit}`;
        },
        removed(): void {
          if (--shared.users === 0) file.disable(true);
        },
        run(): void {
          if (shared.left === 0) return;
          if (count !== undefined && file.softDisabled !== on) return;
          if (shared.left !== -1) shared.left--;
          file.softEnable(on);
        },
      } satisfies EventEntry;
    },
    refused: () => file.disable(true),
    hit: (entry) => (entry as EventEntry).run(),
  };
}

/** A function whose calls switch an event of its own. */
interface EventEntry extends FunctionEntry {
  run(): void;
}

/** An empty one is none. */
function parseCount(text: string | undefined, { k }: ProbeContext): bigint | number {
  return parseTriggerCount(/^[^:]/.test(text ?? "") ? text : undefined, k.arch.wordSize);
}

/** The commands' caller disables preemption where the kernel is preemptible. */
function flagsOf(k: Kernel): string {
  return k.image.arch === "arm64" ? "....." : "...1.";
}
