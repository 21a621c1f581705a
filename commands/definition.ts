/**
 * What a command is: one definition that the command line, the REPL and the help texts are made from.
 *
 * @module
 */

import type { CommandContext } from "./context.ts";

/** An option, as data. `name` is the long form without dashes. */
export type OptionSpec =
  | FlagOption
  | TextOption
  | IntegerOption
  | ChoiceOption;

interface OptionBase {
  /** Long name without the dashes, e.g. `keep-going`. */
  readonly name: string;
  /** One letter. */
  readonly short?: string;
  /** One line for the help. */
  readonly summary: string;
}

/** On or off. */
export interface FlagOption extends OptionBase {
  readonly kind: "flag";
}

/** Takes a word. `value` names it in the help. */
export interface TextOption extends OptionBase {
  readonly kind: "text";
  readonly value: string;
}

/** Takes a whole number between `min` and `max`. */
export interface IntegerOption extends OptionBase {
  readonly kind: "integer";
  readonly value: string;
  readonly min: number;
  readonly max: number;
  readonly default?: number;
}

/** Takes one of a few words. */
export interface ChoiceOption extends OptionBase {
  readonly kind: "choice";
  readonly choices: readonly string[];
  readonly default?: string;
}

/** A positional argument. `many` takes all that are left. */
export interface ArgumentSpec {
  readonly name: string;
  readonly summary: string;
  readonly required?: boolean;
  readonly many?: boolean;
}

/** One line of the help's examples. */
export interface ExampleSpec {
  /** The command line without the program's name. */
  readonly line: string;
  readonly summary: string;
}

type Camel<S extends string> = S extends `${infer A}-${infer B}` ? `${A}${Capitalize<Camel<B>>}` : S;

type ValueOf<O extends OptionSpec> = O extends { kind: "flag" } ? boolean
  : O extends { kind: "integer" } ? number | (O extends { default: number } ? never : undefined)
  : O extends { kind: "choice"; choices: readonly (infer C)[] }
    ? C | (O extends { default: string } ? never : undefined)
  : string | undefined;

/** The values of a list of options, by camel-cased name. */
export type OptionValues<O extends readonly OptionSpec[]> = {
  readonly [S in O[number] as Camel<S["name"]>]: ValueOf<S>;
};

/** The values of positional arguments, in order: words, with the rest where `many` stands. */
export type Words = readonly string[];

/** Where a command can be given. */
export type Place = "cli" | "repl" | "both";

/** A command. Make one with {@linkcode command}, which infers the options' types. */
export interface CommandDefinition<O extends readonly OptionSpec[] = readonly OptionSpec[]> {
  readonly name: string;
  readonly place: Place;
  /** One line, without a full stop. */
  readonly summary: string;
  /** A few more sentences for its own help. */
  readonly description?: string;
  readonly arguments: readonly ArgumentSpec[];
  readonly options: O;
  readonly examples: readonly ExampleSpec[];
  /** Loads what only it needs when it runs: every start would pay for it. */
  run(context: CommandContext, options: OptionValues<O>, words: Words): Promise<void> | void;
}

/** A command whose options' types are forgotten: what registries and parsers handle. */
export interface AnyCommand extends Omit<CommandDefinition, "run"> {
  /** Checks nothing: `values` come from a parser that has read `options`. */
  invoke(context: CommandContext, values: Readonly<Record<string, unknown>>, words: Words): Promise<void>;
}

/** Defines a command. */
export function command<const O extends readonly OptionSpec[]>(definition: CommandDefinition<O>): AnyCommand {
  const { run, ...rest } = definition;
  return {
    ...rest,
    async invoke(context, values, words) {
      // The one place where parsed values get their static types back: `values` was made from `definition.options`.
      await run(context, values as OptionValues<O>, words);
    },
  };
}

/** `keep-going` as the key of its value, `keepGoing`. */
export function keyOf(name: string): string {
  return name.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
}
