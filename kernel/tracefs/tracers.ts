/**
 * `current_tracer` of one trace array: nop, function and function_graph, and what decides which functions they follow.
 *
 * @module
 */

import type { FunctionTracer } from "../calls/hooks.ts";
import type { Kernel } from "../kernel.ts";
import { EINVAL } from "../syscalls/errno.ts";
import type { Nanoseconds } from "./buffer_settings.ts";
import type { FollowedFunctions } from "./followed_functions.ts";
import { FunctionFilter } from "./ftrace_filter.ts";
import { FunctionProbes } from "./function_probes.ts";
import { FunctionTrace, GraphTrace } from "./function_traces.ts";
import { PidFilter } from "./pid_filter.ts";
import type { TraceArray } from "./trace_array.ts";
import { INSTANCE_TRACERS } from "./trace_options.ts";

const TRACERS = ["function_graph", "function", "nop"];

/** The tracers of one trace array. */
export class Tracers {
  readonly filter: FunctionFilter;
  /** Commands of the filter: what calls set off besides. */
  readonly probes: FunctionProbes;
  readonly notrace: FunctionFilter;
  readonly graphFunction: FunctionFilter;
  readonly graphNotrace: FunctionFilter;
  readonly pids: PidFilter = new PidFilter();
  readonly notracePids: PidFilter = new PidFilter();
  maxGraphDepth = 0;
  /** `tracing_thresh`: function_graph tells only of calls that took as long, at their return. 0: of all. */
  readonly threshold: Nanoseconds = { ns: 0 };
  readonly #k: Kernel;
  readonly #array: TraceArray;
  readonly #followed: FollowedFunctions;
  readonly #forgetsModules: () => void;
  /** Kept while the tracer is: it knows the calls under way. */
  #made: FunctionTracer | null = null;

  constructor(k: Kernel, array: TraceArray, followed: FollowedFunctions) {
    this.#k = k;
    this.#array = array;
    this.#followed = followed;
    const rearm = () => followed.arm();
    this.probes = new FunctionProbes(k, array, followed);
    this.filter = new FunctionFilter(k.image, "#### all functions enabled ####", rearm, {
      takesModules: true,
      commands: this.probes,
    });
    this.notrace = new FunctionFilter(k.image, "#### no functions disabled ####", rearm, {
      takesModules: true,
    });
    this.graphFunction = new FunctionFilter(k.image, "#### all functions enabled ####", rearm);
    this.graphNotrace = new FunctionFilter(k.image, "#### no functions disabled ####", rearm);
    followed.add(this);
    this.#forgetsModules = k.modules.onChange((module, state) => {
      if (state !== "coming") return;
      this.filter.moduleComing(module.name);
      this.notrace.moduleComing(module.name);
    });
  }

  /** Whether a tracer is chosen. */
  get active(): boolean {
    return this.#array.tracer !== "nop";
  }

  /** The kernel's function that is told of calls. */
  get callback(): string {
    const { tracer, options } = this.#array;
    if (tracer !== "function") return "ftrace_graph_func";
    const stack = options.has("func_stack_trace") ? "stack_" : "";
    const repeats = options.has("func-no-repeats") ? "no_repeats_" : "";
    return `function_${stack}${repeats}trace_call`;
  }

  /** Names for `available_tracers`, as this kernel has them. */
  available(): string {
    if (this.#array.name !== "") return `${INSTANCE_TRACERS.join(" ")}\n`;
    const others = this.#k.image.arch === "arm64" ? ["blk"] : ["blk", "mmiotrace"];
    return `${[...others, ...TRACERS].join(" ")}\n`;
  }

  /** Chooses a tracer; the buffer is emptied. 0 or -errno. */
  choose(name: string): number {
    const known = this.#array.name === "" ? TRACERS : INSTANCE_TRACERS;
    if (!known.includes(name)) return -EINVAL;
    if (name === this.#array.tracer) return 0;
    this.#array.buffer.expand();
    this.#array.reset();
    const { tasks } = this.#array.shared;
    if (this.#array.tracer !== "nop") tasks.tracer(false);
    if (name !== "nop") tasks.tracer(true);
    this.#array.tracer = name;
    this.#stop();
    this.#followed.begins(this);
    this.#followed.arm();
    return 0;
  }

  #stop(): void {
    if (this.#made instanceof GraphTrace) this.#made.stop();
    this.#made = null;
  }

  /** The trace array goes away. */
  close(): void {
    if (this.#array.tracer !== "nop") this.#array.shared.tasks.tracer(false);
    this.#stop();
    this.probes.close();
    this.#forgetsModules();
    this.#followed.remove(this);
  }

  /** Whether the tracer follows a function, as the filters are. */
  wants(name: string): boolean {
    return (this.filter.empty || this.filter.has(name)) && !this.notrace.has(name);
  }

  /** What is told of calls; null for nop. */
  make(): FunctionTracer | null {
    const { tracer } = this.#array;
    if (tracer === "function") this.#made ??= new FunctionTrace(this.#k, this.#array, this);
    else if (tracer === "function_graph") this.#made ??= new GraphTrace(this.#k, this.#array, this);
    return this.#made;
  }
}
