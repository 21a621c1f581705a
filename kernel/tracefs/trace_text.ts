/**
 * The text of `trace` and `trace_pipe`.
 *
 * @module
 */

import type { TraceBuffer } from "./buffer.ts";
import { GraphPrinter } from "./graph_text.ts";
import { latencyContext } from "./latency_text.ts";
import type { TraceArray } from "./trace_array.ts";
import type { TraceEntry } from "./trace_entry.ts";
import { binText, hexLine, rawLine } from "./trace_formats.ts";
import { headerText } from "./trace_header.ts";
import { contextText, entryText } from "./trace_line.ts";

/** Text of `trace`, or of `snapshot`; of one CPU's buffer where `cpu` is given. */
export function traceText(array: TraceArray, cpu?: number, buffer: TraceBuffer = array.buffer): string {
  const entries = buffer.entries(cpu);
  return headerText(array, buffer) +
    linesText(array, buffer, entries, { annotate: annotated(array, buffer) });
}

/** Consumes the buffer: text of `trace_pipe`. */
export function pipeText(array: TraceArray, cpu?: number): string {
  const lost = new Map<TraceEntry, number>();
  const entries = array.buffer.consume(cpu, lost);
  return linesText(array, array.buffer, entries, { lost });
}

/** How `ftrace_dump` consumes the buffer: what it writes into the kernel's log. */
export function dumpedLines(array: TraceArray, cpu?: number): readonly string[] {
  const lost = new Map<TraceEntry, number>();
  const { buffer } = array;
  return buffer.consume(cpu, lost).map((entry) => linesText(array, buffer, [entry], { lost, latency: true }));
}

interface LineOptions {
  /** Tell where a CPU's records begin. */
  readonly annotate?: boolean;
  /** A consuming reader: how many records were lost before one. */
  readonly lost?: ReadonlyMap<TraceEntry, number>;
  readonly latency?: boolean;
}

/** Whether the starts of CPU buffers are told: once one of them gave up records. */
function annotated(array: TraceArray, buffer: TraceBuffer): boolean {
  return array.options.has("annotate") && buffer.totals().overrun > 0;
}

/** `print_trace_line` of each record. */
function linesText(
  array: TraceArray,
  buffer: TraceBuffer,
  entries: readonly TraceEntry[],
  { annotate, lost, latency = array.options.has("latency-format") }: LineOptions,
): string {
  const { options } = array;
  const graph = array.tracer === "function_graph" ? new GraphPrinter(array) : null;
  const next = graph === null ? [] : nextOnCpu(entries);
  const withContext = options.has("context-info");
  const messagesOnly = options.has("trace_printk") && options.has("printk-msg-only");
  const format = options.has("bin")
    ? binText
    : options.has("hex")
    ? hexLine
    : options.has("raw")
    ? rawLine
    : null;
  const started = new Set<number>();
  const lines: string[] = [];
  for (let i = 0; i < entries.length; i++) {
    const entry = entries[i] as TraceEntry;
    const missing = lost?.get(entry);
    if (missing !== undefined) lines.push(`CPU:${entry.cpu} [LOST ${missing} EVENTS]\n`);
    const drawn = graph?.print(entry, next[i]) ?? null;
    if (drawn !== null) {
      lines.push(drawn);
    } else if (messagesOnly && entry.content.kind === "print") {
      lines.push(`${entry.content.text}\n`);
    } else if (format !== null) {
      lines.push(format(array, entry));
    } else {
      if (annotate === true && !started.has(entry.cpu)) {
        started.add(entry.cpu);
        if (i > 0) lines.push(`##### CPU ${entry.cpu} buffer started ####\n`);
      }
      if (withContext && latency) {
        // A consuming reader has not left the record yet when it looks for the next one.
        const until = lost === undefined ? entries[i + 1]?.time ?? entry.time : entry.time;
        lines.push(latencyContext(array, buffer, entry, until, i + 1));
      } else if (withContext) {
        lines.push(contextText(array, entry));
      }
      lines.push(`${entryText(array, entry)}\n`);
    }
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
