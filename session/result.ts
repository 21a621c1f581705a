/**
 * What a run returns, as plain data.
 *
 * @module
 */

import type { MapValue } from "../graph/maps/cell.ts";
import type { MapSnapshot } from "../graph/maps/runtime_map.ts";
import type { ProbeGraph } from "../graph/nodes.ts";
import type { StructValue, Value } from "../graph/value.ts";
import { statementsOf } from "../graph/walk.ts";

/** What one probe saw. */
export interface ProbeStatistics {
  /** Name in the program. */
  readonly name: string;
  /** `kprobe:vfs_open` */
  readonly probe: string;
  /** Hits that were handled. */
  readonly hits: number;
  /** Hits that were not handled: a kretprobe without a free instance, a probe hit while another one ran. */
  readonly missed: number;
}

/** An argument or a result that a probe read although nothing determines it; it read as 0. */
export interface UnknownRead {
  /** Name of the function. */
  readonly function: string;
  /** Index of the argument, or -1 for the return value. */
  readonly argument: number;
  /** How often it was read. */
  readonly times: number;
}

/** Key of an entry as a caller writes it: a tuple is an array. */
function keyText(key: unknown): string {
  return JSON.stringify(key, (_name, value: unknown) => typeof value === "bigint" ? `${value}n` : value) ??
    "undefined";
}

function plainKey(key: readonly Value[]): unknown {
  return key.length === 1 ? plainPart(key[0] ?? null) : key.map(plainPart);
}

function plainPart(part: Value): unknown {
  if (typeof part !== "object" || part === null) return part;
  if (part.kind === "tuple") return part.items.map(plainPart);
  if (part.kind !== "struct") return part;
  return Object.fromEntries(part.fields.map(({ name, value }) => [name, plainPart(value)]));
}

/** A keyed map's entries, in print order; see `KeyedMap` in `probes/results.ts` for its typed face. */
export class ResultMap implements Iterable<readonly [unknown, unknown]> {
  readonly #entries: readonly (readonly [unknown, unknown])[];
  readonly #byKey: ReadonlyMap<string, unknown>;

  /** Indexes a snapshot by key. */
  constructor(snapshot: MapSnapshot) {
    this.#entries = snapshot.entries.map(({ key, value }) => [plainKey(key), plainValue(value)] as const);
    this.#byKey = new Map(this.#entries.map(([key, value]) => [keyText(key), value]));
  }

  /** Number of keys. */
  get size(): number {
    return this.#entries.length;
  }

  /** The value under a key; a tuple key is an array. */
  get(key: unknown): unknown {
    return this.#byKey.get(keyText(key));
  }

  /** Whether any hit had that key. */
  has(key: unknown): boolean {
    return this.#byKey.has(keyText(key));
  }

  /** Keys in print order. */
  keys(): Iterable<unknown> {
    return this.#entries.map(([key]) => key);
  }

  /** Values in print order. */
  values(): Iterable<unknown> {
    return this.#entries.map(([, value]) => value);
  }

  /** Keys with values, in print order. */
  entries(): Iterable<readonly [unknown, unknown]> {
    return this.#entries;
  }

  /** As `entries`. */
  [Symbol.iterator](): Iterator<readonly [unknown, unknown]> {
    return this.#entries[Symbol.iterator]();
  }
}

/** A snapshot as `result.maps` shows it: by key, or the value itself where the map has no key. */
export function mapResult(snapshot: MapSnapshot): unknown {
  if (snapshot.keyed) return new ResultMap(snapshot);
  const [entry] = snapshot.entries;
  return entry === undefined ? undefined : plainValue(entry.value);
}

/** A value as a caller gets it: tuples are arrays, records objects. */
function plainValue(value: MapValue): unknown {
  if (typeof value !== "object" || value === null) return value;
  return value.kind === "histogram" || value.kind === "stats" ? value : plainPart(value);
}

/** The rows of each table that a program can fill, as plain objects. */
export function rowsResult(
  graph: ProbeGraph,
  rows: ReadonlyMap<string, readonly StructValue[]>,
): Readonly<Record<string, readonly Readonly<Record<string, unknown>>[]>> {
  const tables = graph.probes.flatMap((node) =>
    statementsOf(node).flatMap((statement) => statement.op === "emit" ? [statement.table] : [])
  );
  return Object.fromEntries(
    [...new Set(tables)].map((table) => [
      table,
      (rows.get(table) ?? []).map(({ fields }) =>
        Object.fromEntries(fields.map(({ name, value }) => [name, plainPart(value)]))
      ),
    ]),
  );
}
