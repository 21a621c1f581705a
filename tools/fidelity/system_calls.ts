/**
 * What is compared: the system calls of each task, each with the calls that the kernel made for it.
 *
 * @module
 */

import type { CallTree, TaskTrees } from "../compile_shapes/call_tree.ts";

/** The system calls of one task, in order. */
export interface TaskCalls {
  readonly pid: number;
  readonly calls: CallTree[];
}

const ENTRY = /^__(?:x64|ia32|arm64)_(?:compat_)?sys_/;

/** Whether a function is the entry of a system call. */
export function isEntry(fn: string): boolean {
  return ENTRY.test(fn);
}

/** `openat` for `__x64_sys_openat`. */
export function callName(entry: string): string {
  return entry.replace(ENTRY, "");
}

/**
 * The system calls of a recording, tasks by pid. What comes before the first `execve` belongs to the shell that started
 * the program; roots that are no system calls belong to the tracer.
 */
export function systemCalls(tasks: readonly TaskTrees[]): TaskCalls[] {
  const sorted = tasks.map(({ task, roots }) => ({
    pid: Number(task),
    calls: roots.filter((root) => isEntry(root.fn)),
  })).filter((task) => task.calls.length > 0).sort((a, b) => a.pid - b.pid);
  const first = sorted[0];
  const exec = first?.calls.findIndex((call) => callName(call.fn) === "execve") ?? -1;
  if (first !== undefined && exec > 0) first.calls.splice(0, exec);
  return sorted;
}
