/**
 * What a `hist` trigger is told: keys, values, order, size, name.
 *
 * @module
 */

import type { TracepointField } from "../../../image/model.ts";
import { E2BIG, EINVAL } from "../../syscalls/errno.ts";
import { isErrno, kstrtoul } from "../probe_events/kstrto.ts";
import { fieldKind } from "./call.ts";
import type { EventFile } from "./event_file.ts";

const DEFAULT_SIZE = 2048;
const LARGEST_SIZE = 131072;
const MAX_KEYS = 3;
/** Most variables of one trigger. */
const MAX_VARIABLES = 16;

/** How a field is shown. */
const MODIFIERS = ["hex", "sym", "sym-offset", "execname", "syscall", "log2", "buckets", "usecs"];

/** What a key or value is of, if not a field of the record. */
export type HistSource = "hitcount" | "stacktrace" | "common_cpu" | "common_timestamp";

/** One key or value. */
export interface HistField {
  readonly name: string;
  readonly modifier: string | null;
  /** Of `.buckets=N`; 0 without. */
  readonly bucket: bigint;
  /** Where it comes from: a field of the record, or what every record has. */
  readonly source: TracepointField | HistSource;
  readonly isText: boolean;
}

/** One word of `sort=`. */
export interface SortKey {
  readonly field: string;
  readonly descending: boolean;
}

/** A trigger's parameters. */
export interface HistSpec {
  /** Triggers of one name count in one table; empty without. */
  readonly name: string;
  readonly keys: readonly HistField[];
  readonly values: readonly HistField[];
  /** `x=5`, as the trigger shows them. */
  readonly variables: readonly string[];
  readonly sort: readonly SortKey[];
  readonly size: number;
}

/** Logs what is wrong with a word of the command. */
export type HistReport = (word: string, message: string) => void;

/** What a trigger does to one that is there. */
export const HIST_ACTIONS: readonly string[] = ["pause", "continue", "cont", "clear"];

/** A field as the trigger shows it: `count.hex`. */
export function fieldText({ name, modifier, bucket }: HistField): string {
  if (modifier === null) return name;
  return modifier === "buckets" ? `${name}.buckets=${bucket}` : `${name}.${modifier}`;
}

/** `parse_hist_trigger_attrs` and `create_hist_data`: the parameters, or -errno. */
export function parseHistSpec(
  options: readonly string[],
  file: EventFile,
  report: HistReport,
): HistSpec | number {
  let keys: readonly HistField[] | undefined;
  let values: readonly HistField[] = [];
  let sort: readonly SortKey[] = [];
  let size = DEFAULT_SIZE;
  let name = "";
  const variables = new Map<string, string>();
  for (const option of options) {
    const equals = option.indexOf("=");
    const word = equals < 0 ? option : option.slice(0, equals);
    const given = equals < 0 ? "" : option.slice(equals + 1);
    const words = equals < 0 ? [] : given.split(",");
    if (HIST_ACTIONS.includes(word)) continue;
    if (word === "keys" || word === "key") {
      if (words.length > MAX_KEYS) return -EINVAL;
      const fields = allFields(words, file, report);
      if (fields === null || fields.some(({ source }) => source === "hitcount")) return -EINVAL;
      keys = fields;
    } else if (word === "values" || word === "vals" || word === "val") {
      const fields = allFields(words, file, report, true);
      if (fields === null || fields.some(({ isText }) => isText)) return -EINVAL;
      values = fields.filter(({ source }) => source !== "hitcount");
    } else if (word === "sort") {
      sort = words.map((one) => {
        const [field = "", order = "ascending"] = one.split(".");
        return { field, descending: order === "descending" };
      });
    } else if (word === "size") {
      const entries = Number(given);
      if (!Number.isInteger(entries) || entries <= 0) return -EINVAL;
      if (entries > LARGEST_SIZE) return -E2BIG;
      size = 2 ** Math.ceil(Math.log2(entries));
    } else if (word === "name") {
      if (given === "") return -EINVAL;
      name = given;
    } else {
      const refused = equals < 0 || !isVariable(word, given, file, variables.size, report);
      if (refused) return -EINVAL;
      variables.set(word, given);
    }
  }
  if (keys === undefined) return -EINVAL;
  const known = ["hitcount", ...[...keys, ...values].map((field) => field.name)];
  const unsortable = sort.find(({ field }) => !known.includes(field));
  if (unsortable !== undefined) {
    report(unsortable.field, "Sort field must be a key or a val");
    return -EINVAL;
  }
  if (sort.length === 0) sort = [{ field: "hitcount", descending: false }];
  return { name, keys, values, variables: [...variables].map((pair) => pair.join("=")), sort, size };
}

/** A variable that no action uses: it is kept and shown. */
function isVariable(
  word: string,
  given: string,
  file: EventFile,
  count: number,
  report: HistReport,
): boolean {
  if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(word) || count >= MAX_VARIABLES) return false;
  return /^[0-9]+$/.test(given) || histField(given, file, report) !== null;
}

function allFields(
  words: readonly string[],
  file: EventFile,
  report: HistReport,
  asValues = false,
): readonly HistField[] | null {
  const fields: HistField[] = [];
  for (const word of words) {
    const field = asValues && word === "stacktrace" ? null : histField(word, file, report);
    if (field === null) {
      if (asValues && word === "stacktrace") report(word, "Couldn't find field");
      return null;
    }
    fields.push(field);
  }
  return fields;
}

/** What every record has beside its fields, by the names that it is asked for. */
const SOURCES: ReadonlyMap<string, HistSource> = new Map(Object.entries<HistSource>({
  hitcount: "hitcount",
  stacktrace: "stacktrace",
  cpu: "common_cpu",
  common_cpu: "common_cpu",
  common_timestamp: "common_timestamp",
}));

/** `parse_field` */
function histField(word: string, file: EventFile, report: HistReport): HistField | null {
  const [name = "", given = null] = word.split(".");
  const [modifier = null, size] = given?.split("=") ?? [];
  const bucket = modifier === "buckets" ? kstrtoul(size ?? "", 0, 64) : 0n;
  if (name === "hitcount" && modifier !== null) {
    report(name, "Couldn't find field");
    return null;
  }
  if (
    modifier !== null &&
      (!MODIFIERS.includes(modifier) || (size !== undefined) !== (modifier === "buckets")) ||
    isErrno(bucket) || modifier === "buckets" && bucket === 0n
  ) {
    report(modifier ?? "", "Invalid field modifier");
    return null;
  }
  const field = [...file.call.fields, ...file.call.common].find((one) => one.name === name);
  if (field !== undefined) {
    return { name, modifier, bucket, source: field, isText: fieldKind(field) !== "number" };
  }
  const source = SOURCES.get(name);
  if (source === undefined) {
    report(name, "Couldn't find field");
    return null;
  }
  return { name: source, modifier, bucket, source, isText: source === "stacktrace" };
}
