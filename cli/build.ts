/**
 * Makes a commander program out of command definitions. Commander splits the command line; names, values, help and
 * error sentences are those of the definitions.
 *
 * @module
 */

import { Command, CommanderError, Option } from "@commander-js/extra-typings";
import type { CommandContext } from "../commands/context.ts";
import { UsageError } from "../commands/context.ts";
import { type AnyCommand, keyOf, type OptionSpec } from "../commands/definition.ts";
import { commandHelp, programHelp } from "../commands/help.ts";
import { didYouMean, near } from "../commands/near.ts";
import { checkWords, defaultsOf, readOption, unknownOption } from "../commands/parse.ts";

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
  const help = programHelp(commands, "kscope ", info.intro, info.examples);
  if (args.length === 0 || args[0] === "help") {
    const about = args[1] === undefined ? undefined : commandNamed(commands, args[1]);
    context.out.write(about === undefined ? help : commandHelp(about, "kscope "));
    return;
  }
  const program = new Command("kscope")
    .helpOption("-h, --help")
    .helpCommand(false)
    .version(info.version, "-V, --version")
    .configureHelp({ formatHelp: () => help });
  prepare(program, context);
  for (const command of commands) addCommand(program, command, context);
  const first = args[0]!;
  if (!first.startsWith("-")) commandNamed(commands, first);
  try {
    await program.parseAsync([...args], { from: "user" });
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return;
    throw asUsageError(error, commands.find((command) => command.name === first));
  }
}

function addCommand(program: Command, definition: AnyCommand, context: CommandContext): void {
  const command = program.command(definition.name)
    .helpOption("-h, --help")
    .configureHelp({ formatHelp: () => commandHelp(definition, "kscope ") })
    // Words are checked by the definition's own rules, which know better sentences.
    .argument("[words...]");
  prepare(command, context);
  for (const option of definition.options) command.addOption(optionOf(option));
  command.action(async (words, options) => {
    const given: Readonly<Record<string, unknown>> = options;
    checkWords(definition, words);
    const values = defaultsOf(definition.options);
    for (const option of definition.options) {
      const key = keyOf(option.name);
      if (given[key] !== undefined) values[key] = given[key];
    }
    await definition.invoke(context, values, words);
  });
}

function optionOf(option: OptionSpec): Option {
  const short = option.short === undefined ? "" : `-${option.short}, `;
  const value = option.kind === "flag" ? "" : " <value>";
  return new Option(`${short}--${option.name}${value}`, option.summary)
    .argParser((text: string) => readOption(option, text)) as Option;
}

/** No exit, no writing of its own. */
function prepare(
  command: { exitOverride(): unknown; configureOutput(output: object): unknown },
  context: CommandContext,
): void {
  command.exitOverride();
  command.configureOutput({
    writeOut: (text: string) => context.out.write(text),
    writeErr: () => {},
    getOutHasColors: () => false,
    getErrHasColors: () => false,
  });
}

function commandNamed(commands: readonly AnyCommand[], name: string): AnyCommand {
  const found = commands.find((command) => command.name === name);
  if (found !== undefined) return found;
  const names = commands.map((command) => command.name);
  const hint = didYouMean(near(name, names, 1)) || `; there are ${names.join(", ")}`;
  throw new UsageError(`Unknown command "${name}"${hint}`);
}

/** Commander's refusals in our words. */
function asUsageError(error: unknown, command: AnyCommand | undefined): unknown {
  if (!(error instanceof CommanderError)) return error;
  const named = /'([^']*)'/.exec(error.message)?.[1] ?? "";
  switch (error.code) {
    case "commander.unknownOption":
      if (command !== undefined) return unknownOption(command, named);
      return new UsageError(`Unknown option "${named}"; before a command there are --help and --version`);
    case "commander.optionMissingArgument":
      return new UsageError(`Option "${named.replace(/^-\w, /, "").replace(/ <.*/, "")}" needs a value`);
    default:
      return new UsageError(error.message.replace(/^error: /, "").replace(/\n/g, " "));
  }
}
