/**
 * `hist` triggers: counts and sums of records, by fields.
 *
 * @module
 */

import type { TracepointField } from "../../../image/model.ts";
import { E2BIG, EEXIST, EINVAL } from "../../syscalls/errno.ts";
import { isErrno, kstrtoul } from "../probe_events/kstrto.ts";
import { fieldKind, type RecordReader } from "./call.ts";
import type { EventDirectory, EventDirectoryHost } from "./event_directory.ts";
import type { EventFile, EventRecord } from "./event_file.ts";
import { createFilter, type EventFilter } from "./filter.ts";
import { kernelSort } from "./kernel_sort.ts";
import type { EventTrigger } from "./trigger.ts";

/** The type of its triggers, of which an event has as many as one likes. */
export const HIST_TYPE = "hist";
const DEFAULT_SIZE = 2048;
const LARGEST_SIZE = 131072;
const MAX_KEYS = 3;

/** How a field is shown. */
const MODIFIERS = ["hex", "sym", "sym-offset", "execname", "syscall", "log2", "buckets"];

interface HistField {
  readonly name: string;
  readonly modifier: string | null;
  /** Of `.buckets=N`; 0 without. */
  readonly bucket: bigint;
  /** Null for `hitcount`. */
  readonly field: TracepointField | null;
  readonly isText: boolean;
}

interface SortKey {
  readonly field: string;
  readonly descending: boolean;
}

interface HistSpec {
  readonly keys: readonly HistField[];
  readonly values: readonly HistField[];
  readonly sort: readonly SortKey[];
  readonly size: number;
}

interface Row {
  readonly keys: readonly (string | bigint)[];
  readonly sums: bigint[];
  hits: number;
}

/** Text of an event's `hist` file: one block for each of its hist triggers. */
export function readHist(file: EventFile | undefined): string {
  const hists = (file?.triggers ?? []).filter((trigger) => trigger instanceof HistTrigger);
  return hists.map((hist) => hist.table()).join("\n\n");
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
  const action = options.find((option) => ["pause", "continue", "cont", "clear"].includes(option));
  const report = (word: string, message: string): void => {
    const command = `hist:${rest}`;
    const { system, name } = file.call;
    file.array.log.add(`hist:${system}:${name}`, message, command, Math.max(command.indexOf(word), 0));
  };
  const spec = parseSpec(options, file, report);
  if (typeof spec === "number") return spec;
  let filter: EventFilter | null = null;
  if (condition !== undefined) {
    filter = createFilter(condition, file.call, file.array.log);
    if (filter.errno < 0) return filter.errno;
  }
  const made = new HistTrigger(spec, filter, directory.host);
  const existing = file.triggers.find((trigger) =>
    trigger instanceof HistTrigger && trigger.shape === made.shape
  );
  if (existing instanceof HistTrigger) {
    if (removes) return file.removeTrigger(existing);
    if (action === undefined) return -EEXIST;
    existing.control(action);
    return 0;
  }
  if (removes) return 0;
  if (action !== undefined && action !== "pause") return -EINVAL;
  if (action === "pause") made.control(action);
  return file.addTrigger(made, true);
}

/** `PARAM if FILTER`. */
function splitCondition(rest: string): readonly [param: string, condition?: string] {
  if (rest.startsWith("if ")) return ["", rest.slice(3).trim()];
  const at = rest.search(/\sif\s/);
  if (at < 0) return [rest];
  return [rest.slice(0, at).trim(), rest.slice(at + 4).trim()];
}

/** Logs what is wrong with a word of the command. */
type Report = (word: string, message: string) => void;

function parseSpec(options: readonly string[], file: EventFile, report: Report): HistSpec | number {
  let keys: HistField[] | undefined;
  let values: HistField[] = [];
  let sort: SortKey[] = [];
  let size = DEFAULT_SIZE;
  for (const option of options) {
    const equals = option.indexOf("=");
    const name = equals < 0 ? option : option.slice(0, equals);
    const words = equals < 0 ? [] : option.slice(equals + 1).split(",");
    if (["pause", "continue", "cont", "clear"].includes(name)) continue;
    if (name === "keys" || name === "key") {
      if (words.length > MAX_KEYS) return -EINVAL;
      const fields = words.map((word) => histField(word, file, report));
      if (fields.some((field) => field === null || field.field === null)) return -EINVAL;
      keys = fields.filter((field) => field !== null);
    } else if (["values", "vals", "val"].includes(name)) {
      const fields = words.map((word) => histField(word, file, report));
      if (fields.some((field) => field === null || field.isText)) return -EINVAL;
      values = fields.filter((field) => field !== null).filter((field) => field.field !== null);
    } else if (name === "sort") {
      sort = words.map((word) => {
        const [field = "", order = "ascending"] = word.split(".");
        return { field, descending: order === "descending" };
      });
    } else if (name === "size") {
      const bits = Number(words[0]);
      if (!Number.isInteger(bits) || bits <= 0) return -EINVAL;
      if (bits > LARGEST_SIZE) return -E2BIG;
      size = 2 ** Math.ceil(Math.log2(bits));
    } else {
      return -EINVAL;
    }
  }
  if (keys === undefined) return -EINVAL;
  const known = new Set(["hitcount", ...keys.map((k) => k.name), ...values.map((v) => v.name)]);
  const unsortable = sort.find(({ field }) => !known.has(field));
  if (unsortable !== undefined) {
    report(unsortable.field, "Sort field must be a key or a val");
    return -EINVAL;
  }
  if (sort.length === 0) sort = [{ field: "hitcount", descending: false }];
  return { keys, values, sort, size };
}

