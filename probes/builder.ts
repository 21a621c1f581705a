/**
 * The immutable builder that every probe kind starts with. Each method returns a new value; the one that it was
 * called on stays as it was.
 *
 * @module
 */

import type { HistogramValue, StatsValue } from "../graph/maps/cell.ts";
import type { Aggregation, AttachPoint } from "../graph/nodes.ts";
import { captureHandler, captureValue, type Values } from "./capture/mod.ts";
import type { Printable } from "./context.ts";
import { type Interval, intervalPoint } from "./interval_point.ts";
import {
  checkHist,
  checkInteger,
  checkLhist,
  checkMapName,
  checkName,
  checkValues,
  type HistOptions,
  type LhistOptions,
} from "./options.ts";
import type { CountResult, Data, Key, KeyPart, MapResult, NoKey } from "./results.ts";
import { type MapSpec, type ProbeSpec, SPEC, withStep } from "./spec.ts";

/** Key of a type that has no value: what a run returns for a probe's map. */
export declare const RESULT: unique symbol;

/** Key of a type that has no value: a row that a run returns for a probe. */
export declare const ROWS: unique symbol;

/** Key of a type that has no value: the values given with `.with()`. */
export declare const VALUES: unique symbol;

/** What a value function may return. */
export type Numeric = number | bigint | boolean;

/** No values given with `.with()`. */
// An interface, so that messages of the compiler show its name.
// deno-lint-ignore no-empty-interface
export interface NoValues {}

/** Values `V` after `.with()` added `W`. */
export type Given<V, W> = keyof V extends never ? W : Omit<V, keyof W> & W;

/**
 * A probe that has no map yet: it filters, prints, runs handlers, and may end in an aggregation.
 *
 * `C` is the context, `V` the values given with `.with()`, `K` the key given with `.by()`.
 */
export class Probe<C, V = NoValues, K = NoKey> {
  /** What has been built so far. */
  readonly [SPEC]: ProbeSpec;
  /** Only a type: the values given with `.with()`. */
  declare readonly [VALUES]: V;

  /** Made by the probe kinds: `kprobe("vfs_open")`. */
  constructor(spec: ProbeSpec) {
    this[SPEC] = spec;
  }

  /** Where the probe attaches. */
  get point(): AttachPoint {
    return this[SPEC].point;
  }

  /**
   * Gives values from outside to the functions that follow, as their second parameter: a function that used the
   * outer variable itself could not be captured from its source. Maps that handlers share (`hash`, `scalar`) are given
   * so too, each under its own name.
   */
  with<W extends Values>(values: W): Probe<C, Given<V, W>, K> {
    checkValues(values);
    return new Probe({ ...this[SPEC], values: { ...this[SPEC].values, ...values } });
  }

  /** Lets only those hits through for which `test` is true. Several filters must all be true. */
  filter(test: (c: C, values: V) => unknown): Probe<C, V, K> {
    const captured = captureValue(test, ".filter()", this[SPEC].values);
    return new Probe(withStep(this[SPEC], { op: "filter", captured }));
  }

  /** Prints one line per hit: what `text` returns. */
  print(text: (c: C, values: V) => Printable): Probe<C, V, K> {
    const captured = captureValue(text, ".print()", this[SPEC].values);
    return new Probe(withStep(this[SPEC], { op: "print", captured }));
  }

  /** Prints as C's printf does, with no newline of its own: `.printf("%-16s %d\n", (c) => [c.comm, c.pid])`. */
  printf(format: string, values?: (c: C, values: V) => readonly Printable[]): Probe<C, V, K> {
    checkName(format, "format", ".printf()");
    const captured = values === undefined ? undefined : captureValue(values, ".printf()", this[SPEC].values);
    return new Probe(withStep(this[SPEC], { op: "printf", format, captured }));
  }

  /** Lets only the first `count` hits through. */
  limit(count: number): Probe<C, V, K> {
    checkInteger(count, 1, Number.MAX_SAFE_INTEGER, "the number of hits of .limit()");
    return new Probe(withStep(this[SPEC], { op: "limit", count }));
  }

  /** Lets one hit in `count` through, the first of them. */
  sample(count: number): Probe<C, V, K> {
    checkInteger(count, 1, Number.MAX_SAFE_INTEGER, "the number of hits of .sample()");
    return new Probe(withStep(this[SPEC], { op: "sample", count }));
  }

  /** Ends the run at the first hit for which `test` is true. That hit goes no further. */
  until(test: (c: C, values: V) => unknown): Probe<C, V, K> {
    const captured = captureValue(test, ".until()", this[SPEC].values);
    return new Probe(withStep(this[SPEC], { op: "until", captured }));
  }

  /**
   * Adds a row per hit to a table: the columns are what `row` returns, by name. `result.rows` has them, typed:
   * `.emit((c) => ({ file: c.args.path.dentry.d_name.name, pid: c.pid }))`.
   */
  emit<const R extends Row>(
    row: (c: C, values: V) => R,
  ): RowProbe<{ readonly [N in keyof R]: Data<R[N]> }, V> {
    return new RowProbe({ ...this[SPEC], row: captureValue(row, ".emit()", this[SPEC].values) });
  }

  /** Runs a handler per hit: `print(…)`, variables, `if`, loops, maps given with `.with()`. */
  do(handler: (c: C, values: V) => unknown): Probe<C, V, K> {
    const captured = captureHandler(handler, ".do()", this[SPEC].values);
    return new Probe(withStep(this[SPEC], { op: "do", captured }));
  }

