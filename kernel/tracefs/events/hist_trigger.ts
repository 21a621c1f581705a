/**
 * `hist` triggers: what the `trigger` and `hist` files of an event make of them.
 *
 * @module
 */

import { EEXIST, EINVAL } from "../../syscalls/errno.ts";
import type { EventDirectory } from "./event_directory.ts";
import type { EventFile, EventRecord } from "./event_file.ts";
import { createFilter, type EventFilter } from "./filter.ts";
import { fieldText, HIST_ACTIONS, type HistField, type HistSpec, parseHistSpec } from "./hist_spec.ts";
import { HistTable } from "./hist_table.ts";
import type { EventTrigger } from "./trigger.ts";

/** The type of its triggers, of which an event has as many as one likes. */
export const HIST_TYPE = "hist";

/** Text of an event's `hist` file: one block for each of its hist triggers. */
export function readHist(file: EventFile | undefined): string {
  const hists = (file?.triggers ?? []).filter((trigger) => trigger instanceof HistTrigger);
  return hists.map((hist) => hist.block()).join("\n\n");
}

/** `event_hist_trigger_parse`: 0 or -errno. */
export function writeHistTrigger(
  rest: string,
  removes: boolean,
  file: EventFile,
  directory: EventDirectory,
): number {
  const [param, condition] = splitCondition(rest);
  const options = param.split(":");
  const action = options.find((option) => HIST_ACTIONS.includes(option));
  const report = (word: string, message: string): void => {
    const command = `hist:${rest}`;
    const { system, name } = file.call;
    file.array.log.add(`hist:${system}:${name}`, message, command, Math.max(command.indexOf(word), 0));
  };
  const spec = parseHistSpec(options, file, directory, report);
  if (typeof spec === "number") return spec;
  let filter: EventFilter | null = null;
  if (condition !== undefined) {
    filter = createFilter(condition, file.call, null);
    if (filter.errno < 0) return filter.errno;
  }
  const shape = shapeText(spec, filter);
  const existing = file.triggers.find((trigger) => trigger instanceof HistTrigger && trigger.shape === shape);
  if (existing instanceof HistTrigger) {
    if (removes) return file.removeTrigger(existing);
    if (action === undefined) return -EEXIST;
    existing.control(action);
    return 0;
  }
  if (removes) return 0;
  if (action !== undefined && action !== "pause") return -EINVAL;
  const taken = spec.variables.find((variable) => definesVariable(file, variable));
  if (taken !== undefined) {
    report(taken, "Variable already defined");
    return -EINVAL;
  }
  const table = tableFor(spec, directory);
  if (table === null) {
    report(
      `name=${spec.name}`,
      "Named hist trigger doesn't match existing named trigger (includes variables)",
    );
    return -EINVAL;
  }
  const made = new HistTrigger(spec, filter, table, () => {
    if (--table.users === 0) directory.namedHists.delete(spec.name);
  });
  if (action === "pause") made.control(action);
  table.users++;
  return file.addTrigger(made, true);
}

/** Whether a hist trigger of the event has a variable of that name: `find_var`. */
export function definesVariable(file: EventFile, variable: string): boolean {
  const name = variable.split("=", 1)[0];
  return file.triggers.some((trigger) =>
    trigger instanceof HistTrigger && trigger.variables.some((one) => one.split("=", 1)[0] === name)
  );
}

/** The table of a name, or a new one; null where the one of that name has other columns. */
function tableFor(spec: HistSpec, directory: EventDirectory): HistTable | null {
  const { namedHists, host } = directory;
  const named = spec.name === "" ? undefined : namedHists.get(spec.name);
  if (named !== undefined) return shapeText(named.spec, null) === shapeText(spec, null) ? named : null;
  const table = new HistTable(spec, host);
  if (spec.name !== "") namedHists.set(spec.name, table);
  return table;
}

/** `PARAM if FILTER`. */
function splitCondition(rest: string): readonly [param: string, condition?: string] {
  if (rest.startsWith("if ")) return ["", rest.slice(3).trim()];
  const at = rest.search(/\sif\s/);
  if (at < 0) return [rest];
  return [rest.slice(0, at).trim(), rest.slice(at + 4).trim()];
}

/** What tells two hist triggers of an event apart. */
function shapeText(
  { name, keys, values, variables, sort, size }: HistSpec,
  filter: EventFilter | null,
): string {
  const names = (fields: readonly HistField[]): string => fields.map(fieldText).join(",");
  const sortedBy = (field: string): string => {
    const found = [...values, ...keys].find((one) => one.name === field);
    return found === undefined ? field : fieldText(found);
  };
  const parts = [
    ...(name === "" ? [] : [`name=${name}`]),
    `keys=${names(keys)}`,
    `vals=${["hitcount", ...values.map(fieldText)].join(",")}`,
    ...(variables.length === 0 ? [] : [variables.join(",")]),
    `sort=${sort.map((key) => sortedBy(key.field) + (key.descending ? ".descending" : "")).join(",")}`,
    `size=${size}`,
  ];
  return `hist:${parts.join(":")}${filter === null ? "" : ` if ${filter.text}`}`;
}

/** Counts one event's records in a table. */
export class HistTrigger implements EventTrigger {
  readonly type = HIST_TYPE;
  readonly isPost = false;
  readonly needsRecord = true;
  readonly filter: EventFilter | null;
  /** As it was given, with all defaults. */
  readonly shape: string;
  /** `x=5` */
  readonly variables: readonly string[];
  paused = false;
  readonly #table: HistTable;
  readonly #gone: () => void;

  /** `gone` is told when it is taken away. */
  constructor(spec: HistSpec, filter: EventFilter | null, table: HistTable, gone: () => void) {
    this.shape = shapeText(spec, filter);
    this.filter = filter;
    this.variables = spec.variables;
    this.#table = table;
    this.#gone = gone;
  }

  get text(): string {
    return `${this.shape} [${this.paused ? "paused" : "active"}]`;
  }

  /** `pause`, `continue`, `clear`. */
  control(action: string): void {
    if (action === "clear") this.#table.clear();
    else this.paused = action === "pause";
  }

  fire(record: EventRecord): void {
    this.#table.add(record);
  }

  removed(): void {
    this.#gone();
  }

  /** Its block in the `hist` file. */
  block(): string {
    return `# event histogram\n#\n# trigger info: ${this.text}\n#\n\n${this.#table.text()}`;
  }
}
