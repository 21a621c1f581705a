/**
 * What drives the kernel: a recording from a file, or a built-in workload.
 *
 * @module
 */

import { builtinWorkload } from "../workloads/builtin.ts";
import { replay } from "../workloads/replay/replay.ts";
import type { Workload } from "../workloads/workload.ts";
import { type CommandContext, UsageError } from "./context.ts";

/** Workload that runs when none is named. */
const DEFAULT_WORKLOAD = "cat";

/** Opens the workload that `--replay` or `--workload` names. */
export async function openWorkload(
  context: CommandContext,
  options: { readonly replay: string | undefined; readonly workload: string | undefined },
): Promise<Workload> {
  if (options.replay !== undefined && options.workload !== undefined) {
    throw new UsageError(`Give --replay or --workload, not both: either drives the kernel alone`);
  }
  if (options.replay !== undefined) {
    return await replay(await context.host.open(options.replay), { name: options.replay });
  }
  if (options.workload === undefined) {
    context.out.note(`No --replay or --workload given: running the built-in workload "${DEFAULT_WORKLOAD}"`);
  }
  return builtinWorkload(options.workload ?? DEFAULT_WORKLOAD);
}
