/**
 * Which commands that a recording doesn't show belong to which that it shows.
 *
 * @module
 */

import { SCRIPTS } from "./between_scripts.ts";
import type { Entry } from "./parse.ts";

/** What isn't shown of one command. */
export interface Unshown {
  /** Command lines before it; `reset`, `enable` and `many` are the runner's own. */
  readonly before: readonly string[];
  /** For output without a command: the command line that printed it. */
  readonly own?: string;
}

/** Reads the script for the entries of a recording. `entries` tell which of several commands a name in it means. */
export function unshown(letter: string, entries: readonly Entry[]): ReadonlyMap<string, Unshown> {
  const found = new Map<string, { before: string[]; own?: string }>();
  function at(id: string): { before: string[]; own?: string } {
    let unshownOf = found.get(id);
    if (unshownOf === undefined) found.set(id, unshownOf = { before: [] });
    return unshownOf;
  }
  let current = at("");
  for (const line of (SCRIPTS[letter] ?? "").split("\n")) {
    if (line.startsWith("@")) current = at(idOf(line.slice(1), entries));
    else if (line.startsWith("=")) {
      const space = line.indexOf(" ");
      at(line.slice(1, space)).own = line.slice(space + 1);
    } else if (line !== "") current.before.push(line);
  }
  for (const entry of entries) extra(letter, entry, at(entry.id));
  return found;
}

/** Entries that don't stand at the same number in every recording have names. */
function idOf(id: string, entries: readonly Entry[]): string {
  const texts = (text: string) =>
    entries.filter((entry) => entry.form.kind === "shell" && entry.form.text.startsWith(text));
  if (id === "b2:grep") return texts("grep -E")[0]?.id ?? id;
  if (id === "b2:list2") return texts("cat /sys/kernel/debug/kprobes/list")[1]?.id ?? id;
  return id;
}

/** What follows from a command's kind and section. */
function extra(
  letter: string,
  entry: Entry,
  unshownOf: { before: string[]; own?: string },
): void {
  const section = entry.id.split(":")[0] ?? "";
  const defines = entry.form.kind === "write" && entry.form.file === "kprobe_events";
  // These sections begin each definition afresh.
  if (defines && (section === "c1" || section === "c5" || letter === "h" || letter === "j")) {
    unshownOf.before.unshift("reset");
  }
  if (entry.form.kind !== "lone") return;
  const [line = ""] = entry.expected;
  if (section === "c7") {
    const number = Number(entry.id.split(":")[1]) + 1;
    unshownOf.own = `wr $T/kprobe_events p:e${number} nosuch_${number}`;
  } else if (section === "e2") {
    const offset = /\+(\d+):/.exec(line)?.[1];
    unshownOf.own = `echo -n 'vfs_read+${offset}: '; wr $T/kprobe_events 'p:o${offset} vfs_read+${offset}'`;
  } else if (line.startsWith("/tests.sh")) {
    const name = /kprobes\/(\w+)\//.exec(line)?.[1];
    unshownOf.own = `echo 1 > $E/${name}/enable`;
  } else if (letter === "j") {
    const name = /^(\w+):/.exec(line)?.[1] ?? "";
    unshownOf.own = `reasons ${name}`;
  }
}
