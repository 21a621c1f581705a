/**
 * Starts a REPL over a live kernel, in a terminal or over piped input.
 *
 * @module
 */

import type { Host, Output } from "../commands/context.ts";
import type { Live } from "../commands/live.ts";
import { REPL_COMMANDS } from "../commands/mod.ts";
import { linesOf, runPiped } from "./piped.ts";
import { Shell } from "./shell.ts";

/** Runs until input ends or the user leaves. Resolves to the exit code. */
export async function startRepl(live: Live, out: Output, host: Host): Promise<number> {
  const shell = new Shell({ live, out, host, commands: REPL_COMMANDS });
  if (!Deno.stdin.isTerminal()) return await runPiped(shell, linesOf(Deno.stdin.readable), out);
  const { runTerminal } = await import("./terminal.ts");
  const { kernel } = live;
  const banner = `kscope: Linux ${kernel.image.release} on ${kernel.archName}, ${kernel.cpus} CPUs, ` +
    `driven by ${live.workload}; .help tells more`;
  return await runTerminal(shell, out, banner);
}
