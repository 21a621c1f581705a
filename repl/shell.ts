/**
 * One session at the prompt, whatever reads its lines: a terminal or a pipe. A line is a dot-command or TypeScript.
 *
 * @module
 */

import { type CommandContext, type Host, type Output, UsageError } from "../commands/context.ts";
import type { AnyCommand } from "../commands/definition.ts";
import { commandHelp, programHelp } from "../commands/help.ts";
import type { Live } from "../commands/live.ts";
import { didYouMean, near } from "../commands/near.ts";
import { parseWords, splitWords } from "../commands/parse.ts";
import { Evaluator } from "./evaluator.ts";
import { isUnfinished } from "./complete_input.ts";
import { promptScope } from "./prompt_scope.ts";

/** What a line led to. */
export type LineResult =
  | { readonly kind: "value"; readonly value: unknown }
  | { readonly kind: "done" }
  /** The line isn't finished: give it again with the next one added. */
  | { readonly kind: "more" }
  | { readonly kind: "exit" }
  | { readonly kind: "error"; readonly message: string };

/** What a shell is made of. */
export interface ShellParts {
  readonly live: Live;
  readonly out: Output;
  readonly host: Host;
  readonly commands: readonly AnyCommand[];
}

/** Reads lines, runs them, and remembers what they declare. */
export class Shell {
  readonly live: Live;
  readonly evaluator: Evaluator;
  readonly commands: readonly AnyCommand[];
  readonly #context: CommandContext;

  constructor({ live, out, host, commands }: ShellParts) {
    this.live = live;
    this.commands = commands;
    this.#context = { out, host, live, setExitCode: () => {} };
    this.evaluator = new Evaluator(
      promptScope(live),
      (specifier) => importSpecifier(host, specifier),
    );
  }

  /** Runs one line, or several that belong together. Never throws. */
  async run(source: string): Promise<LineResult> {
    try {
      if (/^\s*\.[a-z]/i.test(source)) return await this.#command(source.trim());
      if (source.trim() === "") return { kind: "done" };
      if (isUnfinished(source)) return { kind: "more" };
      const value = await this.evaluator.evaluate(source);
      return value === undefined ? { kind: "done" } : { kind: "value", value };
    } catch (error) {
      return { kind: "error", message: messageOf(error) };
    }
  }

  async #command(line: string): Promise<LineResult> {
    const [first, ...words] = splitWords(line);
    const name = first!.slice(1);
    if (name === "exit") return { kind: "exit" };
    if (name === "help") return this.#help(words[0]?.replace(/^\./, ""));
    const command = this.#named(name);
    if (words.includes("--help") || words.includes("-h")) return this.#help(name);
    const parsed = parseWords(command, words);
    await command.invoke(this.#context, parsed.values, parsed.words);
    return { kind: "done" };
  }

  #help(name: string | undefined): LineResult {
    const text = name === undefined
      ? programHelp(this.commands, ".", INTRO, EXAMPLES)
      : commandHelp(this.#named(name), ".");
    this.#context.out.write(text);
    return { kind: "done" };
  }

  #named(name: string): AnyCommand {
    const found = this.commands.find((command) => command.name === name);
    if (found !== undefined) return found;
    const names = [...this.commands.map((command) => command.name), "help", "exit"];
    const hint = didYouMean(near(name, names, 1).map((one) => `.${one}`)) || "; .help lists the commands";
    throw new UsageError(`Unknown command ".${name}"${hint}`);
  }
}

const INTRO =
  "A modeled kernel stands still until .step or .run lets it go on. Probes attach and detach in between: " +
  'attach(kprobe("vfs_open").count()). In scope: what mod.ts exports, kernel, attach, object(type, address), task(pid); _ is the last value.';

const EXAMPLES = [
  { line: "list kprobe:vfs_*", summary: "What can be probed" },
  { line: "step 10", summary: "Let ten tasks go on, one after the other" },
];

function messageOf(error: unknown): string {
  if (error instanceof SyntaxError || error instanceof ReferenceError) {
    return `${error.name}: ${error.message}`;
  }
  if (error instanceof Error) return error.message || error.name;
  return `Thrown: ${Deno.inspect(error)}`;
}

/** Files by path, from where the user stands; everything else as it is. */
async function importSpecifier(host: Host, specifier: string): Promise<unknown> {
  if (/^\.{0,2}\//.test(specifier)) return await host.importModule(specifier);
  return await import(specifier);
}
