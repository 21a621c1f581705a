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
  examples: [{ line: "workloads", summary: "Names for --workload" }],
  run(context) {
    const rows = builtinWorkloads().map(({ name, summary }) => [name, summary]);
    context.out.write(table(["NAME", "WHAT IT IS"], rows));
  },
});
