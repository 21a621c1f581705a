/**
 * The function_graph tracer's lines: calls as C blocks, with durations.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import type { TraceArray } from "./trace_array.ts";
import { durationMark, durationText } from "./duration.ts";
import type { TraceContent, TraceEntry } from "./trace_entry.ts";
import { entryText } from "./trace_line.ts";
import type { TraceOptions } from "./trace_options.ts";
import { functionName } from "./trace_symbol.ts";
import { FTRACE_RETFUNC_DEPTH } from "./depths.ts";

/** Columns of a task's name and id. */
const PROC_WIDTH = 14;
/** Characters of a task's name. */
const PROC_NAME = 7;
const FILL = "              |  ";
const RULE = " ------------------------------------------\n";

/** The header below `# tracer:`. */
export function graphHeader(options: TraceOptions): string {
  const time = options.has("funcgraph-abstime");
  const cpu = options.has("funcgraph-cpu");
  const proc = options.has("funcgraph-proc");
  const duration = options.has("funcgraph-duration");
  const latency = options.has("latency-format");
  const first = (time ? "     TIME       " : "") + (cpu ? " CPU" : "") + (proc ? "  TASK/PID       " : "") +
    (latency ? "||||   " : "") + (duration ? "  DURATION   " : "");
  const second = (time ? "      |         " : "") + (cpu ? " |  " : "") + (proc ? "   |    |        " : "") +
    (latency ? "||||   " : "") + (duration ? "   |   |      " : "");
  const width = (time ? 16 : 0) + (cpu ? 4 : 0) + (proc ? 17 : 0);
  const above = latency ? FLAG_LINES.map((line) => `#${" ".repeat(width)}${line}\n`).join("") : "";
  return `${above}#${first}               FUNCTION CALLS\n#${second}               |   |   |   |\n`;
}

/** `print_lat_header`: what the columns of flags are. */
const FLAG_LINES = [
  "  _-----=> irqs-off        ",
  " / _----=> need-resched    ",
  "| / _---=> hardirq/softirq ",
  "|| / _--=> preempt-depth   ",
  "||| /                      ",
];

interface CpuState {
  pid: number;
  depth: number;
  readonly functions: Addr[];
}

/** Prints records in order; remembers per CPU what was printed. */
export class GraphPrinter {
  readonly #array: TraceArray;
  readonly #cpuWidth: number;
  readonly #cpus: CpuState[] = [];
  /** Returns that were printed together with their calls. */
  readonly #leaves = new Set<TraceEntry>();

  constructor(array: TraceArray) {
    this.#array = array;
    this.#cpuWidth = String(array.host.cpus - 1).length;
  }

  /** Lines of a record, of which `next` is the following one on the same CPU; null for what prints as without a tracer. */
  print(entry: TraceEntry, next: TraceEntry | undefined): string | null {
    if (this.#leaves.delete(entry)) return "";
    if (entry.content.kind === "stack" || entry.content.kind === "function") return null;
    const state = this.#cpus[entry.cpu] ??= { pid: -1, depth: 0, functions: [] };
    const prologue = this.#switched(state, entry) + this.#prologue(entry);
    const { content } = entry;
    switch (content.kind) {
      case "graph_entry":
        return prologue + this.#call(state, entry, content, next);
      case "graph_return":
        return prologue + this.#return(state, content);
      case "print":
        return prologue + this.#comment(state, content.text);
      default:
        return prologue + this.#comment(state, entryText(this.#array, entry));
    }
  }

  #call(
    state: CpuState,
    entry: TraceEntry,
    content: Extract<TraceContent, { kind: "graph_entry" }>,
    next: TraceEntry | undefined,
  ): string {
    const { depth, func } = content;
    const name = functionName(this.#array, func);
    const returned = next?.content;
    if (
      next === undefined || returned?.kind !== "graph_return" || returned.func !== func ||
      next.pid !== entry.pid
    ) {
      state.depth = depth;
      if (depth < FTRACE_RETFUNC_DEPTH) state.functions[depth] = func;
      return `${this.#fill()}${indent(depth)}${name}() {\n`;
    }
    this.#leaves.add(next);
    state.depth = depth - 1;
    if (depth < FTRACE_RETFUNC_DEPTH) state.functions[depth] = 0;
    return `${this.#duration(returned.rettime - returned.calltime)}${indent(depth)}${name}();\n`;
  }

  #return(state: CpuState, content: Extract<TraceContent, { kind: "graph_return" }>): string {
    const { depth, func } = content;
    state.depth = depth - 1;
    let known = true;
    if (depth < FTRACE_RETFUNC_DEPTH) {
      known = state.functions[depth] === func;
      state.functions[depth] = 0;
    }
    const tail = known && !this.#array.options.has("funcgraph-tail")
      ? ""
      : ` /* ${functionName(this.#array, func)} */`;
    const overrun = this.#array.options.has("funcgraph-overrun")
      ? ` (Overruns: ${content.overrun ?? 0})\n`
      : "";
    return `${this.#duration(content.rettime - content.calltime)}${indent(depth)}}${tail}\n${overrun}`;
  }

  #comment(state: CpuState, text: string): string {
    const depth = state.depth > 0 ? indent(state.depth + 1) : "";
    return `${this.#fill()}${depth}/* ${text} */\n`;
  }

  /** The lines between two tasks' records on one CPU. */
  #switched(state: CpuState, entry: TraceEntry): string {
    const before = state.pid;
    if (before === entry.pid) return "";
    state.pid = entry.pid;
    if (before === -1) return "";
    return `${RULE}${this.#cpu(entry.cpu)}${this.#proc(before)} => ${this.#proc(entry.pid)}\n${RULE}\n`;
  }

  #prologue(entry: TraceEntry): string {
    const { options } = this.#array;
    if (!options.has("context-info")) return "";
    const time = options.has("funcgraph-abstime") ? `${absoluteTime(entry.time)} |  ` : "";
    const cpu = options.has("funcgraph-cpu") ? this.#cpu(entry.cpu) : "";
    const proc = options.has("funcgraph-proc") ? `${this.#proc(entry.pid)} | ` : "";
    const flags = options.has("latency-format") ? ` ${entry.flags} | ` : "";
    return time + cpu + proc + flags;
  }

  #cpu(cpu: number): string {
    return ` ${String(cpu).padStart(this.#cpuWidth)}) `;
  }

  #proc(pid: number): string {
    const text = `${this.#array.buffer.cmdlines.comm(pid).slice(0, PROC_NAME)}-${pid}`;
    const spaces = Math.max(0, PROC_WIDTH - text.length);
    return " ".repeat(spaces >> 1) + text + " ".repeat(spaces - (spaces >> 1));
  }

  #fill(): string {
    return this.#columns ? FILL : "";
  }

  #duration(ns: number): string {
    if (!this.#columns) return "";
    const mark = this.#array.options.has("funcgraph-overhead") ? durationMark(ns) : " ";
    return `${mark} ${durationText(ns)}|  `;
  }

  get #columns(): boolean {
    const { options } = this.#array;
    return options.has("funcgraph-duration") && options.has("context-info");
  }
}

/** Seconds with microseconds, not rounded. */
function absoluteTime(ns: number): string {
  const seconds = String(Math.floor(ns / 1e9)).padStart(5);
  return `${seconds}.${String(Math.floor((ns % 1e9) / 1000)).padStart(6, "0")}`;
}

function indent(depth: number): string {
  return " ".repeat(2 * depth);
}
