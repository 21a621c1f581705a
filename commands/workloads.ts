/**
 * `workloads`: what can drive the kernel without a recording of your own.
 *
 * @module
 */

import { builtinWorkloads } from "../workloads/builtin.ts";
import { command } from "./definition.ts";
import { table } from "./table.ts";

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
  run(context) {
    const rows = builtinWorkloads().map((
      { name, summary, parameters },
    ) => [name, summary, parametersText(parameters)]);
    context.out.write(table(["NAME", "WHAT IT IS", "PARAMETERS"], rows));
  },
});

function parametersText(parameters: Readonly<Record<string, number>>): string {
  return Object.entries(parameters).map(([name, value]) => `${name}=${value}`).join(",");
}
