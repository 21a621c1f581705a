/**
 * The command line: `kscope run`, `eval`, `list`, `workloads`, `repl`.
 *
 * @module
 */

import config from "../deno.json" with { type: "json" };
import { type CommandContext, UsageError } from "../commands/context.ts";
import { CLI_COMMANDS } from "../commands/mod.ts";
import { type ProgramInfo, runCommandLine } from "./build.ts";
import { errorText } from "./error_text.ts";
import { terminalHost } from "./host.ts";
import { TerminalOutput } from "./output.ts";

const INFO: ProgramInfo = {
  version: config.version,
  intro:
    "kscope probes a modeled Linux kernel: typed TypeScript probes, recorded or built-in workloads, three " +
    "architectures, the same result on every run.",
  examples: [
    { line: "run examples/vfs_open_cat.ts --workload cat", summary: "Run a probe script" },
    {
      line: "eval 'kprobe(\"vfs_open\").by(c => c.comm).count()' --replay app.strace.gz",
      summary: "Probe a recording",
    },
    { line: "list -v 'kprobe:vfs_*'", summary: "See what can be probed" },
    { line: "repl --workload shell-loop", summary: "Look around live" },
  ],
};

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
