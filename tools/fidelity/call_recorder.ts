/**
 * A tracer like function_graph that keeps call trees, with arguments and results, instead of printing them.
 *
 * @module
 */

import type { FunctionTracer } from "../../kernel/calls/hooks.ts";
import type { KernelFunction } from "../../kernel/calls/kernel_function.ts";
import type { Kernel } from "../../kernel/kernel.ts";
import type { Task } from "../../kernel/process/task.ts";
import { reachableFunctions } from "../../kernel/tracefs/followed_functions.ts";
import { InterruptFilter } from "../compile_shapes/interrupts.ts";
import type { CallData, CallTree, TaskTrees } from "../compile_shapes/call_tree.ts";

interface Open {
  readonly tree: CallTree;
  readonly data: CallData;
  readonly level: number;
  readonly start: number;
  /** Part of an interrupt, which belongs to no system call. */
  readonly hidden: boolean;
  readonly interrupts: InterruptFilter;
}

interface TaskState {
  readonly trees: TaskTrees;
  readonly open: Open[];
}

/** Whether an interrupt's own frames lie between two levels of a task's calls. */
function isInterrupt(task: Task, from: number, to: number): boolean {
  for (let level = from; level < to - 1; level++) if (task.frames[level]?.fn.name === "") return true;
  return false;
}

/** Records the calls of one kernel under root functions. */
export class CallRecorder implements FunctionTracer {
  readonly first: boolean;
  readonly results = true;
  readonly #k: Kernel;
  readonly #isRoot: (name: string) => boolean;
  readonly #depth: number;
  readonly #tasks = new Map<Task, TaskState>();

  /** `isRoot`: functions whose calls are recorded; `depth`: levels of calls. */
  constructor(k: Kernel, isRoot: (name: string) => boolean, depth: number) {
    this.first = k.image.arch !== "arm64";
    this.#k = k;
    this.#isRoot = isRoot;
    this.#depth = depth;
  }

  /** Follows every function that ftrace can follow and a model can call. */
  arm(): void {
    for (const fn of reachableFunctions(this.#k)) fn.tracer = this;
  }

  /** What was recorded, by task in order of appearance. */
  tasks(): TaskTrees[] {
    return [...this.#tasks.values()].map((state) => state.trees);
  }

  enter(fn: KernelFunction, task: Task): boolean {
    let state = this.#tasks.get(task);
    const level = task.depth;
    if (state !== undefined) {
      const { open } = state;
      while (open.length > 0 && (open[open.length - 1] as Open).level >= level) open.pop();
    }
    const above = state?.open[state.open.length - 1];
    if (above === undefined && !this.#isRoot(fn.name)) return false;
    if (state === undefined) {
      state = { trees: { task: String(task.pid), roots: [] }, open: [] };
      this.#tasks.set(task, state);
    }
    if (state.open.length >= this.#depth) return false;
    const hidden = above !== undefined &&
      (above.hidden || above.interrupts.takes(fn.name) || isInterrupt(task, above.level, level));
    const frame = task.frames[level - 1];
    const args: number[] = [];
    const known = frame === undefined ? 0 : Math.min(frame.nargs, fn.nargs);
    for (let i = 0; i < known; i++) args.push(frame?.words[i] ?? NaN);
    const data: CallData = { fn: fn.name, args, result: NaN, place: undefined, calls: [] };
    const tree: CallTree = { fn: fn.name, calls: [], total: NaN, broken: false, data };
    if (above === undefined) state.trees.roots.push(tree);
    else if (!hidden) {
      above.tree.calls.push(tree);
      above.data.calls.push(data);
    }
    state.open.push({
      tree,
      data,
      level,
      hidden,
      start: this.#k.clock.now,
      interrupts: new InterruptFilter(),
    });
    return true;
  }

  leave(_: KernelFunction, task: Task, result: number): void {
    const open = this.#tasks.get(task)?.open ?? [];
    while ((open[open.length - 1]?.level ?? 0) > task.depth) open.pop();
    const call = open.pop();
    if (call === undefined) return;
    call.data.result = result;
    call.tree.total = this.#k.clock.now - call.start;
  }
}
