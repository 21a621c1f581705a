/**
 * The small tables of an image: tracepoints, the kprobe blacklist, system calls.
 *
 * @module
 */
import { ByteReader, ByteWriter } from "./bytes.ts";
import type { Container, Section } from "./container.ts";
import type { BlacklistRange, TracepointField, TracepointInfo } from "./model.ts";

const TRACEPOINTS_PER_CHUNK = 64;

/** A system call; `entry` is absent where no function of the kernel is known to serve it. */
export interface SyscallRecord {
  readonly nr: number;
  readonly name: string;
  readonly entry?: string;
}

type StoredField = [name: string, type: string, offset: number, size: number, signed: 0 | 1];
type StoredTracepoint = [
  subsystem: string,
  name: string,
  id: number,
  fields: StoredField[],
  common: StoredField[],
  fmt: string,
];

/** Encodes tracepoints in the given order. */
export function encodeTracepoints(tracepoints: readonly TracepointInfo[]): Map<Section, Uint8Array[]> {
  const utf8 = new TextEncoder();
  const chunks: Uint8Array[] = [];
  for (let start = 0; start < tracepoints.length; start += TRACEPOINTS_PER_CHUNK) {
    const slice = tracepoints.slice(start, start + TRACEPOINTS_PER_CHUNK);
    const stored = slice.map((t): StoredTracepoint => [
      t.subsystem,
      t.name,
      t.id,
      t.fields.map(storedField),
      t.common.map(storedField),
      t.printFmt,
    ]);
    chunks.push(utf8.encode(JSON.stringify(stored)));
  }
  const names = tracepoints.map((t) => `${t.subsystem}:${t.name}`).join("\n");
  return new Map<Section, Uint8Array[]>([["tracepoints", chunks], ["tracepoint_names", [
    utf8.encode(names),
  ]]]);
}

function storedField(field: TracepointField): StoredField {
  return [field.name, field.type, field.offset, field.size, field.signed ? 1 : 0];
}

function restoredField([name, type, offset, size, signed]: StoredField): TracepointField {
  return { name, type, offset, size, signed: signed === 1 };
}

/** Tracepoints of an opened image. */
export class TracepointTable {
  readonly #container: Container;
  readonly #chunks = new Map<number, readonly TracepointInfo[]>();
  #index: ReadonlyMap<string, number> | undefined;

  /** Reads nothing yet. */
  constructor(container: Container) {
    this.#container = container;
  }

  /** `subsystem:event` names in the image's order. */
  names(): Iterable<string> {
    return this.#byName.keys();
  }

  /** The tracepoint of a `subsystem:event` name. */
  get(name: string): TracepointInfo | undefined {
    const index = this.#byName.get(name);
    if (index === undefined) return undefined;
    const chunk = Math.floor(index / TRACEPOINTS_PER_CHUNK);
    let list = this.#chunks.get(chunk);
    if (!list) this.#chunks.set(chunk, list = this.#decode(chunk));
    return list[index % TRACEPOINTS_PER_CHUNK];
  }

  #decode(chunk: number): TracepointInfo[] {
    const text = new TextDecoder().decode(this.#container.chunk("tracepoints", chunk));
    return (JSON.parse(text) as StoredTracepoint[]).map((
      [subsystem, name, id, fields, common, printFmt],
    ) => ({
      subsystem,
      name,
      id,
      fields: fields.map(restoredField),
      common: common.map(restoredField),
      printFmt,
    }));
  }

  get #byName(): ReadonlyMap<string, number> {
    if (this.#index) return this.#index;
    const text = new TextDecoder().decode(this.#container.chunk("tracepoint_names", 0));
    return this.#index = new Map(text === "" ? [] : text.split("\n").map((name, i) => [name, i] as const));
  }
}

/** Encodes blacklisted ranges, in the order in which the kernel keeps them. */
export function encodeBlacklist(ranges: readonly BlacklistRange[]): Uint8Array {
  const out = new ByteWriter().uint(ranges.length);
  let last = 0;
  for (const range of ranges) {
    out.int(range.start - last).uint(range.end - range.start);
    last = range.start;
  }
  return out.raw(new TextEncoder().encode(ranges.map((range) => range.name).join("\n"))).finish();
}

/** Decodes blacklisted ranges. */
export function decodeBlacklist(bytes: Uint8Array): BlacklistRange[] {
  const reader = new ByteReader(bytes);
  const count = reader.uint();
  let start = 0;
  const spans = Array.from({ length: count }, () => {
    start += reader.int();
    return { start, end: start + reader.uint() };
  });
  const names = new TextDecoder().decode(bytes.subarray(reader.position)).split("\n");
  return spans.map((span, i) => ({ ...span, name: names[i] ?? "" }));
}

/** Encodes the system call table, in order of numbers. */
export function encodeSyscalls(syscalls: readonly SyscallRecord[]): Uint8Array {
  const rows = syscalls.map(({ nr, name, entry }) => entry === undefined ? [nr, name] : [nr, name, entry]);
  return new TextEncoder().encode(JSON.stringify(rows));
}

/** Decodes the system call table. */
export function decodeSyscalls(bytes: Uint8Array): SyscallRecord[] {
  const rows = JSON.parse(new TextDecoder().decode(bytes)) as [number, string, string?][];
  return rows.map(([nr, name, entry]) => entry === undefined ? { nr, name } : { nr, name, entry });
}
