/**
 * Turns words into the values of a command's options: those of a command line, and of the prompt's dot-commands.
 *
 * @module
 */

import { UsageError } from "./context.ts";
import { type AnyCommand, keyOf, type OptionSpec } from "./definition.ts";
import { didYouMean, near } from "./near.ts";

/** What a command line says. */
export interface Parsed {
  readonly values: Readonly<Record<string, unknown>>;
  readonly words: readonly string[];
}

/** Reads the text given to an option; throws a sentence if it isn't one of its values. */
export function readOption(option: OptionSpec, text: string): string | number | boolean {
  switch (option.kind) {
    case "flag":
      return true;
    case "text":
      if (text === "") throw new UsageError(`Option "--${option.name}" is empty: it takes ${option.value}`);
      return text;
    case "integer": {
      const value = Number(text);
      if (/^\d+$/.test(text) && value >= option.min && value <= option.max) return value;
      throw new UsageError(
        `Option "--${option.name}" is "${text}": it takes a whole number from ${option.min} to ${option.max}`,
      );
    }
    case "choice":
      if (option.choices.includes(text)) return text;
      throw new UsageError(
        `Option "--${option.name}" is "${text}": it takes ${list(option.choices)}${
          didYouMean(near(text, option.choices, 1))
        }`,
      );
  }
}

/** The values that options have when nothing is given. */
export function defaultsOf(options: readonly OptionSpec[]): Record<string, unknown> {
  const values: Record<string, unknown> = {};
  for (const option of options) {
    if (option.kind === "flag") values[keyOf(option.name)] = false;
    else values[keyOf(option.name)] = "default" in option ? option.default : undefined;
  }
  return values;
}

/** Reads a command's words: options anywhere, `--` ends them. */
export function parseWords(command: AnyCommand, given: readonly string[]): Parsed {
  const values = defaultsOf(command.options);
  const words: string[] = [];
  const rest = [...given];
  while (rest.length > 0) {
    const word = rest.shift()!;
    if (word === "--") {
      words.push(...rest.splice(0));
    } else if (word.startsWith("-") && !/^-\d/.test(word) && word !== "-") {
      const [flag, inline] = splitOption(word);
      const option = optionOf(command, flag);
      if (option.kind === "flag") {
        if (inline !== undefined) throw new UsageError(`Option "${flag}" takes no value, got "${inline}"`);
        values[keyOf(option.name)] = true;
      } else {
        const text = inline ?? rest.shift();
        if (text === undefined) throw new UsageError(`Option "${flag}" needs a value`);
        values[keyOf(option.name)] = readOption(option, text);
      }
    } else words.push(word);
  }
  checkWords(command, words);
  return { values, words };
}

function splitOption(word: string): [string, string | undefined] {
  const at = word.indexOf("=");
  return at < 0 ? [word, undefined] : [word.slice(0, at), word.slice(at + 1)];
}

function optionOf(command: AnyCommand, flag: string): OptionSpec {
  const found = command.options.find((option) =>
    `--${option.name}` === flag || (option.short !== undefined && `-${option.short}` === flag)
  );
  if (found !== undefined) return found;
  throw unknownOption(command, flag);
}

/** The sentence for an option that a command doesn't have. */
export function unknownOption(command: AnyCommand, flag: string): UsageError {
  const names = [...command.options.map((option) => `--${option.name}`), "--help"];
  const hint = didYouMean(near(flag, names)) || `; "${command.name}" has ${list(names)}`;
  return new UsageError(`Unknown option "${flag}"${hint}`);
}

/** Throws a sentence if a command has too few or too many words. */
export function checkWords(command: AnyCommand, words: readonly string[]): void {
  const required = command.arguments.filter((argument) => argument.required);
  if (words.length < required.length) {
    const missing = required[words.length]!;
    throw new UsageError(`"${command.name}" needs ${missing.name}: ${missing.summary}`);
  }
  const many = command.arguments.some((argument) => argument.many);
  if (!many && words.length > command.arguments.length) {
    const extra = words[command.arguments.length]!;
    const takes = command.arguments.length === 0
      ? "no words"
      : list(command.arguments.map((argument) => argument.name));
    throw new UsageError(`"${command.name}" has no place for "${extra}": it takes ${takes}`);
  }
}

/** `a, b or c`. */
export function list(items: readonly string[]): string {
  if (items.length < 2) return items.join("");
  return `${items.slice(0, -1).join(", ")} or ${items.at(-1)}`;
}

/** Splits a dot-command's line into words; quotes keep spaces. */
export function splitWords(line: string): string[] {
  const words: string[] = [];
  for (const match of line.matchAll(/"([^"]*)"|'([^']*)'|(\S+)/g)) {
    words.push(match[1] ?? match[2] ?? match[3]!);
  }
  return words;
}
