/**
 * `workloads`: what can drive the kernel without a recording of your own.
 *
 * @module
 */

import { builtinWorkloads } from "../workloads/builtin.ts";
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
    "Parameters follow the name: --workload sleepers:tasks=4,times=10. Without them they are as listed.",
  examples: [{ line: "workloads", summary: "Names for --workload" }],
  async run(context) {
    const rows = builtinWorkloads().map((
      { name, summary, parameters },
    ) => [name, summary, parametersText(parameters)]);
    await writeTable(context, [{ title: "NAME" }, { title: "WHAT IT IS" }, { title: "PARAMETERS" }], rows);
  },
});

function parametersText(parameters: Readonly<Record<string, number>>): string {
  return Object.entries(parameters).map(([name, value]) => `${name}=${value}`).join(",");
}
