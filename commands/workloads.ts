/**
 * `workloads`: what can drive the kernel without a recording of your own.
 *
 * @module
 */

import type { Parameters } from "../workloads/scenario.ts";
import { command } from "./definition.ts";
import { writeTable } from "./write_table.ts";

/** `workloads`. */
export const workloadsCommand = command({
  name: "workloads",
  place: "both",
  summary: "List the built-in workloads",
  arguments: [],
  options: [],
  description:
    "Parameters follow the name: --workload sleepers:tasks=4,times=10, or as words: --workload 'openat /etc/passwd'. " +
    "Without them they are as listed. --workload FILE.ts runs your own: a module that default-exports a generator " +
    "function over `sys`, several in an array, or what programWorkload makes.",
  examples: [{ line: "workloads", summary: "Names for --workload" }],
  async run(context) {
    const { builtinWorkloads } = await import("../workloads/builtin.ts");
    const rows = builtinWorkloads().map((
      { name, summary, exercises, parameters },
    ) => [name, summary, exercises, parametersText(parameters)]);
    const titles = ["NAME", "WHAT IT IS", "EXERCISES", "PARAMETERS"].map((title) => ({ title }));
    await writeTable(context, titles, rows);
  },
});

function parametersText(parameters: Parameters): string {
  return Object.entries(parameters).map(([name, value]) => `${name}=${value}`).join(",");
}
