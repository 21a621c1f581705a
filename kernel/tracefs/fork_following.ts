/**
 * The options `event-fork` and `function-fork`: children of chosen processes are chosen too, and those that are gone no
 * longer.
 *
 * @module
 */

import type { Kernel } from "../kernel.ts";
import type { TraceRegistration } from "../tracing/tracepoints.ts";
import type { PidFilter } from "./pid_filter.ts";
import type { TraceArray } from "./trace_array.ts";
import type { TraceOption } from "./trace_options.ts";

/** Follows forks while the options of a trace array say so; the result ends that. */
export function followForks(
  k: Kernel,
  array: TraceArray,
  lists: Readonly<Partial<Record<TraceOption, readonly PidFilter[]>>>,
): () => void {
  const stops = new Map<string, () => void>();
  array.onOption.push((name, on) => {
    const followed = lists[name as TraceOption];
    if (followed === undefined) return;
    stops.get(name)?.();
    stops.delete(name);
    if (on) stops.set(name, follow(k, followed));
  });
  return () => {
    for (const stop of stops.values()) stop();
    stops.clear();
  };
}

/** `trace_filter_add_remove_task`, at each fork and at each end of a task. */
function follow(k: Kernel, lists: readonly PidFilter[]): () => void {
  const fields = k.image.tracepoint("sched:sched_process_fork")?.fields ?? [];
  const offset = (name: string) => fields.find((field) => field.name === name)?.offset ?? 0;
  const [parent, child] = [offset("parent_pid"), offset("child_pid")];
  const registration: TraceRegistration = k.tracepoints.register("sched:sched_process_fork", (record) => {
    for (const list of lists) {
      if (list.has(record.load(parent, 4, true))) list.add(record.load(child, 4, true));
    }
  });
  const gone = ({ pid }: { readonly pid: number }) => {
    for (const list of lists) list.remove(pid);
  };
  k.tasks.onRelease.add(gone);
  return () => {
    k.tracepoints.unregister(registration);
    k.tasks.onRelease.delete(gone);
  };
}
