/**
 * `.probes`, `.maps` and `.detach`: what is attached at the prompt, and what it has found.
 *
 * @module
 */

import type { Session } from "../session/session.ts";
import { type CommandContext, UsageError } from "./context.ts";
import { command } from "./definition.ts";
import { liveOf } from "./step.ts";
import { rightColumn, writeTable } from "./write_table.ts";

/** `.probes`. */
export const probesCommand = command({
  name: "probes",
  place: "repl",
  summary: "List attached probes with hits and misses",
  description:
    "# counts attached programs from 1; `.detach` takes it. A detached program's probes stay in the list.",
  arguments: [],
  options: [],
  examples: [{ line: "probes", summary: "All probes" }],
  async run(context) {
    const { sessions } = liveOf(context);
    const rows = sessions.flatMap((session, i) =>
      session.probes().map((probe) => [
        String(i + 1),
        probe.probe,
        probe.name === probe.probe ? "" : probe.name,
        String(probe.hits),
        String(probe.missed),
        session.attached ? "attached" : "detached",
      ])
    );
    if (rows.length === 0) {
      context.out.write('Nothing is attached: attach(kprobe("vfs_open").count())\n');
      return;
    }
    const columns = [
      rightColumn("#"),
      { title: "PROBE" },
      { title: "NAME" },
      rightColumn("HITS"),
      rightColumn("MISSED"),
      { title: "STATE" },
    ];
    await writeTable(context, columns, rows);
  },
});

/** `.maps [NAME]`. */
export const mapsCommand = command({
  name: "maps",
  place: "repl",
  summary: "Print the maps",
  arguments: [{ name: "NAME", summary: "Only this map, with or without @" }],
  options: [],
  examples: [{ line: "maps", summary: "All maps" }, { line: "maps opens", summary: "One map" }],
  run(context, _options, words) {
    const name = words[0]?.replace(/^@/, "");
    const texts = liveOf(context).sessions.map((session) => session.mapsText(name)).filter((text) =>
      text !== ""
    );
    if (texts.length === 0) {
      context.out.write(
        name === undefined ? "No map has an entry\n" : `There is no entry in a map "@${name}"\n`,
      );
      return;
    }
    context.out.write(texts.join(""));
  },
});

/** `.detach [N]`. */
export const detachCommand = command({
  name: "detach",
  place: "repl",
  summary: "Detach a program",
  arguments: [{ name: "N", summary: "Its number in .probes (default: all)" }],
  options: [],
  examples: [{ line: "detach", summary: "All" }, { line: "detach 1", summary: "The first" }],
  run(context, _options, words) {
    for (const session of chosen(context, words[0])) session.detach();
  },
});

function chosen(context: CommandContext, word: string | undefined): readonly Session[] {
  const { sessions } = liveOf(context);
  if (word === undefined) return sessions.filter((session) => session.attached);
  const session = sessions[Number(word) - 1];
  if (session !== undefined) return [session];
  throw new UsageError(
    `There is no program "${word}": ${sessions.length} attached so far, .probes lists them`,
  );
}
