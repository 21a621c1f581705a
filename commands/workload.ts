/**
 * What drives the kernel: a recording from a file, a built-in workload, or one of the user's.
 *
 * @module
 */

import { builtinWorkload } from "../workloads/builtin.ts";
import { workloadOf } from "../workloads/own.ts";
import { replay } from "../workloads/replay/replay.ts";
import type { Workload } from "../workloads/workload.ts";
import { type CommandContext, UsageError } from "./context.ts";

/** Workload that runs when none is named. */
const DEFAULT_WORKLOAD = "cat";

/** What can only be the name of a module: a path, or a file with a script's ending. */
const MODULE = /^[^:\s]*(?:\/[^:\s]*|\.[cm]?[jt]s)$/;

/** The workload of a name: a built-in one, or what a user's module exports. */
export async function namedWorkload(context: CommandContext, name: string): Promise<Workload> {
  if (!MODULE.test(name)) return builtinWorkload(name);
  const module = await context.host.importModule(name);
  return workloadOf(module["default"], name);
}

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
  return await namedWorkload(context, options.workload ?? DEFAULT_WORKLOAD);
}
