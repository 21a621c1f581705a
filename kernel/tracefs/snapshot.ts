/**
 * Snapshots that triggers take.
 *
 * @module
 */

import type { TraceArray } from "./trace_array.ts";

/** The function that takes them, which its messages name. */
const PLACE = "tracing_snapshot_instance_cond";

/**
 * `tracing_snapshot_instance`: not where the context columns tell of an NMI; and without a buffer for it, tracing ends.
 * What is wrong is written into `main`, the kernel's own trace.
 */
export function snapshotByTrigger(array: TraceArray, main: TraceArray, flags: string): void {
  if (flags[2]?.toUpperCase() === "Z") {
    say(main, "*** SNAPSHOT CALLED FROM NMI CONTEXT ***", flags);
    say(main, "*** snapshot is being ignored        ***", flags);
  } else if (array.snapshot === null) {
    say(main, "*** SNAPSHOT NOT ALLOCATED ***", flags);
    say(main, "*** stopping trace here!   ***", flags);
    array.buffer.on = false;
  } else {
    array.takeSnapshot();
  }
}

/** `internal_trace_puts`. */
function say(main: TraceArray, text: string, flags: string): void {
  if (!main.options.has("trace_printk")) return;
  const size = 8 + main.host.image.pointerSize + text.length + 2;
  main.buffer.record({ kind: "print", place: PLACE, text }, flags, size);
}
