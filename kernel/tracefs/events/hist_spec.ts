/**
 * What a `hist` trigger is told: keys, values, order, size, name.
 *
 * @module
 */

import type { TracepointField } from "../../../image/model.ts";
import { EINVAL } from "../../syscalls/errno.ts";
import { isErrno, kstrtoul } from "../probe_events/kstrto.ts";
import { fieldKind } from "./call.ts";
import type { EventFile } from "./event_file.ts";
import { histActionError, type HistEvents } from "./hist_actions.ts";

const DEFAULT_SIZE = 2048;
/** Fewest and most bits of a size. */
const TRACING_MAP_BITS_MIN = 7;
const TRACING_MAP_BITS_MAX = 17;
const TRACING_MAP_SORT_KEYS_MAX = 2;
const MAX_KEYS = 3;
/** Most variables of one trigger. */
const MAX_VARIABLES = 16;

/** How a field is shown. */
const MODIFIERS = ["hex", "sym", "sym-offset", "execname", "syscall", "log2", "usecs"];

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

/** What a trigger's trace array has. */
export interface HistScope extends HistEvents {
  /** Whether a hist trigger of any event has a variable of that name. */
  hasHistVariable(name: string): boolean;
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
  directory: HistScope,
  report: HistReport,
): HistSpec | number {
  let keys: readonly HistField[] | undefined;
  let values: readonly HistField[] = [];
  let sort: string | null = null;
  let size = DEFAULT_SIZE;
  let name = "";
  const variables = new Map<string, string>();
  for (const option of options) {
    const equals = option.indexOf("=");
    const word = equals < 0 ? option : option.slice(0, equals);
    const given = option.slice(equals + 1);
    const words = given.split(",");
    if (equals < 0) {
      if (HIST_ACTIONS.includes(word)) continue;
      const wrong = histActionError(option, directory);
      if (wrong !== null) report(...wrong);
      return -EINVAL;
    }
    if (word === "keys" || word === "key") {
      if (words.length > MAX_KEYS) return -EINVAL;
      const fields = allFields(words, file, report);
      if (fields === null || fields.some(({ source }) => source === "hitcount")) return -EINVAL;
      keys = fields;
    } else if (word === "values" || word === "vals" || word === "val") {
      const fields = allFields(words, file, report, true);
      if (fields === null) return -EINVAL;
      values = fields.filter(({ source }) => source !== "hitcount");
    } else if (word === "sort") {
      sort = given;
    } else if (word === "size") {
      const entries = kstrtoul(given, 0, 64);
      if (isErrno(entries)) return entries;
      const bits = entries === 0n ? 0 : (entries - 1n).toString(2).length;
      if (bits < TRACING_MAP_BITS_MIN || bits > TRACING_MAP_BITS_MAX) return -EINVAL;
      size = 2 ** bits;
    } else if (word === "name") {
      if (given === "") return -EINVAL;
      name = given;
    } else {
      if (!addVariables(option, variables, file, directory, report)) return -EINVAL;
    }
  }
  if (keys === undefined) return -EINVAL;
  const known = ["hitcount", ...[...keys, ...values].map((field) => field.name)];
  const order = sort === null ? [{ field: "hitcount", descending: false }] : sortKeys(sort, known, report);
  if (order === null) return -EINVAL;
  return { name, keys, values, variables: [...variables].map((pair) => pair.join("=")), sort: order, size };
}