function histField(word: string, file: EventFile, report: Report): HistField | null {
  const [name = "", given = null] = word.split(".");
  const [modifier = null, size] = given?.split("=") ?? [];
  const bucket = modifier === "buckets" ? kstrtoul(size ?? "", 0, 64) : 0n;
  if (
    modifier !== null && (!MODIFIERS.includes(modifier) || (size !== undefined) !== (modifier === "buckets"))
  ) {
    report(modifier, "Invalid field modifier");
    return null;
  }
  if (isErrno(bucket) || modifier === "buckets" && bucket === 0n) {
    report(modifier ?? "", "Invalid field modifier");
    return null;
  }
  if (name === "hitcount") return { name, modifier, bucket, field: null, isText: false };
  const field = [...file.call.fields, ...file.call.common].find((f) => f.name === name);
  if (field === undefined) {
    report(name, "Couldn't find field");
    return null;
  }
  const kind = fieldKind(field);
  return { name, modifier, bucket, field, isText: kind !== "number" };
}

function fieldText({ name, modifier, bucket }: HistField): string {
  if (modifier === null) return name;
  return modifier === "buckets" ? `${name}.buckets=${bucket}` : `${name}.${modifier}`;
}

/** A table of one event's records. */
export class HistTrigger implements EventTrigger {
  readonly type = HIST_TYPE;
  readonly isPost = false;
  readonly needsRecord = true;
  readonly filter: EventFilter | null;
  paused = false;
  readonly #spec: HistSpec;
  readonly #host: EventDirectoryHost;
  readonly #rows = new Map<string, Row>();
  #hits = 0;
  #dropped = 0;

  constructor(spec: HistSpec, filter: EventFilter | null, host: EventDirectoryHost) {
    this.#spec = spec;
    this.filter = filter;
    this.#host = host;
  }

  /** What tells two hist triggers of an event apart. */
  get shape(): string {
    const { keys, values, sort, size } = this.#spec;
    const names = (fields: readonly HistField[]): string => fields.map(fieldText).join(",");
    const vals = ["hitcount", ...(values.length > 0 ? [names(values)] : [])].join(",");
    const order = sort.map((s) => s.field + (s.descending ? ".descending" : "")).join(",");
    const condition = this.filter === null ? "" : ` if ${this.filter.text}`;
    return `hist:keys=${names(keys)}:vals=${vals}:sort=${order}:size=${size}${condition}`;
  }

  get text(): string {
    return `${this.shape} [${this.paused ? "paused" : "active"}]`;
  }

  /** `pause`, `continue`, `clear`. */
  control(action: string): void {
    if (action === "pause") this.paused = true;
    else if (action === "clear") {
      this.#rows.clear();
      this.#hits = 0;
      this.#dropped = 0;
    } else this.paused = false;
  }

