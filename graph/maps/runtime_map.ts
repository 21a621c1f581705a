/**
 * A map: cells by key. Generated handlers walk `root` themselves (one nested `Map` per part of the key) and come here
 * only when a key is new.
 *
 * @module
 */

import type { Aggregation, MapNode } from "../nodes.ts";
import { addressOf, isStack, stackValue, type Symbolizer, toValue, type Value } from "../value.ts";
import { AvgCell } from "./avg.ts";
import type { Cell, MapValue } from "./cell.ts";
import { newCell } from "./cells.ts";
import { compareKeys, compareNumbers } from "./sort.ts";
import { ValueCell } from "./value_cell.ts";

/** Keys a map takes unless told otherwise: bpftrace's `max_map_keys`. */
export const DEFAULT_MAX_ENTRIES = 4096;

/** How a key part or a value is held in a handler, and how it reads in a snapshot. */
export type KeyKind = "plain" | "pointer" | "stack" | "unknown";

/** One key with its value, as plain data. */
export interface MapEntry {
  /** Empty for a map without key. */
  readonly key: readonly Value[];
  /** What the map holds under it. */
  readonly value: MapValue;
  /** What an average is made of, so that two can be put together. */
  readonly mean?: { readonly count: number; readonly total: number | bigint };
}

/** A map's contents as plain data, in print order. */
export interface MapSnapshot {
  /** Without the `@`. */
  readonly name: string;
  /** How it aggregates. */
  readonly aggregation: Aggregation;
  /** Whether its entries have keys. */
  readonly keyed: boolean;
  /** What it holds, in print order. */
  readonly entries: readonly MapEntry[];
  /** Updates that were lost because the map was full. */
  readonly lost: number;
}

/** What can stand in a `Map` as a key part: a value, or the text that identifies it. */
export type KeyPart = number | string | boolean | bigint | null | undefined;

/** A node of the nested maps: next level by key part, cells at the last. */
export type KeyLevel = Map<KeyPart, KeyLevel | Cell>;

/** What the types of a map's uses tell. */
export interface MapKinds {
  /** How each part of the key is held. */
  readonly key: readonly KeyKind[];
  /** How a stored value is held. */
  readonly value: KeyKind;
  /** What `zero` makes of a stored value. */
  readonly zero: unknown;
}

/** One map of a running program. */
export class RuntimeMap {
  readonly name: string;
  readonly keyParts: number;
  readonly maxEntries: number;
  /** Forgets the key that was used longest ago, where it is full. */
  readonly lru: boolean;
  /** Cells by key; handlers read it, only `insert`, `remove` and `clear` write. */
  readonly root: KeyLevel = new Map();
  /** The cell of a map without key. */
  readonly scalar: Cell;
  readonly #node: MapNode;
  #aggregation: Aggregation;
  #kinds: MapKinds;
  /** Cells with a key in order of insertion, among them dead ones. */
  #cells: Cell[] = [];
  #deadCells = 0;
  #lost = 0;
  /** Cells with a key, the one used longest ago first: of an LRU map. */
  readonly #recent = new Set<Cell>();
  /** Takes the updates that a full map loses. */
  readonly #sink: Cell;

  constructor(node: MapNode, maxEntries: number = DEFAULT_MAX_ENTRIES) {
    this.name = node.name;
    this.#node = node;
    this.#aggregation = node.aggregation;
    this.keyParts = node.keyParts;
    this.maxEntries = node.maxEntries ?? maxEntries;
    this.lru = node.lru === true;
    this.scalar = newCell(node.aggregation);
    this.#sink = newCell(node.aggregation);
    this.#kinds = { key: new Array<KeyKind>(node.keyParts).fill("plain"), value: "unknown", zero: 0 };
  }

  /** How it aggregates. */
  get aggregation(): Aggregation {
    return this.#aggregation;
  }

  /** Tells how keys and values are held; the compiler knows it from their types. */
  setKinds(kinds: MapKinds): void {
    this.#kinds = kinds;
  }

  /** How keys and values are held. */
  get kinds(): MapKinds {
    return this.#kinds;
  }

  /** Number of keys. */
  get size(): number {
    return this.keyParts === 0 ? (this.scalar.updated ? 1 : 0) : this.#cells.length - this.#deadCells;
  }

  /** Updates lost so far because the map was full. */
  get lost(): number {
    return this.#lost;
  }

