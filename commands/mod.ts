/**
 * All commands, by where they can be given.
 *
 * @module
 */

import type { AnyCommand } from "./definition.ts";
import { evalCommand } from "./eval.ts";
import { graphCommand } from "./graph.ts";
import { instancesCommand } from "./instances.ts";
import { listCommand } from "./list.ts";
import { detachCommand, mapsCommand, probesCommand } from "./probes.ts";
import { regsCommand, stackCommand } from "./regs.ts";
import { replCommand } from "./repl.ts";
import { runCommand } from "./run.ts";
import { liveRunCommand, stepCommand } from "./step.ts";
import { tasksCommand } from "./tasks.ts";
import { tracefsCommand } from "./tracefs.ts";
import { workloadsCommand } from "./workloads.ts";

const ALL: readonly AnyCommand[] = [
  runCommand,
  evalCommand,
  listCommand,
  graphCommand,
  tracefsCommand,
  workloadsCommand,
  replCommand,
  stepCommand,
  liveRunCommand,
  probesCommand,
  mapsCommand,
  instancesCommand,
  detachCommand,
  tasksCommand,
  regsCommand,
  stackCommand,
];

/** What the command line offers. */
export const CLI_COMMANDS: readonly AnyCommand[] = ALL.filter((command) => command.place !== "repl");

/** The prompt's dot-commands. */
export const REPL_COMMANDS: readonly AnyCommand[] = ALL.filter((command) => command.place !== "cli");
