/**
 * Stacks behind each record of an event: the options `stacktrace` and `userstacktrace`.
 *
 * @module
 */

import type { Kernel } from "../kernel.ts";
import { mmAt } from "../mm/mm_struct.ts";
import type { Task } from "../process/task.ts";
import { userCallchain } from "../uprobes/user_registers.ts";
import type { EventRecord } from "./events/event_file.ts";
import { emitStack } from "./stack_record.ts";
import type { TraceArray } from "./trace_array.ts";
import type { StackOwner } from "./trace_entry.ts";
import { FTRACE_STACK_ENTRIES } from "./depths.ts";

const USER_DEPTH = 8;

/** A record of an event was made. */
export function emitEventStacks(k: Kernel, array: TraceArray, record: EventRecord): void {
  const { options, buffer } = array;
  if (options.has("stacktrace")) {
    const { registers } = record;
    const callers = k.calls.stack(k.current, FTRACE_STACK_ENTRIES);
    // Where registers tell the place, the stack begins there, not with who made the record.
    const stack = registers === undefined ? callers : [registers.ip, ...callers.slice(registers.skip)];
    emitStack(buffer, stack, record.flags);
  }
  // Nothing of user memory can be read in an NMI.
  if (options.has("userstacktrace") && record.flags[2]?.toUpperCase() !== "Z") {
    const task = k.current;
    const callers = task.userSpace === null ? [] : userCallchain(k, task, USER_DEPTH);
    const size = 16 + USER_DEPTH * array.host.image.pointerSize;
    buffer.record({ kind: "user_stack", callers, owner: ownerOf(k, task) }, record.flags, size);
  }
}

/** What is mapped in a task's memory, when somebody asks. */
function ownerOf(k: Kernel, task: Task): StackOwner {
  return {
    fileAt(address) {
      const area = mmAt(k, task.mm)?.find(address);
      if (area === undefined) return null;
      const path = k.vfs.files.get(area.file)?.dentry?.path;
      return path === undefined ? null : { path, start: area.start };
    },
  };
}
