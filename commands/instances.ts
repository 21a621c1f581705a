/**
 * `.instances`: the pools of the attached kretprobes.
 *
 * @module
 */

import { formatInstancePool, instancePool } from "../inspect/instances.ts";
import { command } from "./definition.ts";
import { liveOf } from "./step.ts";

/** `.instances`. */
export const instancesCommand = command({
  name: "instances",
  place: "repl",
  summary: "Show whose returns the kretprobes hold",
  description:
    "One line per attached kretprobe: maxactive, free and active instances, nmissed; below it the tasks " +
    "whose calls haven't returned, since when, and the saved return address.",
  arguments: [],
  options: [],
  examples: [{ line: "instances", summary: "All pools" }],
  run(context) {
    const { kernel } = liveOf(context);
    const pools = kernel.kprobes.list()
      .flatMap((probe) => probe.kretprobe === null ? [] : [instancePool(kernel, probe.kretprobe)])
      .sort((a, b) => a.probe < b.probe ? -1 : a.probe > b.probe ? 1 : 0)
      .map(formatInstancePool);
    context.out.write(pools.length === 0 ? "No kretprobe is attached\n" : `${pools.join("\n")}\n`);
  },
});
