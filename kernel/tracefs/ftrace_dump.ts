/**
 * `ftrace_dump`: the trace as a crash would write it into the kernel's log.
 *
 * @module
 */

import type { Kernel } from "../kernel.ts";
import { dumpedLines } from "./trace_text.ts";

const RULE = "---------------------------------";

/** Ends tracing, and writes the records of all CPUs (or of one) into the log, where they are no longer in the trace. */
export function ftraceDump(k: Kernel, cpu?: number): void {
  const { array } = k.tracefs;
  array.buffer.on = false;
  const say = (text: string) => k.log.printk(text, "emerg");
  say("Dumping ftrace buffer:");
  const records = dumpedLines(array, cpu);
  if (records.length === 0) return say("   (ftrace buffer empty)");
  say(RULE);
  for (const lines of records) say(lines);
  say(RULE);
}
