/**
 * `.step` and `.run`: let the kernel at the prompt go on.
 *
 * @module
 */

import { type CommandContext, UsageError } from "./context.ts";
import { command } from "./definition.ts";
import type { Live, Progress } from "./live.ts";

/** The kernel at the prompt. */
export function liveOf(context: CommandContext): Live {
  if (context.live === undefined) throw new Error("There is no live kernel here: start `kscope repl`");
  return context.live;
}

/** `.step [N]`. */
export const stepCommand = command({
  name: "step",
  place: "repl",
  summary: "Let the next task go on until it waits",
  arguments: [{ name: "N", summary: "How many times (default 1)" }],
  options: [{ kind: "flag", name: "active", short: "a", summary: "Go on until a kretprobe holds a return" }],
  examples: [
    { line: "step", summary: "One task" },
    { line: "step 10", summary: "Ten, one after the other" },
    { line: "step --active", summary: "Up to a pending return: .instances shows it" },
  ],
  run(context, options, words) {
    const live = liveOf(context);
    const count = words[0] === undefined ? (options.active ? Infinity : 1) : wholeNumber(words[0], "N", 1);
    const progress = live.step(count, options.active ? () => holdsReturn(live) : undefined);
    context.out.write(`${progressText(progress)}\n`);
  },
});

function holdsReturn(live: Live): boolean {
  return live.kernel.kprobes.list().some((probe) => (probe.kretprobe?.pool?.active().length ?? 0) > 0);
}

/** `.run [NS]`. */
export const liveRunCommand = command({
  name: "run",
  place: "repl",
  summary: "Run to the end, or for a virtual time",
  arguments: [{ name: "NS", summary: "Virtual nanoseconds to run for (default: to the end)" }],
  options: [],
  examples: [{ line: "run", summary: "To the end" }, { line: "run 1000000", summary: "For one millisecond" }],
  run(context, _options, words) {
    const live = liveOf(context);
    const until = words[0] === undefined ? Infinity : live.kernel.now() + wholeNumber(words[0], "NS", 1);
    context.out.write(`${progressText(live.run(until))}\n`);
  },
});

function wholeNumber(text: string, name: string, min: number): number {
  const number = /^\d[\d_]*(e\d+)?$/.test(text) ? Number(text.replaceAll("_", "")) : NaN;
  if (Number.isSafeInteger(number) && number >= min) return number;
  throw new UsageError(`${name} is "${text}": it takes a whole number from ${min}`);
}

/** What a step did, in a line. */
function progressText({ passedNs, task, end }: Progress): string {
  const parts: string[] = [];
  if (end !== undefined) parts.push(end);
  else if (task !== undefined) parts.push(`${task.comm} (${task.pid}) went on`);
  else parts.push("Nothing went on: a kretprobe holds a return already");
  if (passedNs > 0) parts.push(`${passedNs} ns passed`);
  return parts.join("; ");
}
