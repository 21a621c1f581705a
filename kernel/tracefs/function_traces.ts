/**
 * The function and function_graph tracers: what they record of each call.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import type { FunctionTracer } from "../calls/hooks.ts";
import type { KernelFunction } from "../calls/kernel_function.ts";
import type { Kernel } from "../kernel.ts";
import type { Task } from "../process/task.ts";
import type { FunctionFilter } from "./ftrace_filter.ts";
import type { PidFilter } from "./pid_filter.ts";
import type { TraceArray } from "./trace_array.ts";

/** Bytes of the tracers' records. */
const FUNCTION_SIZE = 24;
const GRAPH_ENTRY_SIZE = 20;
const GRAPH_RETURN_SIZE = 40;

/** Whose calls are recorded. */
export interface TaskLimits {
  /** Only these processes; empty: all. */
  readonly pids: PidFilter;
  /** Not these. */
  readonly notracePids: PidFilter;
}

/** What limits function_graph. */
export interface GraphLimits extends TaskLimits {
  /** Only these and what they call; empty: everything. */
  readonly graphFunction: FunctionFilter;
  /** Not these and what they call. */
  readonly graphNotrace: FunctionFilter;
  /** Levels of calls; 0 has no limit. */
  readonly maxGraphDepth: number;
  /** Only calls that took as long, told at their return; 0 tells all, at both ends. */
  readonly threshold: { readonly ns: number };
}

/** Records each call: `vfs_read <-ksys_read`. */
export class FunctionTrace implements FunctionTracer {
  readonly first: boolean;
  readonly #array: TraceArray;
  readonly #flags: string;
  readonly #limits: TaskLimits;

  constructor(k: Kernel, array: TraceArray, limits: TaskLimits) {
    this.#limits = limits;
    this.first = k.image.arch !== "arm64";
    this.#array = array;
    // The tracer itself disables preemption where the kernel is preemptible.
    this.#flags = k.image.arch === "arm64" ? "....." : "...1.";
  }

  enter(fn: KernelFunction, task: Task, returnAddress: Addr): boolean {
    if (isLeftOut(task, this.#limits)) return false;
    this.#array.buffer.record(
      { kind: "function", ip: fn.address, parent: returnAddress },
      this.#flags,
      FUNCTION_SIZE,
    );
    return false;
  }

  leave(): void {}
}

/** Records calls and returns. */
export class GraphTrace implements FunctionTracer {
  readonly first: boolean;
  readonly #k: Kernel;
  readonly #array: TraceArray;
  readonly #limits: GraphLimits;
  /** Calls that wait for their return, by task, innermost last. */
  readonly #open = new WeakMap<Task, OpenCall[]>();

  constructor(k: Kernel, array: TraceArray, limits: GraphLimits) {
    this.first = k.image.arch !== "arm64";
    this.#k = k;
    this.#array = array;
    this.#limits = limits;
  }

  enter(fn: KernelFunction, task: Task): boolean {
    if (isLeftOut(task, this.#limits)) return false;
    let open = this.#open.get(task);
    if (open === undefined) this.#open.set(task, open = []);
    // Calls that never returned are no longer on the stack.
    while (open.length > 0 && (open.at(-1) as OpenCall).level >= task.depth) open.pop();
    const above = open.at(-1);
    const depth = open.length;
    const call: OpenCall = { level: task.depth, calltime: this.#k.clock.now, ...this.#judge(fn, above) };
    if (!call.inside && !call.silent) return false;
    if (!call.silent && this.#limits.maxGraphDepth > 0 && depth >= this.#limits.maxGraphDepth) return false;
    open.push(call);
    if (!call.silent && this.#limits.threshold.ns === 0) {
      this.#array.buffer.record(
        { kind: "graph_entry", func: fn.address, depth },
        ".....",
        GRAPH_ENTRY_SIZE,
      );
    }
    return true;
  }

  leave(fn: KernelFunction, task: Task): void {
    const open = this.#open.get(task) ?? [];
    while ((open.at(-1)?.level ?? 0) > task.depth) open.pop();
    const call = open.pop();
    if (call !== undefined && !call.silent) this.#record(fn, open.length, call.calltime);
  }

  #record(fn: KernelFunction, depth: number, calltime: number): void {
    const rettime = this.#k.clock.now;
    if (rettime - calltime < this.#limits.threshold.ns) return;
    this.#array.buffer.record(
      { kind: "graph_return", func: fn.address, depth, calltime, rettime },
      ".....",
      GRAPH_RETURN_SIZE,
    );
  }

  /** Whether a call is inside what `set_graph_function` names, and whether it is below what `set_graph_notrace` names. */
  #judge(fn: KernelFunction, above: OpenCall | undefined): { inside: boolean; silent: boolean } {
    const { graphFunction, graphNotrace } = this.#limits;
    return {
      inside: graphFunction.empty || above?.inside === true || graphFunction.has(fn.name),
      silent: above?.silent === true || graphNotrace.has(fn.name),
    };
  }
}

function isLeftOut(task: Task, { pids, notracePids }: TaskLimits): boolean {
  return (!pids.empty && !pids.has(task.pid)) || notracePids.has(task.pid);
}

interface OpenCall {
  /** Depth of the task's stack of calls at which it is. */
  readonly level: number;
  readonly calltime: number;
  readonly inside: boolean;
  readonly silent: boolean;
}
