/**
 * A map: cells by key. Generated handlers walk `root` themselves (one nested `Map` per part of the key) and come here
 * only when a key is new.
 *
 * @module
 */

import type { Aggregation, MapNode } from "../nodes.ts";
import { addressOf, isStack, stackValue, type Symbolizer, toValue, type Value } from "../value.ts";
import type { AggregateValue, Cell } from "./cell.ts";
import { newCell } from "./cells.ts";
import { compareNumbers } from "./sort.ts";

/** Keys a map takes unless told otherwise: bpftrace's `max_map_keys`. */
export const DEFAULT_MAX_ENTRIES = 4096;

/** How a key part is held in a handler, and how it reads in a snapshot. */
export type KeyKind = "plain" | "pointer" | "stack" | "unknown";

/** One key with its value, as plain data. */
export interface MapEntry {
  /** Empty for a map without key. */
  readonly key: readonly Value[];
  /** What the map holds under it. */
  readonly value: AggregateValue;
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

interface Stored {
  readonly parts: readonly unknown[];
  readonly cell: Cell;
}

/** One map of a running program. */
export class AggregateMap {
  readonly name: string;
  readonly aggregation: Aggregation;
  readonly keyParts: number;
  readonly maxEntries: number;
  /** Cells by key; handlers read it, only `insert` writes. */
  readonly root: KeyLevel = new Map();
  /** The cell of a map without key. */
  readonly scalar: Cell;
  #kinds: readonly KeyKind[];
  #stored: Stored[] = [];
  #lost = 0;
  /** Takes the updates that a full map loses. */
  readonly #sink: Cell;

  constructor(node: MapNode, maxEntries: number = DEFAULT_MAX_ENTRIES) {
    this.name = node.name;
    this.aggregation = node.aggregation;
    this.keyParts = node.keyParts;
    this.maxEntries = maxEntries;
    this.scalar = newCell(node.aggregation);
    this.#sink = newCell(node.aggregation);
    this.#kinds = new Array<KeyKind>(node.keyParts).fill("plain");
  }

  /** Tells how the parts of the key are held; the compiler knows it from their types. */
  setKinds(kinds: readonly KeyKind[]): void {
    this.#kinds = kinds;
  }

  /** Number of keys. */
  get size(): number {
    return this.keyParts === 0 ? (this.scalar.updated ? 1 : 0) : this.#stored.length;
  }

  /** Updates lost so far because the map was full. */
  get lost(): number {
    return this.#lost;
  }

  /**
   * Makes the cell of a key that is not there yet. `ids` are the key parts as `root` takes them, `parts` as values.
   * Where the map is full, counts a lost update and returns a cell that nobody reads.
   */
  insert(ids: readonly KeyPart[], parts: readonly unknown[]): Cell {
    if (this.#stored.length >= this.maxEntries) {
      this.#lost++;
      return this.#sink;
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
    const cell = newCell(this.aggregation);
    level.set(ids[ids.length - 1], cell);
    this.#stored.push({ parts, cell });
    return cell;
  }

  /** Forgets all keys and values, and what was lost. */
  clear(): void {
    this.root.clear();
    this.scalar.reset();
    this.#stored = [];
    this.#lost = 0;
  }

  /** The contents now, in print order. */
  snapshot(symbolize: Symbolizer): MapSnapshot {
    return {
      name: this.name,
      aggregation: this.aggregation,
      keyed: this.keyParts > 0,
      entries: this.keyParts === 0 ? this.#scalarEntry() : this.#sorted(symbolize),
      lost: this.#lost,
    };
  }

  /** A `count` without key is an array with one slot in bpftrace, so it prints 0; other maps print once updated. */
  #scalarEntry(): readonly MapEntry[] {
    if (!this.scalar.updated && this.aggregation.fn !== "count") return [];
    return [{ key: [], value: this.scalar.snapshot() }];
  }

  #sorted(symbolize: Symbolizer): readonly MapEntry[] {
    return [...this.#stored]
      .sort((a, b) => compareNumbers(a.cell.sortValue(), b.cell.sortValue()))
      .map(({ parts, cell }) => ({
        key: parts.map((part, i) => keyValue(part, this.#kinds[i] ?? "unknown", symbolize)),
        value: cell.snapshot(),
      }));
  }
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
    const address = addressOf(raw);
    if (address !== undefined) return address;
  }
  return `\0object ${String(raw)}`;
}