  fire({ reader: record }: EventRecord): void {
    const keys = this.#spec.keys.map((key) => readField(key, record));
    const id = keys.map(String).join("\0");
    let row = this.#rows.get(id);
    if (row === undefined) {
      if (this.#rows.size >= this.#spec.size) {
        this.#dropped++;
        return;
      }
      this.#rows.set(id, row = { keys, sums: this.#spec.values.map(() => 0n), hits: 0 });
    }
    row.hits++;
    this.#hits++;
    this.#spec.values.forEach((value, i) => {
      const read = readField(value, record);
      if (typeof read === "bigint") (row as Row).sums[i] = ((row as Row).sums[i] ?? 0n) + read;
    });
  }

  /** Its block in the `hist` file. */
  table(): string {
    const rows = this.#sorted();
    const lines = rows.map((row) => `${this.#rowText(row)}\n`).join("");
    return `# event histogram\n#\n# trigger info: ${this.text}\n#\n\n${lines}\nTotals:\n    Hits: ${this.#hits}\n` +
      `    Entries: ${this.#rows.size}\n    Dropped: ${this.#dropped}\n`;
  }

  #rowText(row: Row): string {
    const { keys, values } = this.#spec;
    const shown = keys.map((key, i) => `${key.name}: ${this.#keyText(key, row.keys[i] ?? 0n)}`).join(", ");
    const sums = values.map((value, i) => {
      const sum = row.sums[i] ?? 0n;
      const number = value.modifier === "hex" ? sum.toString(16) : String(sum);
      return `  ${value.name}: ${number.padStart(10)}`;
    }).join("");
    return `{ ${shown} } hitcount: ${String(row.hits).padStart(10)}${sums}`;
  }

  #keyText(key: HistField, value: string | bigint): string {
    if (typeof value === "string") return value.padEnd(50);
    const word = BigInt.asUintN(64, value);
    switch (key.modifier) {
      case "hex":
        return word.toString(16);
      case "sym":
        return `[${word.toString(16)}] ${this.#host.symbol(value, false).padEnd(45)}`;
      case "sym-offset":
        return `[${word.toString(16)}] ${this.#host.symbol(value, true).padEnd(55)}`;
      case "execname":
        return `${this.#host.commOf(Number(value)).padEnd(16)}[${String(value).padStart(10)}]`;
      case "syscall":
        return `${this.#host.syscallName(Number(value)).padEnd(30)}[${String(value).padStart(3)}]`;
      case "log2":
        return `~ 2^${String(value).padEnd(2)}`;
      case "buckets":
        return `~ ${word}-${word + key.bucket - 1n}`;
      default:
        return String(word).padStart(10);
    }
  }

  /** `tracing_map_sort_entries`: by the bytes of the keys, then by the first sort key, then runs of equals by the next. */
  #sorted(): Row[] {
    const rows = [...this.#rows.values()];
    kernelSort(rows, (a, b) => this.#compareKeys(a, b));
    let runs = [rows];
    for (const { field, descending } of this.#spec.sort) {
      const compare = (a: Row, b: Row): number => {
        const [one, other] = [this.#sortValue(a, field), this.#sortValue(b, field)];
        return one === other ? 0 : one < other !== descending ? -1 : 1;
      };
      runs = runs.flatMap((run) => equals(kernelSort(run, compare), compare));
    }
    return runs.flat();
  }

  #compareKeys(a: Row, b: Row): number {
    for (const [at, { field }] of this.#spec.keys.entries()) {
      const order = compareBytes(bytesOf(a.keys[at] ?? 0n, field), bytesOf(b.keys[at] ?? 0n, field));
      if (order !== 0) return order;
    }
    return 0;
  }

  #sortValue(row: Row, field: string): string | bigint {
    if (field === "hitcount") return BigInt(row.hits);
    const key = this.#spec.keys.findIndex((k) => k.name === field);
    if (key >= 0) return row.keys[key] ?? 0n;
    return row.sums[this.#spec.values.findIndex((v) => v.name === field)] ?? 0n;
  }
}

/** Runs of elements that compare as equal. */
function equals(rows: readonly Row[], compare: (a: Row, b: Row) => number): Row[][] {
  const runs: Row[][] = [];
  for (const row of rows) {
    const run = runs.at(-1);
    if (run !== undefined && compare(run[0] as Row, row) === 0) run.push(row);
    else runs.push([row]);
  }
  return runs;
}

/** A key as the map holds it: text, or a number in little-endian order. */
function bytesOf(value: string | bigint, field: TracepointField | null): Uint8Array {
  if (typeof value === "string") return new TextEncoder().encode(value);
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, BigInt.asUintN(64, value), true);
  return bytes.subarray(0, field === null ? 8 : Math.min(field.size, 8));
}

/** `memcmp`, the shorter one filled up with zeros. */
function compareBytes(a: Uint8Array, b: Uint8Array): number {
  for (let at = 0; at < Math.max(a.length, b.length); at++) {
    const difference = (a[at] ?? 0) - (b[at] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

function readField(hist: HistField, record: RecordReader): string | bigint {
  const { field } = hist;
  if (field === null) return 1n;
  const kind = fieldKind(field);
  if (kind === "string" || kind === "dynamic") {
    return record.str(field.offset, field.size, kind === "dynamic");
  }
  const value = record.loadBig(field.offset, field.size, field.signed);
  if (hist.modifier === "buckets") {
    const word = BigInt.asUintN(64, value);
    return word - word % hist.bucket;
  }
  if (hist.modifier !== "log2") return value;
  return BigInt(BigInt.asUintN(64, value - 1n).toString(2).length);
}
