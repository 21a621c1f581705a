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
import {
  checkHist,
  checkLhist,
  checkMapName,
  checkName,
  checkValues,
  type HistOptions,
  type LhistOptions,
} from "./options.ts";
import type { CountResult, Key, MapResult, NoKey } from "./results.ts";
import { type ProbeSpec, SPEC, withStep } from "./spec.ts";

/** Key of a type that has no value: what a run returns for a probe's map. */
export declare const RESULT: unique symbol;

/** What a value function may return. */
export type Numeric = number | bigint | boolean;

/** No values given with `.with()`. */
export type NoValues = Readonly<Record<never, never>>;

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
   * outer variable itself could not be captured from its source.
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

  /** Runs a handler per hit: `print(…)`, `const`, `if`. */
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
  count(): MapProbe<CountResult<K>> {
    return new MapProbe({ ...this[SPEC], map: { aggregation: { fn: "count" }, value: undefined } });
  }

  /** Adds up a number. */
  sum(value: (c: C, values: V) => Numeric): MapProbe<MapResult<K, number>> {
    return this.#aggregate({ fn: "sum" }, value);
  }

  /** The mean of a number, cut to an integer. */
  avg(value: (c: C, values: V) => Numeric): MapProbe<MapResult<K, number>> {
    return this.#aggregate({ fn: "avg" }, value);
  }

  /** The smallest of a number. */
  min(value: (c: C, values: V) => Numeric): MapProbe<MapResult<K, number>> {
    return this.#aggregate({ fn: "min" }, value);
  }

  /** The largest of a number. */
  max(value: (c: C, values: V) => Numeric): MapProbe<MapResult<K, number>> {
    return this.#aggregate({ fn: "max" }, value);
  }

  /** Count, mean and total of a number. */
  stats(value: (c: C, values: V) => Numeric): MapProbe<MapResult<K, StatsValue>> {
    return this.#aggregate({ fn: "stats" }, value);
  }

  /** A histogram whose buckets are powers of two, each cut into 2 to the power of `bits` (0 to 5, normally 0). */
  hist(value: (c: C, values: V) => Numeric, options?: HistOptions): MapProbe<MapResult<K, HistogramValue>> {
    return this.#aggregate(checkHist(options), value);
  }

  /** A histogram of equal buckets from `min` to `max`, at most 1,000 of them. */
  lhist(value: (c: C, values: V) => Numeric, options: LhistOptions): MapProbe<MapResult<K, HistogramValue>> {
    return this.#aggregate(checkLhist(options), value);
  }

  #aggregate<R>(aggregation: Aggregation, value: (c: C, values: V) => Numeric): MapProbe<R> {
    const captured = captureValue(value, `.${aggregation.fn}()`, this[SPEC].values);
    return new MapProbe({ ...this[SPEC], map: { aggregation, value: captured } });
  }
}

/** A probe that fills a map. `R` is what a run returns for the map. */
export class MapProbe<R> {
  /** What has been built. */
  readonly [SPEC]: ProbeSpec;
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
  as(name: string): MapProbe<R> {
    return new MapProbe({ ...this[SPEC], mapName: checkMapName(name) });
  }
}
