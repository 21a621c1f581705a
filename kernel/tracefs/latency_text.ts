/**
 * `latency-format`: times count from when the buffer was emptied, and each line tells how long it was until the next.
 *
 * @module
 */

import type { TraceBuffer } from "./buffer.ts";
import { durationMark } from "./duration.ts";
import type { TraceArray } from "./trace_array.ts";
import type { TraceEntry } from "./trace_entry.ts";

/** `print_trace_header` */
export function latencyHeader(array: TraceArray, buffer: TraceBuffer): string {
  const { image, cpus } = array.host;
  const { inBuffer, written } = buffer.totals();
  const { cpu, comm, pid } = buffer.taken;
  const latency = buffer === array.buffer ? 0 : microseconds(array.maxLatency.ns);
  return `# ${array.tracer} latency trace v1.1.5 on ${image.release}
# --------------------------------------------------------------------
# latency: ${latency} us, #${inBuffer}/${written}, CPU#${cpu} | (M:desktop VP:0, KP:0, SP:0 HP:0 #P:${cpus})
#    -----------------
#    | task: ${comm}-${pid} (uid:0 nice:0 policy:0 rt_prio:0)
#    -----------------
#
`;
}

/** `print_lat_help_header` */
export function latencyColumns(): string {
  return `#                    _------=> CPU#            
#                   / _-----=> irqs-off/BH-disabled
#                  | / _----=> need-resched    
#                  || / _---=> hardirq/softirq 
#                  ||| / _--=> preempt-depth   
#                  |||| / _-=> migrate-disable 
#                  ||||| /     delay           
#  cmd     pid     |||||| time  |   caller     
#     \\   /        ||||||  \\    |    /       
`;
}

/**
 * `trace_print_lat_context`: `     cat-157       1..... 4430us : `, or with `verbose` every number in full. `next` is the time of the
 * record that follows, `index` counts records from 1.
 */
export function latencyContext(
  array: TraceArray,
  buffer: TraceBuffer,
  entry: TraceEntry,
  next: number,
  index: number,
): string {
  const { inNs } = array.clock;
  const comm = buffer.cmdlines.comm(entry.pid);
  const verbose = array.options.has("verbose");
  const micros = (time: number) => inNs ? microseconds(time) : time;
  const since = micros(entry.time - buffer.startTime);
  const until = micros(next - entry.time);
  if (!verbose) {
    const time = String(since).padStart(4);
    const start = `${comm.slice(0, 8).padStart(8)}-${String(entry.pid).padEnd(7)} ${
      String(entry.cpu).padStart(3)
    }`;
    return `${start}${entry.flags} ${time}${inNs ? `us${durationMark(until * 1000)}` : ""}: `;
  }
  const { bits, preemption } = flagBits(entry.flags);
  const start = `${comm.padStart(16)} ${String(entry.pid).padStart(7)} ${
    String(entry.cpu).padStart(3)
  } ${bits} ${hex(preemption, 8)} ${hex(index, 8)} `;
  if (!inNs) return `${start}[${hex(entry.time, 16)}] ${since} (+${until}): `;
  return `${start}[${hex(micros(entry.time), 8)}] ${milliseconds(since)}ms (+${milliseconds(until)}ms): `;
}

/** `ns2usecs` */
function microseconds(ns: number): number {
  return Math.floor((ns + 500) / 1000);
}

/** `1.234` of microseconds. */
function milliseconds(us: number): string {
  return `${Math.floor(us / 1000)}.${String(us % 1000).padStart(3, "0")}`;
}

function hex(value: number, digits: number): string {
  return value.toString(16).padStart(digits, "0");
}

const IRQS: Readonly<Record<string, number>> = { d: 0x01, D: 0x81, b: 0x80 };
const RESCHED: Readonly<Record<string, number>> = { N: 0x24, n: 0x04, p: 0x20 };
const CONTEXTS: Readonly<Record<string, number>> = { Z: 0x48, z: 0x40, H: 0x18, h: 0x08, s: 0x10 };

/** `entry->flags` and the preemption depth, of which the columns are the text. */
function flagBits(flags: string): { readonly bits: number; readonly preemption: number } {
  const [irqs = ".", resched = ".", context = ".", depth = "."] = flags;
  return {
    bits: (IRQS[irqs] ?? 0) | (RESCHED[resched] ?? 0) | (CONTEXTS[context] ?? 0),
    preemption: depth === "." ? 0 : parseInt(depth, 16),
  };
}
