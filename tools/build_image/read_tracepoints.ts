/**
 * Reads tracepoint formats: every `events/SUBSYSTEM/EVENT/format` file, each after a line `# ./SUBSYSTEM/EVENT/format`.
 *
 * @module
 */
import type { TracepointField, TracepointInfo } from "../../image/mod.ts";
import { type Line, linesOf } from "./lines.ts";
import { type Input, shortened } from "./read_symbols.ts";

interface Draft {
  readonly line: Line;
  readonly subsystem: string;
  name: string;
  id: number | undefined;
  readonly fields: TracepointField[];
  printFmt: string;
}

/** Reads the file; tracepoints come sorted by `subsystem:name`. */
export function readTracepoints(input: Input): TracepointInfo[] {
  const drafts: Draft[] = [];
  for (const line of linesOf(input)) {
    const head = /^# (?:.*\/)?([^/]+)\/([^/]+)\/format$/.exec(line.text);
    const draft = drafts.at(-1);
    if (head) {
      drafts.push({ line, subsystem: head[1]!, name: head[2]!, id: undefined, fields: [], printFmt: "" });
    } else if (!draft) {
      throw line.fail(`wanted "# ./SUBSYSTEM/EVENT/format" first, found "${shortened(line.text)}"`);
    } else readFormatLine(draft, line);
  }
  const done = drafts.map(finish);
  return done.sort((a, b) => order(`${a.subsystem}:${a.name}`, `${b.subsystem}:${b.name}`));
}

/** Reads `available_events`: `subsystem:event` lines. */
export function readEvents(input: Input): string[] {
  return Array.from(linesOf(input), (line) => {
    if (!/^[^\s:]+:[^\s:]+$/.test(line.text)) {
      throw line.fail(`wanted "SUBSYSTEM:EVENT", found "${shortened(line.text)}"`);
    }
    return line.text;
  });
}

function readFormatLine(draft: Draft, line: Line): void {
  const field = /^\tfield:(.*);\toffset:(\d+);\tsize:(\d+);\tsigned:([01]);$/.exec(line.text);
  if (field) {
    const declared = declaredField(field[1]!);
    if (!declared) throw line.fail(`cannot find the name in the field "${field[1]}"`);
    draft.fields.push({
      ...declared,
      offset: Number(field[2]),
      size: Number(field[3]),
      signed: field[4] === "1",
    });
  } else if (line.text.startsWith("name: ")) draft.name = line.text.slice(6);
  else if (/^ID: \d+$/.test(line.text)) draft.id = Number(line.text.slice(4));
  else if (line.text.startsWith("print fmt: ")) draft.printFmt = line.text.slice(11);
  else if (draft.printFmt !== "") draft.printFmt += `\n${line.text}`;
  else if (line.text !== "format:") throw line.fail(`no line of a format file: "${shortened(line.text)}"`);
}

/** Splits `const char * name`, `char comm[16]`, `__data_loc char[] name` into type and name. */
function declaredField(text: string): { name: string; type: string } | undefined {
  const match = /^(.*?)\s*\b(\w+)((?:\[[^\]]*\])*)$/.exec(text);
  if (!match || match[1] === "") return undefined;
  return { name: match[2]!, type: `${match[1]}${match[3]}` };
}

function finish(draft: Draft): TracepointInfo {
  if (draft.id === undefined) {
    throw draft.line.fail(`the format of ${draft.subsystem}:${draft.name} has no ID line`);
  }
  const isCommon = (field: TracepointField) => field.name.startsWith("common_");
  return {
    subsystem: draft.subsystem,
    name: draft.name,
    id: draft.id,
    fields: draft.fields.filter((field) => !isCommon(field)),
    common: draft.fields.filter(isCommon),
    printFmt: draft.printFmt,
  };
}

function order(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
