/**
 * The command line: `kscope run`, `eval`, `list`, `workloads`, `repl`.
 *
 * @module
 */

import { type CommandContext, UsageError } from "../commands/context.ts";
import { CLI_COMMANDS } from "../commands/mod.ts";
import { runCommandLine } from "./build.ts";
import { errorText } from "./error_text.ts";
import { terminalHost } from "./host.ts";
import { INFO } from "./info.ts";
import { TerminalOutput } from "./output.ts";

/** Runs a command line and resolves to the exit code: 0, 1 for an error, 2 for wrong usage. */
export async function main(args: readonly string[]): Promise<number> {
  const out = new TerminalOutput();
  let code = 0;
  const context: CommandContext = {
    out,
    host: terminalHost(out),
    setExitCode(value) {
      code = value;
    },
  };
  try {
    await runCommandLine(args, CLI_COMMANDS, INFO, context);
    out.flush();
    return code;
  } catch (error) {
    out.note(errorText(error, Deno.stderr.isTerminal() && !Deno.noColor));
    return error instanceof UsageError ? 2 : 1;
  }
}

if (import.meta.main) Deno.exit(await main(Deno.args));