  /** The cell under a key; undefined where there is none. */
  find(ids: readonly KeyPart[]): Cell | undefined {
    if (this.keyParts === 0) return this.scalar;
    let level: KeyLevel | Cell | undefined = this.root;
    for (const id of ids) level = level instanceof Map ? level.get(id) : undefined;
    return level instanceof Map ? undefined : level;
  }

  /**
   * Makes the cell of a key that is not there yet. `ids` are the key parts as `root` takes them, `parts` as values.
   * Where the map is full, counts a lost update and returns a cell that nobody reads; an LRU map forgets a key instead.
   */
  insert(ids: readonly KeyPart[], parts: readonly unknown[]): Cell {
    if (this.size >= this.maxEntries) {
      const [oldest] = this.#recent;
      if (oldest === undefined) {
        this.#lost++;
        return this.#sink;
      }
      this.remove(oldest.parts.map(keyPart));
    }
    let level = this.root;
    for (let i = 0; i < ids.length - 1; i++) {
      let next = level.get(ids[i]);
      if (!(next instanceof Map)) {
        next = new Map();
        level.set(ids[i], next);
      }
      level = next;
    }
    const cell = newCell(this.#aggregation);
    cell.parts = parts;
    level.set(ids[ids.length - 1], cell);
    this.#cells.push(cell);
    if (this.lru) this.#recent.add(cell);
    return cell;
  }

  /** Notes that a key of an LRU map is used. */
  touch(cell: Cell): void {
    if (this.#recent.delete(cell)) this.#recent.add(cell);
  }

  /** Takes a key out; a map without key goes back to nothing stored. False where the key was not there. */
  remove(ids: readonly KeyPart[]): boolean {
    if (this.keyParts === 0) {
      const was = this.scalar.updated;
      this.scalar.reset();
      return was;
    }
    const cell = removeFrom(this.root, ids, 0);
    if (cell === undefined) return false;
    cell.dead = true;
    this.#recent.delete(cell);
    this.#deadCells++;
    if (this.#deadCells > 32 && this.#deadCells * 2 > this.#cells.length) this.#compact();
    return true;
  }

  /** The cells with a key now, in order of insertion. */
  cells(): readonly Cell[] {
    if (this.#deadCells > 0) this.#compact();
    return [...this.#cells];
  }

  #compact(): void {
    this.#cells = this.#cells.filter((cell) => !cell.dead);
    this.#deadCells = 0;
  }

  /** Forgets all keys and values, and what was lost. */
  clear(): void {
    this.root.clear();
    this.#recent.clear();
    this.scalar.reset();
    this.#cells = [];
    this.#deadCells = 0;
    this.#lost = 0;
  }

  /** Sets all values to zero; the keys stay. */
  zero(): void {
    for (const cell of this.keyParts === 0 ? [this.scalar] : this.cells()) {
      cell.reset();
      if (cell instanceof ValueCell) cell.set(this.#kinds.zero);
    }
  }

  /** Becomes another kind of map, if nothing was added yet. False where something was. */
  adopt(aggregation: Aggregation): boolean {
    if (JSON.stringify(aggregation) === JSON.stringify(this.#aggregation)) return true;
    if (this.#aggregation.fn !== "value" || this.keyParts === 0 || this.size > 0) return false;
    this.#aggregation = aggregation;
    return true;
  }

  /** The contents now, in print order. */
  snapshot(symbolize: Symbolizer): MapSnapshot {
    const entries = this.keyParts === 0 ? this.#scalarEntry(symbolize) : this.#sorted(symbolize);
    const { top } = this.#node;
    return {
      name: this.name,
      aggregation: this.#aggregation,
      keyed: this.keyParts > 0,
      entries: top === undefined ? entries : entries.slice(-top),
      lost: this.#lost,
    };
  }

  /** What stands under a key; undefined where it is not there. */
  entry(ids: readonly KeyPart[], symbolize: Symbolizer): MapValue | undefined {
    const cell = this.find(ids);
    return cell === undefined ? undefined : this.shown(cell, symbolize);
  }

  /** What a cell shows. */
  shown(cell: Cell, symbolize: Symbolizer): MapValue {
    if (!(cell instanceof ValueCell)) return cell.snapshot();
    return held(cell.value, this.#kinds.value, symbolize);
  }

  /** A `count` without key is an array with one slot in bpftrace, so it prints 0; other maps print once updated. */
  #scalarEntry(symbolize: Symbolizer): readonly MapEntry[] {
    if (!this.scalar.updated && this.#aggregation.fn !== "count") return [];
    return [{ key: [], value: this.shown(this.scalar, symbolize), ...meanOf(this.scalar) }];
  }

  #sorted(symbolize: Symbolizer): readonly MapEntry[] {
    const cells = this.cells();
    const byValue = this.#aggregation.fn !== "value" ||
      this.#kinds.value !== "pointer" && cells.every((cell) => isInteger(cell));
    const entries = (list: readonly Cell[]) =>
      list.map((cell): MapEntry => ({
        key: cell.parts.map((part, i) => keyValue(part, this.#kinds.key[i] ?? "unknown", symbolize)),
        value: this.shown(cell, symbolize),
        ...meanOf(cell),
      }));
    if (byValue) return entries([...cells].sort((a, b) => compareNumbers(a.sortValue(), b.sortValue())));
    return entries(cells).sort((a, b) => compareKeys(a.key, b.key));
  }
}

function meanOf(cell: Cell): Pick<MapEntry, "mean"> {
  return cell instanceof AvgCell ? { mean: cell.mean } : {};
}

function isInteger(cell: Cell): boolean {
  return cell instanceof ValueCell && (typeof cell.value === "number" || typeof cell.value === "bigint");
}

/** Takes a key out of nested maps, and levels that become empty with it. */
function removeFrom(level: KeyLevel, ids: readonly KeyPart[], at: number): Cell | undefined {
  const next = level.get(ids[at]);
  if (next === undefined) return undefined;
  if (!(next instanceof Map)) {
    level.delete(ids[at]);
    return next;
  }
  const removed = removeFrom(next, ids, at + 1);
  if (next.size === 0) level.delete(ids[at]);
  return removed;
}

/** A stored value as plain data. */
export function held(raw: unknown, kind: KeyKind, symbolize: Symbolizer): Value {
  if (kind === "pointer" && typeof raw === "number") return { kind: "pointer", address: raw };
  return toValue(raw, symbolize);
}

function keyValue(part: unknown, kind: KeyKind, symbolize: Symbolizer): Value {
  if (kind === "pointer" && typeof part === "number") return { kind: "pointer", address: part };
  if (kind === "stack" && typeof part === "object" && part !== null && isStack(part)) {
    return stackValue(part, symbolize);
  }
  return integerParts(toValue(part, symbolize));
}

/** Keys hold integers: drops the fractions. */
function integerParts(value: Value): Value {
  if (typeof value === "number") return integerKey(value);
  if (typeof value !== "object" || value === null || value.kind !== "tuple") return value;
  return { kind: "tuple", items: value.items.map(integerParts) };
}

/**
 * A value of unknown type as a part of a key: numbers lose their fraction, as map keys are integers; objects are told
 * apart by their text.
 */
export function keyPart(raw: unknown): KeyPart {
  switch (typeof raw) {
    case "number":
      return integerKey(raw);
    case "string":
    case "boolean":
    case "bigint":
    case "undefined":
      return raw;
    default:
      return raw === null ? null : objectKey(raw);
  }
}

/** A number as a key: the fraction dropped, no -0. */
export function integerKey(value: number): number {
  return Math.trunc(value) + 0;
}

/** Pointers and stacks are what they are where their type is known, so that both kinds of use can share a map. */
function objectKey(raw: unknown): KeyPart {
  if (Array.isArray(raw)) {
    return `\0tuple ${raw.map((item: unknown) => `${typeof item} ${String(keyPart(item))}`).join("\0")}`;
  }
  if (typeof raw === "object" && raw !== null) {
    if (isStack(raw)) return raw.key;
    if ("fields" in raw && Array.isArray(raw.fields)) {
      return objectKey(raw.fields.map((field: { readonly value: unknown }) => field.value));
    }
    if ("bytes" in raw && Array.isArray(raw.bytes)) return `\0bytes ${raw.bytes.join(" ")}`;
    if ("items" in raw && Array.isArray(raw.items)) return objectKey(raw.items);
    const address = addressOf(raw);
    if (address !== undefined) return address;
  }
  return `\0object ${String(raw)}`;
}
