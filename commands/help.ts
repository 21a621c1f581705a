/**
 * Help texts from command definitions: examples first, on one screen.
 *
 * @module
 */

import type { AnyCommand, OptionSpec } from "./definition.ts";

/** How a program is called in its help: `kscope ` on the command line, `.` at a prompt. */
export type Prefix = "kscope " | ".";

/** The help of one command. */
export function commandHelp(command: AnyCommand, prefix: Prefix): string {
  const lines: string[] = [`${command.summary}.`, ""];
  if (command.examples.length > 0) {
    for (const example of command.examples) {
      lines.push(`  ${prefix}${example.line}`, `      ${example.summary}`);
    }
    lines.push("");
  }
  lines.push(`Usage: ${usageOf(command, prefix)}`);
  const rows: [string, string][] = command.arguments.map((argument) => [argument.name, argument.summary]);
  rows.push(...command.options.map((option): [string, string] => [spellingOf(option), summaryOf(option)]));
  if (prefix === "kscope ") rows.push(["-h, --help", "Show this text"]);
  if (rows.length > 0) lines.push("", ...table(rows));
  if (command.description !== undefined) lines.push("", ...wrap(command.description, 80));
  return `${lines.join("\n")}\n`;
}

/** The help of the whole program: what it is, examples, its commands. */
export function programHelp(
  commands: readonly AnyCommand[],
  prefix: Prefix,
  intro: string,
  examples: readonly { readonly line: string; readonly summary: string }[],
): string {
  const lines = [...wrap(intro, 80), ""];
  for (const example of examples) lines.push(`  ${prefix}${example.line}`, `      ${example.summary}`);
  if (examples.length > 0) lines.push("");
  lines.push("Commands:");
  lines.push(
    ...table(commands.map((command) => [`${prefix === "." ? "." : ""}${command.name}`, command.summary])),
  );
  if (prefix === "kscope ") {
    lines.push("", "`kscope COMMAND --help` tells about one. -V, --version prints the version.");
  } else lines.push("", "`.help COMMAND` tells about one. Everything else is TypeScript.");
  return `${lines.join("\n")}\n`;
}

/** `kscope run SCRIPT [options]`. */
export function usageOf(command: AnyCommand, prefix: Prefix): string {
  const words = command.arguments.map(({ name, required, many }) => {
    const word = many ? `${name}…` : name;
    return required ? word : `[${word}]`;
  });
  const options = command.options.length > 0 ? ["[options]"] : [];
  return [`${prefix}${command.name}`, ...words, ...options].join(" ");
}

/** `-f, --format text|json`. */
export function spellingOf(option: OptionSpec): string {
  const value = option.kind === "flag"
    ? ""
    : option.kind === "choice"
    ? ` ${option.choices.join("|")}`
    : ` ${option.value}`;
  return `${option.short === undefined ? "" : `-${option.short}, `}--${option.name}${value}`;
}

function summaryOf(option: OptionSpec): string {
  return "default" in option && option.default !== undefined
    ? `${option.summary} (default ${option.default})`
    : option.summary;
}

function table(rows: readonly (readonly [string, string])[]): string[] {
  const width = Math.max(...rows.map(([left]) => left.length)) + 2;
  return rows.flatMap(([left, right]) =>
    wrap(right, 80 - 2 - width).map((text, i) => `  ${(i === 0 ? left : "").padEnd(width)}${text}`)
  );
}

function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else line = line === "" ? word : `${line} ${word}`;
  }
  return [...lines, line];
}
