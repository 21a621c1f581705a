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
  options: [],
  examples: [{ line: "step", summary: "One task" }, { line: "step 10", summary: "Ten, one after the other" }],
  run(context, _options, words) {
    const progress = liveOf(context).step(wholeNumber(words[0] ?? "1", "N", 1));
    context.out.write(`${progressText(progress)}\n`);
  },
});

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
  const value = Number(text);
  if (/^[\d_]+$/.test(text) || /^\d+e\d+$/.test(text)) {
    const number = Number(text.replaceAll("_", ""));
    if (Number.isSafeInteger(number) && number >= min) return number;
  }
  throw new UsageError(
    `${name} is "${Number.isNaN(value) ? text : value}": it takes a whole number from ${min}`,
  );
}

/** What a step did, in a line. */
function progressText({ passedNs, task, end }: Progress): string {
  const parts: string[] = [];
  if (end !== undefined) parts.push(end);
  else if (task !== undefined) parts.push(`${task.comm} (${task.pid}) went on`);
  if (passedNs > 0) parts.push(`${passedNs} ns passed`);
  return parts.join("; ");
}
