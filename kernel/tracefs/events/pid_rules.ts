/**
 * Which events `set_event_pid` and `set_event_notrace_pid` hold back.
 *
 * @module
 */

import type { PidFilter } from "../pid_filter.ts";
import type { EventCall, RecordReader } from "./call.ts";

/** Fields with a second task whose choice counts: an event of the scheduler belongs to both. */
const OTHER_TASK: ReadonlyMap<string, string> = new Map(Object.entries<string>({
  sched_switch: "next_pid",
  sched_wakeup: "pid",
  sched_wakeup_new: "pid",
  sched_waking: "pid",
}));

/** Whether an event of the task `current` is left out of the trace array that has these lists. */
export function ignoresEvent(
  pids: PidFilter,
  notrace: PidFilter,
  current: number,
  call: EventCall,
  reader: RecordReader,
): boolean {
  if (pids.empty && notrace.empty) return false;
  const ignored = (pid: number): boolean => notrace.has(pid) || (!pids.empty && !pids.has(pid));
  if (!ignored(current)) return false;
  const name = call.system === "sched" ? OTHER_TASK.get(call.name) : undefined;
  const field = name === undefined ? undefined : call.fields.find((one) => one.name === name);
  return field === undefined || ignored(Number(reader.loadBig(field.offset, field.size, field.signed)));
}
