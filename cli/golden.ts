/**
 * Help texts as the tests expect them. `deno run --allow-read --allow-write cli/golden.ts` writes the present ones
 * into `cli/golden/`; look at the difference before you commit it.
 *
 * @module
 */

import { commandHelp, type Prefix, programHelp } from "../commands/help.ts";
import { CLI_COMMANDS, REPL_COMMANDS } from "../commands/mod.ts";
import { INFO } from "./info.ts";

/** Every help text by the name of its golden file. */
export function helpTexts(): ReadonlyMap<string, string> {
  const texts = new Map<string, string>();
  texts.set("kscope", programHelp(CLI_COMMANDS, "kscope ", INFO.intro, INFO.examples));
  for (const [commands, prefix, name] of PLACES) {
    for (const command of commands) texts.set(`${name}_${command.name}`, commandHelp(command, prefix));
  }
  return texts;
}

const PLACES = [[CLI_COMMANDS, "kscope ", "cli"], [
  REPL_COMMANDS,
  ".",
  "repl",
]] as const satisfies readonly (readonly [
  typeof CLI_COMMANDS,
  Prefix,
  string,
])[];

if (import.meta.main) {
  for (const [name, text] of helpTexts()) {
    await Deno.writeTextFile(new URL(`./golden/${name}.txt`, import.meta.url), text);
  }
}
