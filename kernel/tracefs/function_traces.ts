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
import type { TraceRegistration } from "../tracing/tracepoints.ts";
import type { FunctionFilter } from "./ftrace_filter.ts";
import { functionStack } from "./function_stack.ts";
import type { PidFilter } from "./pid_filter.ts";
import { emitStack } from "./stack_record.ts";
import type { TraceArray } from "./trace_array.ts";
import { FTRACE_RETFUNC_DEPTH } from "./depths.ts";

/** Bytes of the tracers' records. */
const FUNCTION_SIZE = 24;
const REPEATS_SIZE = 32;
/** Repetitions that one record tells. */
const MOST_REPEATS = 0xffff;
const GRAPH_ENTRY_SIZE = 20;
const GRAPH_RETURN_SIZE = 40;

interface LastCall {
  readonly ip: Addr;
  readonly parent: Addr;
  /** How often it was repeated since it was told, and when it was last. */
  count: number;
  time: number;
}

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
  readonly #k: Kernel;
  /** What each CPU called last, for `func-no-repeats`. */
  readonly #last: LastCall[] = [];

  constructor(k: Kernel, array: TraceArray, limits: TaskLimits) {
    this.#limits = limits;
    this.#k = k;
    this.first = k.image.arch !== "arm64";
    this.#array = array;
    // The tracer itself disables preemption where the kernel is preemptible.
    this.#flags = k.image.arch === "arm64" ? "....." : "...1.";
  }

  enter(fn: KernelFunction, task: Task, returnAddress: Addr): boolean {
    const { buffer, options } = this.#array;
    if (isLeftOut(task, this.#limits)) return false;
    const call = { ip: fn.address, parent: returnAddress };
    if (options.has("func-no-repeats") && buffer.on && this.#repeats(call)) return false;
    buffer.record({ kind: "function", ...call }, this.#flags, FUNCTION_SIZE);
    if (options.has("func_stack_trace")) emitStack(buffer, functionStack(this.#k, fn, task), this.#flags);
    return false;
  }

  /** Whether the call is the one before again; if not, it is told how often that was repeated. */
  #repeats(call: { readonly ip: Addr; readonly parent: Addr }): boolean {
    const { now } = this.#k.clock;
    const { cpu } = this.#k;
    const last = this.#last[cpu];
    if (
      last !== undefined && last.ip === call.ip && last.parent === call.parent && last.count < MOST_REPEATS
    ) {
      last.count++;
      last.time = now;
      return true;
    }
    if (last !== undefined && last.count > 0) {
      const { ip, parent, count, time } = last;
      this.#array.buffer.record(
        { kind: "function_repeats", ip, parent, count, last: time },
        this.#flags,
        REPEATS_SIZE,
      );
    }
    this.#last[cpu] = { ...call, count: 0, time: now };
    return false;
  }

  leave(): void {}
}

/** Records calls and returns. */
export class GraphTrace implements FunctionTracer {
  readonly first: boolean;
  readonly returnTo: Addr;
  readonly #k: Kernel;
  readonly #array: TraceArray;
  readonly #limits: GraphLimits;
  /** Calls that wait for their return, by task, innermost last. */
  readonly #open = new WeakMap<Task, OpenCall[]>();
  /** Calls of each task that were too deep. */
  readonly #overruns = new WeakMap<Task, number>();
  /** Since when tasks are switched away from; kept while `sleep-time` is off. */
  #asleep: { readonly since: Map<number, number>; readonly registration: TraceRegistration } | null = null;

  constructor(k: Kernel, array: TraceArray, limits: GraphLimits) {
    this.first = k.image.arch !== "arm64";
    // Only x86_64 replaces the return address as one of ftrace's callbacks; the others do it after all of these.
    this.returnTo = k.image.arch === "x86_64" ? k.image.symbol("return_to_handler")?.address ?? 0 : 0;
    this.#k = k;
    this.#array = array;
    this.#limits = limits;
  }

  enter(fn: KernelFunction, task: Task): boolean {
    if (isLeftOut(task, this.#limits)) return false;
    let open = this.#open.get(task);
    if (open === undefined) this.#open.set(task, open = []);
    if (this.#asleep === null && !this.#array.options.has("sleep-time")) this.#watchSleep();
    // Calls that never returned are no longer on the stack.
    while (open.length > 0 && (open.at(-1) as OpenCall).level >= task.depth) open.pop();
    const above = open.at(-1);
    const depth = open.length;
    const call: OpenCall = { level: task.depth, calltime: this.#k.clock.now, ...this.#judge(fn, above) };
    if (!call.inside && !call.silent) return false;
    if (!call.silent && this.#limits.maxGraphDepth > 0 && depth >= this.#limits.maxGraphDepth) return false;
    if (open.length >= FTRACE_RETFUNC_DEPTH) {
      this.#overruns.set(task, (this.#overruns.get(task) ?? 0) + 1);
      return false;
    }
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
    if (call !== undefined && !call.silent) {
      this.#record(fn, open.length, call.calltime, this.#overruns.get(task) ?? 0);
    }
  }

  /** The tracer is no longer chosen. */
  stop(): void {
    if (this.#asleep !== null) this.#k.tracepoints.unregister(this.#asleep.registration);
    this.#asleep = null;
  }

  /** `ftrace_graph_probe_sched_switch`: time that a task sleeps is taken off the calls that it is in. */
  #watchSleep(): void {
    const k = this.#k;
    const since = new Map<number, number>();
    const fields = k.image.tracepoint("sched:sched_switch")?.fields ?? [];
    const offset = (name: string) => fields.find((field) => field.name === name)?.offset ?? 0;
    const [prev, next] = [offset("prev_pid"), offset("next_pid")];
    const registration = k.tracepoints.register("sched:sched_switch", (record) => {
      if (this.#array.options.has("sleep-time")) return;
      const { now } = k.clock;
      since.set(record.load(prev, 4, true), now);
      const pid = record.load(next, 4, true);
      const from = since.get(pid);
      const task = k.tasks.byPid(pid);
      if (from === undefined || task === undefined) return;
      for (const call of this.#open.get(task) ?? []) call.calltime += now - from;
    });
    this.#asleep = { since, registration };
  }

  #record(fn: KernelFunction, depth: number, calltime: number, overrun: number): void {
    const rettime = this.#k.clock.now;
    if (rettime - calltime < this.#limits.threshold.ns) return;
    this.#array.buffer.record(
      { kind: "graph_return", func: fn.address, depth, calltime, rettime, overrun },
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
  calltime: number;
  readonly inside: boolean;
  readonly silent: boolean;
}
