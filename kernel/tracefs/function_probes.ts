/**
 * Commands of `set_ftrace_filter`: what calls of functions set off, whichever tracer runs. `vfs_read:traceoff:3`
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import type { FunctionTracer } from "../calls/hooks.ts";
import type { KernelFunction } from "../calls/kernel_function.ts";
import type { Kernel } from "../kernel.ts";
import type { Task } from "../process/task.ts";
import { EINVAL } from "../syscalls/errno.ts";
import type { FollowedFunctions, FunctionChooser } from "./followed_functions.ts";
import type { FunctionCommands } from "./ftrace_filter.ts";
import { FtraceHash } from "./ftrace_hash.ts";
import {
  eventKind,
  type FunctionEntry,
  isCommand,
  type ProbeContext,
  type ProbeKind,
  simpleKind,
} from "./function_probe_kinds.ts";
import { functionMatcher, matchingFunctions } from "./function_match.ts";
import type { TraceArray } from "./trace_array.ts";
import { functionName } from "./trace_symbol.ts";

/** The commands of one trace array. */
export class FunctionProbes implements FunctionCommands {
  readonly #k: Kernel;
  readonly #array: TraceArray;
  readonly #followed: FollowedFunctions;
  /** The newest first. */
  readonly #probes: FunctionProbe[] = [];

  constructor(k: Kernel, array: TraceArray, followed: FollowedFunctions) {
    this.#k = k;
    this.#array = array;
    this.#followed = followed;
  }

  /** `FUNC:COMMAND[:PARAM]`, with `!` before it to take that away: 0 or -errno. */
  run(functions: string, command: string, param: string | undefined): number {
    if (!isCommand(command)) return -EINVAL;
    const removes = functions.startsWith("!");
    const context: ProbeContext = { k: this.#k, array: this.#array };
    const kind = eventKind(command, param, removes, context) ?? simpleKind(command, param, removes, context);
    if (typeof kind === "number") return kind;
    const at = this.#probes.findIndex((probe) => probe.ops === kind.ops);
    const known = this.#probes[at];
    if (removes) {
      const result = known?.remove(functions.slice(1)) ?? -EINVAL;
      if (known !== undefined && !known.active) this.#drop(known);
      if (result === 0) this.#followed.arm();
      return result;
    }
    const probe = known ?? new FunctionProbe(kind, context);
    const result = probe.add(functions, kind);
    if (result < 0) return result;
    if (known === undefined) {
      this.#probes.unshift(probe);
      this.#followed.begins(probe);
    }
    this.#followed.arm();
    return 0;
  }

  get lines(): readonly string[] {
    return this.#probes.flatMap((probe) => probe.lines());
  }

  /** The trace array goes away. */
  close(): void {
    for (const probe of this.#probes.slice()) {
      probe.remove("*");
      this.#drop(probe);
    }
  }

  #drop(probe: FunctionProbe): void {
    this.#probes.splice(this.#probes.indexOf(probe), 1);
    this.#followed.remove(probe);
  }
}

/** `struct ftrace_func_probe`: one kind of command, with the functions that it is on. */
class FunctionProbe implements FunctionChooser, FunctionTracer {
  readonly ops: string;
  readonly callback = "function_trace_probe_call";
  readonly first: boolean;
  readonly #context: ProbeContext;
  readonly #kind: ProbeKind;
  readonly #hash: FtraceHash;
  readonly #entries = new Map<string, FunctionEntry>();

  constructor(kind: ProbeKind, context: ProbeContext) {
    this.ops = kind.ops;
    this.first = context.k.image.arch !== "arm64";
    this.#kind = kind;
    this.#context = context;
    this.#hash = new FtraceHash(context.k.image.pointerSize);
  }

  get active(): boolean {
    return this.#entries.size > 0;
  }

  wants(name: string): boolean {
    return this.#entries.has(name);
  }

  make(): FunctionTracer {
    return this;
  }

  /** `register_ftrace_function_probe`: -EINVAL where no function is new. */
  add(functions: string, kind: ProbeKind): number {
    const { image } = this.#context.k;
    const names = matchingFunctions(image, functions).filter((name) => !this.#entries.has(name));
    if (names.length === 0) {
      kind.refused?.();
      return -EINVAL;
    }
    const added = names.map((name) => ({ name, address: image.symbol(name)?.address ?? 0 }));
    for (const { name, address } of added) this.#entries.set(name, kind.entry(address));
    this.#hash.change(added, new Set());
    return 0;
  }

  /** `unregister_ftrace_function_probe_func` */
  remove(functions: string): number {
    const matches = functions === "" || functions === "*" ? () => true : functionMatcher(functions);
    const removed = new Set([...this.#entries.keys()].filter(matches));
    if (removed.size === 0) return -EINVAL;
    this.#hash.change([], removed);
    for (const name of removed) {
      this.#entries.get(name)?.removed?.();
      this.#entries.delete(name);
    }
    return 0;
  }

  lines(): readonly string[] {
    return this.#hash.names().flatMap((name) => {
      const entry = this.#entries.get(name);
      return entry === undefined
        ? []
        : [`${functionName(this.#context.array, entry.address)}:${entry.text()}`];
    });
  }

  enter(fn: KernelFunction, task: Task, _returnAddress: Addr): boolean {
    const entry = this.#entries.get(fn.name);
    if (entry !== undefined) this.#kind.hit(entry, fn, task);
    return false;
  }

  leave(): void {}
}
