/**
 * Reads a command line by the definitions that the prompt uses too: names, values, help and error sentences are theirs.
 *
 * @module
 */

import { type CommandContext, UsageError } from "../commands/context.ts";
import type { AnyCommand } from "../commands/definition.ts";
import { commandHelp, programHelp } from "../commands/help.ts";
import { didYouMean, near } from "../commands/near.ts";
import { parseWords } from "../commands/parse.ts";

/** What the program says of itself. */
export interface ProgramInfo {
  readonly version: string;
  readonly intro: string;
  readonly examples: readonly { readonly line: string; readonly summary: string }[];
}

/** Runs one command line. Throws a {@linkcode UsageError} for wrong usage and what the command throws. */
export async function runCommandLine(
  args: readonly string[],
  commands: readonly AnyCommand[],
  info: ProgramInfo,
  context: CommandContext,
): Promise<void> {
  const [first, ...rest] = args;
  if (first === undefined || asksForHelp(first) || first === "help") {
    const about = first === "help" && rest[0] !== undefined ? commandNamed(commands, rest[0]) : undefined;
    const help = about === undefined
      ? programHelp(commands, "kscope ", info.intro, info.examples)
      : commandHelp(about, "kscope ");
    context.out.write(help);
    return;
  }
  if (first === "-V" || first === "--version") {
    context.out.write(`${info.version}\n`);
    return;
  }
  if (first.startsWith("-")) {
    throw new UsageError(`Unknown option "${first}"; before a command there are --help and --version`);
  }
  const command = commandNamed(commands, first);
  const end = rest.indexOf("--");
  if ((end < 0 ? rest : rest.slice(0, end)).some(asksForHelp)) {
    context.out.write(commandHelp(command, "kscope "));
    return;
  }
  const { values, words } = parseWords(command, rest);
  await command.invoke(context, values, words);
}

function asksForHelp(word: string): boolean {
  return word === "-h" || word === "--help";
}

function commandNamed(commands: readonly AnyCommand[], name: string): AnyCommand {
  const found = commands.find((command) => command.name === name);
  if (found !== undefined) return found;
  const names = commands.map((command) => command.name);
  const hint = didYouMean(near(name, names, 1)) || `; there are ${names.join(", ")}`;
  throw new UsageError(`Unknown command "${name}"${hint}`);
}
