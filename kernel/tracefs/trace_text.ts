/**
 * The text of `trace` and `trace_pipe`.
 *
 * @module
 */

import type { TraceBuffer } from "./buffer.ts";
import { graphHeader, GraphPrinter } from "./graph_text.ts";
import type { TraceArray } from "./trace_array.ts";
import type { TraceEntry } from "./trace_entry.ts";
import { traceLine } from "./trace_line.ts";

/** Text of `trace`, or of `snapshot`; of one CPU's buffer where `cpu` is given. */
export function traceText(array: TraceArray, cpu?: number, buffer = array.buffer): string {
  const entries = buffer.entries(cpu);
  return `# tracer: ${array.tracer}\n#\n${headerText(array, buffer, cpu)}${
    linesText(array, entries, annotated(array, buffer))
  }`;
}

/** Consumes the buffer: text of `trace_pipe`. */
export function pipeText(array: TraceArray, cpu?: number): string {
  const lost = lostText(array, cpu);
  return lost + linesText(array, array.buffer.consume(cpu), false);
}

function headerText(array: TraceArray, buffer: TraceBuffer, cpu?: number): string {
  if (array.tracer === "function_graph") return graphHeader(array.options);
  if (!array.options.has("irq-info")) {
    return `${totalsText(array, buffer, cpu)}${PLAIN_COLUMNS}`;
  }
  return `${totalsText(array, buffer, cpu)}${COLUMNS}`;
}

function totalsText(array: TraceArray, trace: TraceBuffer, only?: number): string {
  let inBuffer = 0;
  let written = 0;
  for (let cpu = 0; cpu < array.host.cpus; cpu++) {
    if (only !== undefined && only !== cpu) continue;
    const buffer = trace.cpu(cpu);
    if (buffer === undefined) continue;
    inBuffer += buffer.count;
    written += buffer.count + buffer.overrun;
  }
  return `# entries-in-buffer/entries-written: ${inBuffer}/${written}   #P:${array.host.cpus}\n#\n`;
}

const COLUMNS = `#                                _-----=> irqs-off/BH-disabled
#                               / _----=> need-resched
#                              | / _---=> hardirq/softirq
#                              || / _--=> preempt-depth
#                              ||| / _-=> migrate-disable
#                              |||| /     delay
#           TASK-PID     CPU#  |||||  TIMESTAMP  FUNCTION
#              | |         |   |||||     |         |
`;

const PLAIN_COLUMNS = `#           TASK-PID     CPU#     TIMESTAMP  FUNCTION
#              | |         |         |         |
`;

/** Whether the starts of CPU buffers are told: once one of them gave up records. */
function annotated(array: TraceArray, buffer: TraceBuffer): boolean {
  if (!array.options.has("annotate")) return false;
  for (let cpu = 0; cpu < array.host.cpus; cpu++) {
    if ((buffer.cpu(cpu)?.overrun ?? 0) > 0) return true;
  }
  return false;
}

function linesText(array: TraceArray, entries: readonly TraceEntry[], annotate: boolean): string {
  const graph = array.tracer === "function_graph" ? new GraphPrinter(array) : null;
  const started = new Set<number>();
  const lines: string[] = [];
  const next = graph === null ? [] : nextOnCpu(entries);
  for (let i = 0; i < entries.length; i++) {
    const entry = entries[i] as TraceEntry;
    if (annotate && !started.has(entry.cpu)) {
      started.add(entry.cpu);
      if (i > 0) lines.push(`##### CPU ${entry.cpu} buffer started ####\n`);
    }
    lines.push(graph === null ? traceLine(array, entry) : graph.print(entry, next[i]));
  }
  return lines.join("");
}

/** For each record the one behind it in its CPU's buffer. */
function nextOnCpu(entries: readonly TraceEntry[]): (TraceEntry | undefined)[] {
  const next: (TraceEntry | undefined)[] = new Array(entries.length);
  const later = new Map<number, TraceEntry>();
  for (let i = entries.length - 1; i >= 0; i--) {
    const entry = entries[i] as TraceEntry;
    next[i] = later.get(entry.cpu);
    later.set(entry.cpu, entry);
  }
  return next;
}

function lostText(array: TraceArray, only?: number): string {
  let text = "";
  for (let cpu = 0; cpu < array.host.cpus; cpu++) {
    if (only !== undefined && only !== cpu) continue;
    const buffer = array.buffer.cpu(cpu);
    if (buffer === undefined || buffer.lost === 0) continue;
    text += `CPU:${cpu} [LOST ${buffer.lost} EVENTS]\n`;
    buffer.lost = 0;
  }
  return text;
}
