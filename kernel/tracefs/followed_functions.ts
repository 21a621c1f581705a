/**
 * Which functions the tracers of all trace arrays follow: `ftrace_ops` and what they are armed on.
 *
 * @module
 */

import { addressHex } from "../../image/address.ts";
import type { Addr } from "../../image/model.ts";
import { type EntryKind, entryPath } from "../calls/entry_paths.ts";
import { behaviourNames, calleeNames } from "../calls/function.ts";
import type { FunctionTracer } from "../calls/hooks.ts";
import type { KernelFunction } from "../calls/kernel_function.ts";
import type { Kernel } from "../kernel.ts";
import type { Task } from "../process/task.ts";
import { ftraceTrampoline } from "./ftrace_trampoline.ts";
import { nameOf } from "./function_match.ts";
import type { Sysctls } from "./sysctls.ts";

/** What chooses functions to follow: a trace array's tracer with its filters, or commands on functions. */
export interface FunctionChooser {
  /** Whether it follows any. */
  readonly active: boolean;
  /** The kernel's function that is called, as `enabled_functions` names it. */
  readonly callback: string;
  /** Whether the tracer follows a function. */
  wants(name: string): boolean;
  /** What is told of calls; null for nobody. */
  make(): FunctionTracer | null;
}

/** The functions that tracers follow. */
export class FollowedFunctions {
  readonly #k: Kernel;
  readonly #sysctls: Sysctls;
  readonly #choosers: FunctionChooser[] = [];
  #followed: KernelFunction[] = [];

  constructor(k: Kernel, sysctls: Sysctls) {
    this.#k = k;
    this.#sysctls = sysctls;
    // A module brings functions of its own.
    k.modules.onChange(() => {
      if (this.#active.length > 0) this.arm();
    });
  }

  /** A trace array's tracer. */
  add(chooser: FunctionChooser): void {
    this.#choosers.push(chooser);
  }

  /** It begins to follow functions: the newest is called first. */
  begins(chooser: FunctionChooser): void {
    const at = this.#choosers.indexOf(chooser);
    if (at >= 0) this.#choosers.splice(at, 1);
    this.#choosers.unshift(chooser);
  }

  /** A trace array goes away. */
  remove(chooser: FunctionChooser): void {
    const at = this.#choosers.indexOf(chooser);
    if (at < 0) return;
    this.#choosers.splice(at, 1);
    this.arm();
  }

  /** Whether any tracer follows a function. */
  follows(name: string): boolean {
    return this.#active.some((chooser) => chooser.wants(name));
  }

  /** Follows the functions that tracers and filters ask for, and no others. */
  arm(): void {
    for (const fn of this.#followed) fn.tracer = null;
    this.#followed = [];
    const tracers = this.#active.flatMap((chooser) => {
      const tracer = chooser.make();
      return tracer === null ? [] : [{ chooser, tracer }];
    });
    if (tracers.length === 0) return;
    const together = new Map<string, FunctionTracer>();
    for (const fn of reachableFunctions(this.#k)) {
      const wanting = tracers.filter(({ chooser }) => chooser.wants(fn.name));
      const only = wanting[0];
      if (only === undefined) continue;
      const key = wanting.map((one) => tracers.indexOf(one)).join();
      let tracer = together.get(key);
      if (tracer === undefined) {
        tracer = wanting.length === 1 ? only.tracer : new SeveralTracers(wanting.map((one) => one.tracer));
        together.set(key, tracer);
      }
      fn.tracer = tracer;
      this.#followed.push(fn);
    }
  }

  /** `enabled_functions`: what has callbacks, with their number. */
  text(): string {
    const { image } = this.#k;
    const probed = new Set(
      this.#k.kprobes.list().flatMap((p) => {
        const point = this.#k.kprobes.pointOf(p);
        return point !== undefined && point.onFtrace && point.armed ? [point.address] : [];
      }),
    );
    const active = this.#active;
    if (active.length === 0 && probed.size === 0) return "";
    let text = "";
    for (const line of image.filterFunctions()) {
      const name = nameOf(line);
      const address = image.symbol(name)?.address ?? 0;
      const following = active.filter((chooser) => chooser.wants(name));
      const probe = probed.has(address);
      if (following.length > 0 || probe) text += this.#line(line, following, probe);
    }
    return text;
  }

  /** Those that follow anything: none while ftrace is switched off. */
  get #active(): FunctionChooser[] {
    if (this.#sysctls.ftraceEnabled === 0) return [];
    return this.#choosers.filter(({ active }) => active);
  }

  #line(line: string, following: readonly FunctionChooser[], probe: boolean): string {
    const { image } = this.#k;
    const count = following.length + (probe ? 1 : 0);
    const start = `${line} (${count})${probe ? " R" : "  "}    `;
    // Only x86_64 calls callbacks by trampolines of their own.
    if (image.arch !== "x86_64") return `${start}\n`;
    const describe = (callback: string) => {
      const size = image.symbol(callback)?.size ?? 0;
      return `${callback}+0x0/0x${size.toString(16)}`;
    };
    if (count > 1) return `${start} ->${describe("arch_ftrace_ops_list_func")}\n`;
    const tramp = addressHex(image.arch, ftraceTrampoline(this.#k.arch.layout));
    const callback = probe ? "kprobe_ftrace_handler" : following[0]?.callback ?? "";
    return `${start}\ttramp: ${tramp} (${describe(callback)}) ->${describe(callback)}\n`;
  }
}

/** Tracers and commands on one function; one of them at most waits for returns. */
class SeveralTracers implements FunctionTracer {
  readonly first: boolean;
  readonly returnTo: Addr;
  readonly #tracers: readonly FunctionTracer[];

  constructor(tracers: readonly FunctionTracer[]) {
    this.#tracers = tracers;
    this.first = tracers.every((tracer) => tracer.first);
    this.returnTo = tracers.find(({ returnTo }) => returnTo !== undefined && returnTo !== 0)?.returnTo ?? 0;
  }

  enter(fn: KernelFunction, task: Task, returnAddress: Addr): boolean {
    let waits = false;
    for (const tracer of this.#tracers) if (tracer.enter(fn, task, returnAddress)) waits = true;
    return waits;
  }

  leave(fn: KernelFunction, task: Task, result: number): void {
    for (const tracer of this.#tracers) tracer.leave(fn, task, result);
  }
}

const ENTRY_KINDS: readonly EntryKind[] = ["syscall", "exit", "fault", "kthread", "bare"];

/** Every function that a model can call and ftrace can follow. */
export function* reachableFunctions(k: Kernel): Generator<KernelFunction, void, void> {
  const seen = new Set<KernelFunction>();
  const { image } = k;
  const entries = image.syscallNames().flatMap((name) => image.syscallEntry(name) ?? []);
  const modules = k.modules.functions().map(({ symbol }) => symbol.name);
  const around = ENTRY_KINDS.flatMap((kind) => entryPath(image.arch, kind).through);
  for (
    const name of [
      ...k.calls.shapes.functionNames(),
      ...behaviourNames(),
      ...calleeNames(),
      ...entries,
      ...around,
      ...modules,
    ]
  ) {
    const fn = k.calls.functionByName(name);
    if (fn === undefined || seen.has(fn) || !fn.visible || !image.isTraceable(fn.name)) continue;
    seen.add(fn);
    yield fn;
  }
}
