/**
 * State that handlers share: maps that they read and write, and single values.
 *
 * @module
 */

import type { HistogramValue, StatsValue } from "../graph/maps/cell.ts";
import type { LiveMap } from "../graph/maps/live_map.ts";
import type { Aggregation } from "../graph/nodes.ts";
import { checkHist, checkInteger, checkLhist, checkMapName, checkOptions } from "./options.ts";
import type { HistOptions, LhistOptions } from "./options.ts";
import type { Key } from "./results.ts";
import { runningMap } from "./running.ts";

/** What a value that is added to a map may be. */
export type Addend = number | bigint | boolean;

/** A map or a value of any type. */
export interface AnyState {
  /** Its name, without the `@`. */
  readonly name: string;
}

/** Options of a map. */
export interface HashOptions {
  /** Keys that it takes; updates of further keys are lost, and counted. Default 4096. */
  readonly maxEntries?: number;
  /** A full map forgets the key that was used longest ago instead. */
  readonly lru?: boolean;
}

/**
 * A map that handlers read and write, given to them through `.with`. `K` is its key, a tuple for several parts; `V` is
 * what it holds. What is added to it (`count`, `sum`, `hist` …) decides what it is: plain values, counts, histograms; all
 * uses in a program have to agree.
 */
export class StateMap<in out K, in out V> implements AnyState {
  /** Its name, without the `@`. */
  readonly name: string;
  /** The options that it was made with. */
  readonly options: HashOptions;

  /** Made by `hash`. */
  constructor(name: string, options: HashOptions) {
    this.name = name;
    this.options = options;
  }

  /** What is stored under a key; `undefined` where nothing is. */
  get(key: K): V | undefined {
    return this.#live().get(key) as V | undefined;
  }

  /** Whether something is stored under a key. */
  has(key: K): boolean {
    return this.#live().has(key);
  }

  /** Stores a value under a key. */
  set(key: K, value: V): void {
    this.#live().set(key, value);
  }

  /** Takes a key out. */
  delete(key: K): void {
    this.#live().delete(key);
  }

  /** Takes all keys out. */
  clear(): void {
    this.#live().clear();
  }

  /** Sets all values to zero; the keys stay. */
  zero(): void {
    this.#live().zero();
  }

  /** Number of keys. */
  get size(): number {
    return this.#live().size;
  }

  /** Counts under a key. */
  count(this: StateMap<K, number>, key: K): void {
    this.#live().add({ fn: "count" }, key, 1);
  }

  /** Adds a number up under a key. */
  sum(this: StateMap<K, number>, key: K, value: Addend): void {
    this.#live().add({ fn: "sum" }, key, value);
  }

  /** The mean of a number under a key. */
  avg(this: StateMap<K, number>, key: K, value: Addend): void {
    this.#live().add({ fn: "avg" }, key, value);
  }

  /** The smallest of a number under a key. */
  min(this: StateMap<K, number>, key: K, value: Addend): void {
    this.#live().add({ fn: "min" }, key, value);
  }

  /** The largest of a number under a key. */
  max(this: StateMap<K, number>, key: K, value: Addend): void {
    this.#live().add({ fn: "max" }, key, value);
  }

  /** Count, mean and total of a number under a key. */
  stats(this: StateMap<K, StatsValue>, key: K, value: Addend): void {
    this.#live().add({ fn: "stats" }, key, value);
  }

  /** A histogram of powers of two under a key. */
  hist(this: StateMap<K, HistogramValue>, key: K, value: Addend, options?: HistOptions): void {
    this.#live().add(checkHist(options), key, value);
  }

  /** A histogram of equal buckets under a key. */
  lhist(this: StateMap<K, HistogramValue>, key: K, value: Addend, options: LhistOptions): void {
    this.#live().add(checkLhist(options), key, value);
  }

  /** Prints the map as it is now: all of it, or its `top` largest entries. */
  print(top?: number): void {
    this.#live().print(top);
  }

  /** Keys with their values, as they are now, in order of insertion. */
  entries(): Iterable<readonly [K, V]> {
    return this.#live().entries() as Iterable<readonly [K, V]>;
  }

  /** The keys, as they are now. */
  *keys(): Iterable<K> {
    for (const [key] of this.entries()) yield key;
  }

  /** The values, as they are now. */
  *values(): Iterable<V> {
    for (const [, value] of this.entries()) yield value;
  }

  /** As `entries`. */
  [Symbol.iterator](): Iterator<readonly [K, V]> {
    return this.entries()[Symbol.iterator]();
  }

  #live(): LiveMap {
    return runningMap(this.name);
  }
}

/** A single value that handlers read and write, given to them through `.with`. */
export class StateValue<in out V> implements AnyState {
  /** Its name, without the `@`. */
  readonly name: string;

  /** Made by `scalar`. */
  constructor(name: string) {
    this.name = name;
  }

  /** What is stored; `undefined` where nothing is. */
  get(): V | undefined {
    return runningMap(this.name).get([]) as V | undefined;
  }

  /** Stores a value. */
  set(value: V): void {
    runningMap(this.name).set([], value);
  }

  /** Back to nothing stored. */
  clear(): void {
    runningMap(this.name).clear();
  }
}

/**
 * A map for handlers to share: start times by thread, say.
 *
 * ```ts
 * import { hash, kprobe, kretprobe, program } from "./mod.ts";
 * const start = hash<number, number>("start");
 * const reads = program({
 *   enter: kprobe("vfs_read").with({ start }).do((c, { start }) => start.set(c.tid, c.nsecs)),
 *   ns: kretprobe("vfs_read").with({ start }).filter((c, { start }) => start.has(c.tid))
 *     .hist((c, { start }) => c.nsecs - (start.get(c.tid) ?? 0)),
 * });
 * if (reads.functions.length > 0) throw new Error("captured");
 * ```
 *
 * @throws {TypeError} For a name or options of the wrong shape.
 */
export function hash<K extends Key, V>(name: string, options?: HashOptions): StateMap<K, V> {
  checkOptions(options, ["maxEntries", "lru"], "a map");
  const { maxEntries } = options ?? {};
  if (maxEntries !== undefined) {
    checkInteger(maxEntries, 1, Number.MAX_SAFE_INTEGER, "the maxEntries of a map");
  }
  return new StateMap(checkMapName(name), options ?? {});
}

/** A single value for handlers to share. */
export function scalar<V>(name: string): StateValue<V> {
  return new StateValue(checkMapName(name));
}

/** True for what `hash` and `scalar` make. */
export function isState(given: unknown): given is AnyState {
  return given instanceof StateMap || given instanceof StateValue;
}

/** What a captured function does with a map of plain values, or adds to one. */
export interface StateUse {
  /** The map. */
  readonly state: AnyState;
  /** Undefined for what fits every map: reading, deleting, printing. */
  readonly aggregation: Aggregation | undefined;
}
