/**
 * A program's map as functions that run as they are use it.
 *
 * @module
 */

import type { Aggregation } from "../nodes.ts";
import { addressOf, isStack } from "../value.ts";
import { toInteger } from "./cell.ts";
import { keyPart, type RuntimeMap } from "./runtime_map.ts";
import { ValueCell } from "./value_cell.ts";

/** Key under which a context hands out its program's maps, by name. */
export const MAP_OF: unique symbol = Symbol("map of");

/** What a map's reader makes of an address: a typed view of what is there. */
export type Viewer = (address: number) => unknown;

/** A map, by keys and values as JavaScript has them. */
export class LiveMap {
  readonly #map: RuntimeMap;
  readonly #print: (top: number | undefined) => void;
  readonly #keyViews: readonly (Viewer | undefined)[];
  readonly #valueView: Viewer | undefined;

  /** `views` make pointers of addresses that captured functions stored. */
  constructor(
    map: RuntimeMap,
    print: (top: number | undefined) => void,
    views: { readonly key: readonly (Viewer | undefined)[]; readonly value: Viewer | undefined },
  ) {
    this.#map = map;
    this.#print = print;
    this.#keyViews = views.key;
    this.#valueView = views.value;
  }

  /** What is under a key; `undefined` where nothing is. */
  get(key: unknown): unknown {
    const cell = this.#map.find(this.#parts(key).map(keyPart));
    if (cell === undefined || !cell.updated) return undefined;
    if (this.#map.lru) this.#map.touch(cell);
    return cell instanceof ValueCell ? this.#view(cell.value, this.#valueView) : cell.get();
  }

  /** Whether something is under a key. */
  has(key: unknown): boolean {
    const cell = this.#map.find(this.#parts(key).map(keyPart));
    if (cell !== undefined && this.#map.lru) this.#map.touch(cell);
    return cell !== undefined && (this.#map.keyParts > 0 || cell.updated);
  }

  /** Stores a value. */
  set(key: unknown, value: unknown): void {
    if (!this.#map.adopt({ fn: "value" })) throw this.#misuse("a plain value cannot be stored in it");
    const cell = this.#cell(key);
    if (cell instanceof ValueCell) cell.set(this.#plain(value));
  }

  /** Adds to an aggregation. */
  add(aggregation: Aggregation, key: unknown, value: unknown): void {
    if (!this.#map.adopt(aggregation)) throw this.#misuse(`this use makes it a ${aggregation.fn}`);
    this.#cell(key).add(toInteger(value));
  }

  /** Takes a key out. */
  delete(key: unknown): void {
    this.#map.remove(this.#parts(key).map(keyPart));
  }

  /** Takes all keys out. */
  clear(): void {
    this.#map.clear();
  }

  /** Sets all values to zero. */
  zero(): void {
    this.#map.zero();
  }

  /** Number of keys. */
  get size(): number {
    return this.#map.size;
  }

  /** Prints it. */
  print(top: number | undefined): void {
    this.#print(top);
  }

  /** Entries as they are now; those deleted on the way are left out. */
  *entries(): Iterable<readonly [unknown, unknown]> {
    for (const cell of this.#map.cells()) {
      if (cell.dead) continue;
      const parts = cell.parts.map((part, i) => this.#view(part, this.#keyViews[i]));
      yield [
        parts.length === 1 ? parts[0] : parts,
        cell instanceof ValueCell ? this.#view(cell.value, this.#valueView) : cell.get(),
      ];
    }
  }

  #misuse(why: string): TypeError {
    const { name, aggregation } = this.#map;
    const is = aggregation.fn === "value" ? "a map of plain values" : `a ${aggregation.fn}`;
    return new TypeError(`Cannot use "@${name}" so: it is ${is}, and ${why}; use two maps`);
  }

  #cell(key: unknown) {
    const { keyParts, lru } = this.#map;
    if (keyParts === 0) return this.#map.scalar;
    const parts = this.#parts(key);
    const ids = parts.map(keyPart);
    const found = this.#map.find(ids);
    if (found === undefined) return this.#map.insert(ids, parts.map((part) => this.#plain(part)));
    if (lru) this.#map.touch(found);
    return found;
  }

  #parts(key: unknown): readonly unknown[] {
    const { keyParts } = this.#map;
    if (keyParts === 0) return [];
    const parts: readonly unknown[] = keyParts > 1 && Array.isArray(key) ? key : [key];
    if (parts.length !== keyParts) {
      throw new TypeError(`Map "@${this.#map.name}" has a key of ${keyParts} parts, not ${parts.length}`);
    }
    return parts.map((part) => typeof part === "number" ? Math.trunc(part) + 0 : part);
  }

  /** Pointers are kept as their address where captured functions expect that. */
  #plain(value: unknown): unknown {
    if (typeof value !== "object" || value === null || Array.isArray(value) || isStack(value)) return value;
    if (this.#map.kinds.value === "unknown") return value;
    return addressOf(value) ?? value;
  }

  #view(value: unknown, view: Viewer | undefined): unknown {
    return view !== undefined && typeof value === "number" ? view(value) : value;
  }
}
