/**
 * The stack at a function's ftrace site.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import type { KernelFunction } from "../calls/kernel_function.ts";
import type { Kernel } from "../kernel.ts";
import type { Task } from "../process/task.ts";
import { FTRACE_STACK_ENTRIES } from "./depths.ts";
import { CALL_SIZE } from "../memory/text_bytes.ts";

/** Bytes from a function's start to behind the call of its ftrace site. */
const BEHIND_SITE = { x86_64: CALL_SIZE, i386: CALL_SIZE, arm64: 8 } as const;

/** The function itself, then its callers, innermost first. */
export function functionStack(k: Kernel, fn: KernelFunction, task: Task): readonly Addr[] {
  return [fn.address + BEHIND_SITE[k.image.arch], ...k.calls.stack(task, FTRACE_STACK_ENTRIES)];
}