  /** Groups the aggregation that follows by a key: a value, or a tuple of values. The last `.by` counts. */
  by<const L extends Key>(key: (c: C, values: V) => L, ...more: never[]): Probe<C, V, L> {
    if (more.length > 0) {
      throw new TypeError(
        "Cannot use .by() with several functions: give one that returns the key's parts, .by((c) => [c.comm, c.pid])",
      );
    }
    return new Probe({ ...this[SPEC], key: captureValue(key, ".by()", this[SPEC].values) });
  }

  /** Names the map that the aggregation fills: `.as("opens")` gives `@opens`. */
  as(name: string): Probe<C, V, K> {
    return new Probe({ ...this[SPEC], mapName: checkMapName(name) });
  }

  /** Counts hits. */
  count(): MapProbe<CountResult<K>, V> {
    return new MapProbe({ ...this[SPEC], map: { aggregation: { fn: "count" }, value: undefined } });
  }

  /** Adds up a number. */
  sum(value: (c: C, values: V) => Numeric): MapProbe<MapResult<K, number>, V> {
    return this.#aggregate({ fn: "sum" }, value);
  }

  /** The mean of a number, cut to an integer. */
  avg(value: (c: C, values: V) => Numeric): MapProbe<MapResult<K, number>, V> {
    return this.#aggregate({ fn: "avg" }, value);
  }

  /** The smallest of a number. */
  min(value: (c: C, values: V) => Numeric): MapProbe<MapResult<K, number>, V> {
    return this.#aggregate({ fn: "min" }, value);
  }

  /** The largest of a number. */
  max(value: (c: C, values: V) => Numeric): MapProbe<MapResult<K, number>, V> {
    return this.#aggregate({ fn: "max" }, value);
  }

  /** Count, mean and total of a number. */
  stats(value: (c: C, values: V) => Numeric): MapProbe<MapResult<K, StatsValue>, V> {
    return this.#aggregate({ fn: "stats" }, value);
  }

  /** A histogram whose buckets are powers of two, each cut into 2 to the power of `bits` (0 to 5, normally 0). */
  hist(
    value: (c: C, values: V) => Numeric,
    options?: HistOptions,
  ): MapProbe<MapResult<K, HistogramValue>, V> {
    return this.#aggregate(checkHist(options), value);
  }

  /** A histogram of equal buckets from `min` to `max`, at most 1,000 of them. */
  lhist(
    value: (c: C, values: V) => Numeric,
    options: LhistOptions,
  ): MapProbe<MapResult<K, HistogramValue>, V> {
    return this.#aggregate(checkLhist(options), value);
  }

  #aggregate<R>(aggregation: Aggregation, value: (c: C, values: V) => Numeric): MapProbe<R, V> {
    const captured = captureValue(value, `.${aggregation.fn}()`, this[SPEC].values);
    return new MapProbe({ ...this[SPEC], map: { aggregation, value: captured } });
  }
}

/** A probe that fills a map. `R` is what a run returns for the map. */
export class MapProbe<R, V = NoValues> {
  /** What has been built. */
  readonly [SPEC]: ProbeSpec;
  /** Only a type: the values given with `.with()`. */
  declare readonly [VALUES]: V;
  /** Only a type: what a run returns for the map. */
  declare readonly [RESULT]: R;

  /** Made by a probe's aggregations: `kprobe("vfs_open").count()`. */
  constructor(spec: ProbeSpec) {
    this[SPEC] = spec;
  }

  /** Where the probe attaches. */
  get point(): AttachPoint {
    return this[SPEC].point;
  }

  /** Names the map: `.as("opens")` gives `@opens`. */
  as(name: string): MapProbe<R, V> {
    return new MapProbe({ ...this[SPEC], mapName: checkMapName(name) });
  }

  /** Keeps only the `count` entries that sort last, the largest, where the map is shown. */
  top(count: number): MapProbe<R, V> {
    checkInteger(count, 1, Number.MAX_SAFE_INTEGER, "the number of entries of .top()");
    return this.#withMap({ top: count });
  }

  /** Prints the map every so often in virtual time, and clears it: what is left at the end is the last stretch. */
  every(period: Interval): MapProbe<R, V> {
    return this.#withMap({ every: intervalPoint(period, ".every()") });
  }

  #withMap(more: Partial<MapSpec>): MapProbe<R, V> {
    const { map } = this[SPEC];
    return map === undefined ? this : new MapProbe({ ...this[SPEC], map: { ...map, ...more } });
  }
}

/** What a row may be made of. */
export type Row = Readonly<Record<string, KeyPart | readonly KeyPart[]>>;

/** A probe that adds rows to a table. `R` is a row as a run returns it. */
export class RowProbe<R, V = NoValues> {
  /** What has been built. */
  readonly [SPEC]: ProbeSpec;
  /** Only a type: the values given with `.with()`. */
  declare readonly [VALUES]: V;
  /** Only a type: a row. */
  declare readonly [ROWS]: R;

  /** Made by a probe's `.emit()`. */
  constructor(spec: ProbeSpec) {
    this[SPEC] = spec;
  }

  /** Where the probe attaches. */
  get point(): AttachPoint {
    return this[SPEC].point;
  }

  /** Names the table: `result.rows.opens`. */
  as(name: string): RowProbe<R, V> {
    return new RowProbe({ ...this[SPEC], mapName: checkMapName(name) });
  }
}
