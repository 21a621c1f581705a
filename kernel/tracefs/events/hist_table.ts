/**
 * The table behind `hist` triggers: counts and sums of records, by keys.
 *
 * @module
 */

import type { Addr } from "../../../image/model.ts";
import { fieldKind } from "./call.ts";
import type { EventDirectoryHost } from "./event_directory.ts";
import type { EventRecord } from "./event_file.ts";
import type { HistField, HistSpec } from "./hist_spec.ts";
import { kernelSort } from "./kernel_sort.ts";

/** Frames of a stack that is a key, and those of the tracer in front of them that don't count. */
const HIST_STACKTRACE_DEPTH = 16;
const STACK_SKIP = 2;

/** A stack that is a key: as it is shown. */
interface StackKey {
  readonly lines: readonly string[];
}

type KeyValue = string | bigint | StackKey;

interface Row {
  readonly keys: readonly KeyValue[];
  readonly sums: bigint[];
  hits: number;
}

/** Records by keys. Triggers of one name share one. */
export class HistTable {
  readonly spec: HistSpec;
  /** Triggers that count in it. */
  users = 0;
  readonly #host: EventDirectoryHost;
  readonly #rows = new Map<string, Row>();
  #hits = 0;
  #dropped = 0;

  constructor(spec: HistSpec, host: EventDirectoryHost) {
    this.spec = spec;
    this.#host = host;
  }

  /** `clear` */
  clear(): void {
    this.#rows.clear();
    this.#hits = 0;
    this.#dropped = 0;
  }

  /** Takes one record in. */
  add(record: EventRecord): void {
    const keys = this.spec.keys.map((key) => this.#read(key, record));
    const id = keys.map(identity).join("\0");
    let row = this.#rows.get(id);
    if (row === undefined) {
      if (this.#rows.size >= this.spec.size) {
        this.#dropped++;
        return;
      }
      this.#rows.set(id, row = { keys, sums: this.spec.values.map(() => 0n), hits: 0 });
    }
    row.hits++;
    this.#hits++;
    for (const [at, value] of this.spec.values.entries()) {
      const read = this.#read(value, record);
      if (typeof read === "bigint") row.sums[at] = (row.sums[at] ?? 0n) + read;
    }
  }

  /** Its rows and totals, as `hist` shows them. */
  text(): string {
    const lines = this.#sorted().map((row) => `${this.#rowText(row)}\n`).join("");
    return `${lines}\nTotals:\n    Hits: ${this.#hits}\n    Entries: ${this.#rows.size}\n` +
      `    Dropped: ${this.#dropped}\n`;
  }

  #read(hist: HistField, record: EventRecord): KeyValue {
    const { source } = hist;
    switch (source) {
      case "hitcount":
        return 1n;
      case "stacktrace":
        return {
          lines: this.#host.stackOf(record).slice(stackSkip(record)).slice(0, HIST_STACKTRACE_DEPTH).map(
            this.#frame,
          ),
        };
      case "common_cpu":
        return BigInt(this.#host.context.cpu);
      case "common_timestamp":
        return scaled(BigInt(this.#host.now()), hist);
    }
    const kind = fieldKind(source);
    if (kind === "string" || kind === "dynamic") {
      return record.reader.str(source.offset, source.size, kind === "dynamic");
    }
    return scaled(record.reader.loadBig(source.offset, source.size, source.signed), hist);
  }

  readonly #frame = (frame: Addr | string): string =>
    typeof frame === "string" ? frame : this.#host.symbol(BigInt(frame), true);

  #rowText(row: Row): string {
    const { keys, values } = this.spec;
    const shown = keys.map((key, at) => `${key.name}:${this.#keyText(key, row.keys[at] ?? 0n)}`).join(", ");
    const sums = values.map((value, at) => {
      const sum = row.sums[at] ?? 0n;
      const number = value.modifier === "hex" ? sum.toString(16) : String(sum);
      return `  ${value.name}: ${number.padStart(10)}`;
    }).join("");
    // The lines of a stack end the line that they stand on.
    const close = keys.at(-1)?.source === "stacktrace" ? "}" : " }";
    return `{ ${shown}${close} hitcount: ${String(row.hits).padStart(10)}${sums}`;
  }

  #keyText(key: HistField, value: KeyValue): string {
    if (typeof value === "object") return `\n${value.lines.map((line) => `         ${line}\n`).join("")}`;
    return ` ${typeof value === "string" ? value.padEnd(50) : this.#numberText(key, value)}`;
  }

  #numberText(key: HistField, value: bigint): string {
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
    for (const { field, descending } of this.spec.sort) {
      const compare = (a: Row, b: Row): number => {
        const [one, other] = [this.#sortValue(a, field), this.#sortValue(b, field)];
        return one === other ? 0 : one < other !== descending ? -1 : 1;
      };
      runs = runs.flatMap((run) => equals(kernelSort(run, compare), compare));
    }
    return runs.flat();
  }

  #compareKeys(a: Row, b: Row): number {
    for (const [at, { source }] of this.spec.keys.entries()) {
      const size = typeof source === "string" ? 8 : Math.min(source.size, 8);
      const order = compareBytes(bytesOf(a.keys[at] ?? 0n, size), bytesOf(b.keys[at] ?? 0n, size));
      if (order !== 0) return order;
    }
    return 0;
  }

  #sortValue(row: Row, field: string): string | bigint {
    if (field === "hitcount") return BigInt(row.hits);
    const key = this.spec.keys.findIndex((k) => k.name === field);
    if (key < 0) return row.sums[this.spec.values.findIndex((v) => v.name === field)] ?? 0n;
    const value = row.keys[key] ?? 0n;
    return typeof value === "object" ? identity(value) : value;
  }
}

/** Frames in front of a stack that don't count: those that lead from a probe to its event. */
function stackSkip({ handlers }: EventRecord): number {
  return Math.min(STACK_SKIP, handlers().length);
}

function scaled(value: bigint, { modifier, bucket }: HistField): bigint {
  const word = BigInt.asUintN(64, value);
  switch (modifier) {
    case "buckets":
      return word - word % bucket;
    case "usecs":
      return word / 1000n;
    case "log2":
      return BigInt(BigInt.asUintN(64, value - 1n).toString(2).length);
    default:
      return value;
  }
}

/** Same keys have the same text. */
function identity(value: KeyValue): string {
  return typeof value === "object" ? value.lines.join("\n") : String(value);
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

/** A key as the map holds it: text, or a number of so many bytes in little-endian order. */
function bytesOf(value: KeyValue, size: number): Uint8Array {
  if (typeof value !== "bigint") return new TextEncoder().encode(identity(value));
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, BigInt.asUintN(64, value), true);
  return bytes.subarray(0, size);
}

/** `memcmp`, the shorter one filled up with zeros. */
function compareBytes(a: Uint8Array, b: Uint8Array): number {
  for (let at = 0; at < Math.max(a.length, b.length); at++) {
    const difference = (a[at] ?? 0) - (b[at] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
