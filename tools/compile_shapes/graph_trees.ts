/**
 * Parses function_graph text into call trees: with or without the task column, any number of CPUs, interrupts taken
 * out, tasks told apart where they switch.
 *
 * @module
 */

import type { CallTree, TaskTrees } from "./call_tree.ts";
import { InterruptFilter } from "./interrupts.ts";
import { linesOf } from "./recording_text.ts";

const LINE = /^\s*(\d+)\)\s*(?:(\S.*?-\d+)\s*\|)?\s*(?:[^|\d]*([\d.]+) us)?[^|]*\|( *)(\S.*)$/;
const SWITCH = /^\s*(\d+)\)\s*\S.*?-\d+\s+=>\s+(\S.*-\d+)\s*$/;
/** Never returns: what it called until the recording's end is all it calls. */
const NO_RETURN = new Set(["do_exit", "make_task_dead"]);

interface Open {
  readonly tree: CallTree;
  readonly depth: number;
  readonly interrupts: InterruptFilter;
  /** An interrupt landed in it: its duration is not its own. */
  interrupted: boolean;
}

interface TaskState {
  readonly trees: TaskTrees;
  readonly stack: Open[];
  /** Depth of an interrupt's calls: deeper lines belong to it. -1: none. */
  interrupt: number;
}

/** Call trees of a function_graph recording, per task in order of appearance. */
export function parseGraph(text: string): TaskTrees[] {
  const tasks = new Map<string, TaskState>();
  const running = new Map<string, string>();
  for (const line of linesOf(text)) {
    if (line.startsWith("#")) continue;
    const switched = SWITCH.exec(line);
    if (switched !== null) {
      running.set(switched[1] ?? "", pidOf(switched[2] ?? ""));
      continue;
    }
    const match = LINE.exec(line);
    if (match === null) continue;
    const [, cpu = "", task, duration, indent = "", body = ""] = match;
    const key = task === undefined ? running.get(cpu) ?? `cpu${cpu}` : pidOf(task);
    let state = tasks.get(key);
    if (state === undefined) {
      state = { trees: { task: key, roots: [] }, stack: [], interrupt: -1 };
      tasks.set(key, state);
    }
    take(state, indent.length, body, duration === undefined ? NaN : Number(duration) * 1000);
  }
  for (const state of tasks.values()) {
    closeAll(state);
    state.trees.roots.forEach(dropPreemption);
  }
  return [...tasks.values()].map((state) => state.trees);
}

/** A task's comm changes at execve, its pid doesn't. */
function pidOf(task: string): string {
  return task.slice(task.lastIndexOf("-") + 1);
}

function take(state: TaskState, depth: number, body: string, duration: number): void {
  if (state.interrupt >= 0) {
    if (depth > state.interrupt || (depth === state.interrupt && body.startsWith("}"))) return;
    state.interrupt = -1;
  }
  if (body.startsWith("}")) {
    close(state, depth, duration);
    return;
  }
  const end = body.indexOf("(");
  if (end < 0) return;
  const opens = body.endsWith("{");
  if (!opens && !body.includes(");")) return;
  const bracket = body.indexOf(" [");
  const fn = body.slice(0, bracket >= 0 && bracket < end ? bracket : end);
  // Ends that the recording lost.
  while ((state.stack[state.stack.length - 1]?.depth ?? -1) >= depth) dropTop(state);
  const parent = state.stack[state.stack.length - 1];
  if (parent?.interrupts.takes(fn) === true) {
    parent.interrupted = true;
    if (opens) state.interrupt = depth;
    return;
  }
  const tree: CallTree = { fn, calls: [], total: opens ? NaN : duration, broken: false, data: null };
  if (parent === undefined) state.trees.roots.push(tree);
  else parent.tree.calls.push(tree);
  if (opens) state.stack.push({ tree, depth, interrupts: new InterruptFilter(), interrupted: false });
}

function close(state: TaskState, depth: number, duration: number): void {
  while ((state.stack[state.stack.length - 1]?.depth ?? -1) > depth) dropTop(state);
  const top = state.stack[state.stack.length - 1];
  if (top === undefined || top.depth !== depth) return;
  top.tree.total = top.interrupted ? NaN : duration;
  state.stack.pop();
}

function dropTop(state: TaskState): void {
  const top = state.stack.pop();
  if (top !== undefined) top.tree.broken = true;
}

/** The recording's end: calls that never return are whole, others are broken. */
function closeAll(state: TaskState): void {
  const dying = state.stack.some((open) => NO_RETURN.has(open.tree.fn));
  while (state.stack.length > 0) {
    const top = state.stack.pop();
    if (top === undefined) break;
    if (dying) {
      top.tree.total = top.tree.calls.reduce((sum, call) => sum + (call.total > 0 ? call.total : 0), 0);
    } else top.tree.broken = true;
  }
}

/** What a task switch calls, in a function that gave up the CPU. */
const SWITCHING =
  /^(?:rcu_note_context_switch|raw_spin_rq_lock_nested|_raw_spin_lock|update_rq_clock|pick_next_task_\w+|put_prev_\w+|psi_task_\w+|switch_mm_irqs_off|save_fpregs_to_fpstate|fpsimd_thread_switch|enter_lazy_tlb|check_and_switch_context|__switch_to|newidle_balance|sched_clock|hw_breakpoint_thread_switch|entry_task_switch|uao_thread_switch|tls_preserve_current_state|spectre_v4_enable_task_mitigation|erratum_\w+_thread_switch|mte_thread_switch|finish_task_switch)/;
/** Functions whose purpose is to switch. */
const SCHEDULERS = /^(?:__)?(?:preempt_)?schedule/;

/** Takes task switches out of functions that were merely preempted: they are no part of what the function does. */
function dropPreemption(tree: CallTree): void {
  if (!SCHEDULERS.test(tree.fn)) {
    for (let at = switchIn(tree); at >= 0; at = switchIn(tree)) {
      let start = at;
      while (start > 0 && SWITCHING.test(tree.calls[start - 1]?.fn ?? "")) start--;
      let end = at + 1;
      while (SWITCHING.test(tree.calls[end]?.fn ?? "")) end++;
      tree.calls.splice(start, end - start);
      tree.total = NaN;
    }
  }
  tree.calls.forEach(dropPreemption);
}

/** Where a function that is no scheduler picks the next task. */
function switchIn(tree: CallTree): number {
  return tree.calls.findIndex((call) => /^pick_next_task_|^finish_task_switch/.test(call.fn));
}
