/**
 * `current_tracer`: nop, function and function_graph, and what decides which functions they follow.
 *
 * @module
 */

import type { FunctionTracer } from "../calls/hooks.ts";
import { type EntryKind, entryPath } from "../calls/entry_paths.ts";
import { behaviourNames } from "../calls/function.ts";
import type { KernelFunction } from "../calls/kernel_function.ts";
import type { Kernel } from "../kernel.ts";
import { EINVAL } from "../syscalls/errno.ts";
import { FunctionFilter, nameOf } from "./ftrace_filter.ts";
import { FunctionTrace, GraphTrace } from "./function_traces.ts";
import { PidFilter } from "./pid_filter.ts";
import type { Sysctls } from "./sysctls.ts";
import type { TraceArray } from "./trace_array.ts";

const TRACERS = ["function_graph", "function", "nop"];

/** The tracers of one trace array. */
export class Tracers {
  readonly filter: FunctionFilter;
  readonly notrace: FunctionFilter;
  readonly graphFunction: FunctionFilter;
  readonly graphNotrace: FunctionFilter;
  readonly pids: PidFilter = new PidFilter();
  readonly notracePids: PidFilter = new PidFilter();
  maxGraphDepth = 0;
  readonly #k: Kernel;
  readonly #array: TraceArray;
  readonly #sysctls: Sysctls;
  #followed: KernelFunction[] = [];

  constructor(k: Kernel, array: TraceArray, sysctls: Sysctls) {
    this.#k = k;
    this.#array = array;
    this.#sysctls = sysctls;
    const rearm = () => this.arm();
    this.filter = new FunctionFilter(k.image, "#### all functions enabled ####", rearm);
    this.notrace = new FunctionFilter(k.image, "#### no functions disabled ####", rearm);
    this.graphFunction = new FunctionFilter(k.image, "#### all functions enabled ####", rearm);
    this.graphNotrace = new FunctionFilter(k.image, "#### no functions disabled ####", rearm);
    // A module brings functions of its own.
    k.modules.onChange(() => {
      if (array.tracer !== "nop") this.arm();
    });
  }

  /** Names for `available_tracers`, as this kernel has them. */
  available(): string {
    const others = this.#k.image.arch === "arm64" ? ["blk"] : ["blk", "mmiotrace"];
    return `${[...others, ...TRACERS].join(" ")}\n`;
  }

  /** Chooses a tracer; the buffer is emptied. 0 or -errno. */
  choose(name: string): number {
    if (!TRACERS.includes(name)) return -EINVAL;
    if (name === this.#array.tracer) return 0;
    this.#array.buffer.expand();
    this.#array.buffer.clear();
    this.#array.tracer = name;
    this.arm();
    return 0;
  }

  /** Follows the functions that the tracer and the filters ask for, and no others. */
  arm(): void {
    for (const fn of this.#followed) fn.tracer = null;
    this.#followed = [];
    const tracer = this.#make();
    if (tracer === null || this.#sysctls.ftraceEnabled === 0) return;
    for (const fn of reachableFunctions(this.#k)) {
      if (!this.#wants(fn.name)) continue;
      fn.tracer = tracer;
      this.#followed.push(fn);
    }
  }

  /** `enabled_functions`: what has callbacks, with their number. */
  enabledText(): string {
    const { image } = this.#k;
    const probed = new Set(
      this.#k.kprobes.list().flatMap((p) => {
        const point = this.#k.kprobes.pointOf(p);
        return point !== undefined && point.onFtrace && point.armed ? [point.address] : [];
      }),
    );
    const traced = this.#array.tracer !== "nop" && this.#sysctls.ftraceEnabled !== 0;
    if (!traced && probed.size === 0) return "";
    let text = "";
    for (const line of image.filterFunctions()) {
      const name = nameOf(line);
      const address = image.symbol(name)?.address ?? 0;
      const follows = traced && this.#wants(name);
      const probe = probed.has(address);
      if (follows || probe) text += this.#enabledLine(line, follows, probe);
    }
    return text;
  }

  #enabledLine(line: string, follows: boolean, probe: boolean): string {
    const { image } = this.#k;
    const count = (follows ? 1 : 0) + (probe ? 1 : 0);
    const start = `${line} (${count})${probe ? " R" : "  "}    `;
    // Only x86_64 calls callbacks by trampolines of their own.
    if (image.arch !== "x86_64") return `${start}\n`;
    const describe = (callback: string) => {
      const size = image.symbol(callback)?.size ?? 0;
      return `${callback}+0x0/0x${size.toString(16)}`;
    };
    if (count > 1) return `${start} ->${describe("arch_ftrace_ops_list_func")}\n`;
    const callback = probe
      ? "kprobe_ftrace_handler"
      : this.#array.tracer === "function"
      ? "function_trace_call"
      : "ftrace_graph_func";
    return `${start}\ttramp: 0x${TRAMPOLINE} (${describe(callback)}) ->${describe(callback)}\n`;
  }

  #wants(name: string): boolean {
    return (this.filter.empty || this.filter.has(name)) && !this.notrace.has(name);
  }

  #make(): FunctionTracer | null {
    switch (this.#array.tracer) {
      case "function":
        return new FunctionTrace(this.#k, this.#array, this);
      case "function_graph":
        return new GraphTrace(this.#k, this.#array, this);
      default:
        return null;
    }
  }
}

/** Where the first trampoline for callbacks lies: in the modules' space. */
const TRAMPOLINE = "ffffffffc0201000";

const ENTRY_KINDS: readonly EntryKind[] = ["syscall", "exit", "fault", "kthread", "bare"];

/** Every function that a model can call and ftrace can follow. */
export function* reachableFunctions(k: Kernel): Generator<KernelFunction, void, void> {
  const seen = new Set<KernelFunction>();
  const { image } = k;
  const entries = image.syscallNames().flatMap((name) => image.syscallEntry(name) ?? []);
  const modules = k.modules.functions().map(({ symbol }) => symbol.name);
  const around = ENTRY_KINDS.flatMap((kind) => entryPath(image.arch, kind).through);
  for (
    const name of [...k.calls.shapes.functionNames(), ...behaviourNames(), ...entries, ...around, ...modules]
  ) {
    const fn = k.calls.functionByName(name);
    if (fn === undefined || seen.has(fn) || !fn.visible || !image.isTraceable(fn.name)) continue;
    seen.add(fn);
    yield fn;
  }
}
