/**
 * `.regs` and `.stack`: a task's registers and kernel stack.
 *
 * @module
 */

import { formatRegisters, hitRegisters, userRegisters } from "../inspect/registers.ts";
import { formatStack, kernelStack } from "../inspect/stack.ts";
import { command } from "./definition.ts";
import { liveOf } from "./step.ts";
import { taskOf } from "./tasks.ts";

/** `.regs [PID]`. */
export const regsCommand = command({
  name: "regs",
  place: "repl",
  summary: "Show a task's registers",
  description:
    "The registers that the task saved when it entered the kernel; with --hit those of the newest probe " +
    "hit in a call that hasn't returned.",
  arguments: [{ name: "PID", summary: "Which task (default: the one that went on last)" }],
  options: [{ kind: "flag", name: "hit", summary: "Registers at the newest probe hit instead" }],
  examples: [{ line: "regs", summary: "Of the task that went on last" }, {
    line: "regs 101 --hit",
    summary: "At a hit",
  }],
  run(context, options, words) {
    const { kernel } = liveOf(context);
    const task = taskOf(context, words[0]);
    if (!options.hit) {
      context.out.write(`${formatRegisters(userRegisters(kernel, task))}\n`);
      return;
    }
    for (let depth = task.depth - 1; depth >= 0; depth--) {
      const frame = task.frames[depth];
      if (frame?.regs == null) continue;
      context.out.write(`at ${frame.fn.name}\n${formatRegisters(hitRegisters(kernel, frame.regs))}\n`);
      return;
    }
    throw new Error(`No probe was hit in a call that ${task.comm} (${task.pid}) is still in`);
  },
});

/** `.stack [PID]`. */
export const stackCommand = command({
  name: "stack",
  place: "repl",
  summary: "Show a task's kernel stack",
  arguments: [{ name: "PID", summary: "Which task (default: the one that went on last)" }],
  options: [],
  examples: [{ line: "stack", summary: "Of the task that went on last" }],
  run(context, _options, words) {
    const { kernel } = liveOf(context);
    const task = taskOf(context, words[0]);
    const frames = kernelStack(kernel, task);
    const text = frames.length === 0
      ? `${task.comm} (${task.pid}) is in user space: its kernel stack is empty`
      : formatStack(kernel, frames);
    context.out.write(`${text}\n`);
  },
});