/** `create_sort_keys` */
function sortKeys(text: string, known: readonly string[], report: HistReport): readonly SortKey[] | null {
  const words = text.split(",");
  const keys: SortKey[] = [];
  for (const word of words) {
    const dot = word.indexOf(".");
    const field = dot < 0 ? word : word.slice(0, dot);
    const modifier = dot < 0 ? "ascending" : word.slice(dot + 1);
    let wrong: readonly [at: string, message: string] | null = null;
    if (word === "") wrong = ["sort=", "Empty sort field"];
    else if (keys.length === TRACING_MAP_SORT_KEYS_MAX - 1 && words.length > TRACING_MAP_SORT_KEYS_MAX) {
      wrong = ["sort=", `Too many sort fields (Max = ${TRACING_MAP_SORT_KEYS_MAX})`];
    } else if (field === "") wrong = ["sort=", "Empty sort field"];
    else if (!known.includes(field)) wrong = [field, "Sort field must be a key or a val"];
    else if (modifier !== "ascending" && modifier !== "descending") {
      wrong = [modifier, "Invalid sort modifier"];
    }
    if (wrong !== null) {
      report(...wrong);
      return null;
    }
    keys.push({ field, descending: modifier === "descending" });
  }
  return keys;
}

/** `parse_var_defs`: variables, which no action uses; they are kept and shown. */
function addVariables(
  option: string,
  variables: Map<string, string>,
  file: EventFile,
  scope: HistScope,
  report: HistReport,
): boolean {
  for (const definition of option.split(",")) {
    const equals = definition.indexOf("=");
    const name = equals < 0 ? definition : definition.slice(0, equals);
    if (equals < 0) {
      report(name, "Malformed assignment");
      return false;
    }
    if (variables.size >= MAX_VARIABLES) {
      report(name, "Too many variables defined");
      return false;
    }
    const text = definition.slice(equals + 1);
    if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name) || !isExpression(text, variables, file, scope, report)) {
      return false;
    }
    variables.set(name, text);
  }
  return true;
}

/** Most operators of an expression. */
const MAX_SUBEXPRESSIONS = 3;

/** Numbers, fields and variables with operators in between; parentheses and signs are not taken. */
function isExpression(
  text: string,
  variables: ReadonlyMap<string, string>,
  file: EventFile,
  scope: HistScope,
  report: HistReport,
): boolean {
  // A modifier with a minus in it is no difference.
  const operands = text.replaceAll(".sym-offset", ".sym").split(/[-+*/]/);
  if (operands.length > MAX_SUBEXPRESSIONS + 1) {
    report(text, "Too many subexpressions (3 max)");
    return false;
  }
  return operands.every((operand) => {
    if (/^[0-9]+$/.test(operand)) return true;
    if (!operand.startsWith("$")) {
      const field = histField(operand, file, report);
      if (field === null || operands.length === 1 || !field.isText) return field !== null;
      report(operand, "String type can not be an operand in expression");
      return false;
    }
    const name = operand.slice(1);
    if (variables.has(name) || scope.hasHistVariable(name)) return true;
    report(operand, "Couldn't find variable");
    return false;
  });
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

/** `parse_atom`: what stands before a second dot would be the event of a variable, and is not looked at in fields. */
function histField(word: string, file: EventFile, report: HistReport): HistField | null {
  const parts = word.split(".");
  const [name = "", modifier = null] = parts.length > 2
    ? [parts[2], parts.length > 3 ? parts.slice(3).join(".") : null]
    : parts;
  return parseField(name, modifier, file, report);
}

/** `parse_field`: a field and the one modifier that it may have. */
function parseField(
  name: string,
  given: string | null,
  file: EventFile,
  report: HistReport,
): HistField | null {
  let modifier = given;
  let bucket: bigint | number = 0n;
  const buckets = /^buckets?(=?)(.*)$/s.exec(given ?? "");
  if (buckets !== null) {
    const [, equals, size = ""] = buckets;
    modifier = "buckets";
    bucket = equals === "" ? -EINVAL : kstrtoul(size, 0, 64);
    if (isErrno(bucket) || bucket === 0n) {
      report(size, "Invalid field modifier");
      return null;
    }
  } else if (modifier !== null) {
    // Only the kernel's own field of the pid has a name that is remembered.
    if (!MODIFIERS.includes(modifier) || modifier === "execname" && name !== "common_pid") {
      report(modifier, "Invalid field modifier");
      return null;
    }
  }
  if ((name === "hitcount" || name === "stacktrace") && modifier !== null) {
    report(name, "Couldn't find field");
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
