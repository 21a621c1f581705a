/**
 * Puts the maps of two runs together, so that runs on several seeds or machines add up.
 *
 * @module
 */

import type { Value } from "../value.ts";
import type { HistogramValue, MapValue, StatsValue } from "./cell.ts";
import { histBounds } from "./hist.ts";
import { lhistBounds } from "./lhist.ts";
import type { MapEntry, MapSnapshot } from "./runtime_map.ts";
import { compareKeys, compareNumbers, unsignedOrder } from "./sort.ts";
import { narrow } from "./total.ts";

type Integer = number | bigint;

/**
 * Both lists of maps as one, by name. Counts, sums and histograms add up, averages weigh by how often; of plain values
 * the second list's stay.
 *
 * @throws {TypeError} Where a map of one name aggregates in two ways.
 */
export function mergeMaps(
  a: readonly MapSnapshot[],
  b: readonly MapSnapshot[],
): readonly MapSnapshot[] {
  const merged = new Map(a.map((map) => [map.name, map]));
  for (const map of b) {
    const before = merged.get(map.name);
    merged.set(map.name, before === undefined ? map : mergeMap(before, map));
  }
  return [...merged.values()].sort((x, y) => x.name < y.name ? -1 : x.name > y.name ? 1 : 0);
}

function mergeMap(a: MapSnapshot, b: MapSnapshot): MapSnapshot {
  if (JSON.stringify(a.aggregation) !== JSON.stringify(b.aggregation) || a.keyed !== b.keyed) {
    throw new TypeError(
      `Cannot merge "@${a.name}": it is a ${a.aggregation.fn} in one result and a ${b.aggregation.fn} in the other`,
    );
  }
  const entries = new Map(a.entries.map((entry) => [keyText(entry.key), entry]));
  for (const entry of b.entries) {
    const text = keyText(entry.key);
    const before = entries.get(text);
    entries.set(text, before === undefined ? entry : mergeEntry(a.aggregation.fn, before, entry));
  }
  return { ...a, entries: sorted(a.aggregation.fn, [...entries.values()]), lost: a.lost + b.lost };
}

/** Same keys have the same text. */
function keyText(key: readonly Value[]): string {
  return JSON.stringify(key, (_name, value: unknown) => typeof value === "bigint" ? `${value}n` : value);
}

function mergeEntry(fn: string, a: MapEntry, b: MapEntry): MapEntry {
  if (a.mean !== undefined && b.mean !== undefined) {
    const mean = { count: a.mean.count + b.mean.count, total: plus(a.mean.total, b.mean.total) };
    const average = mean.count === 0 ? 0 : narrow(BigInt(mean.total) / BigInt(mean.count));
    const value: MapValue = fn === "avg" ? average : { kind: "stats", ...mean, average };
    return { key: a.key, value, mean };
  }
  return { key: a.key, value: mergeValue(fn, a.value, b.value) };
}

function mergeValue(fn: string, a: MapValue, b: MapValue): MapValue {
  if (isInteger(a) && isInteger(b)) {
    switch (fn) {
      case "count":
      case "sum":
        return plus(a, b);
      case "min":
        return a < b ? a : b;
      case "max":
        return a > b ? a : b;
    }
  }
  return isHistogram(a) && isHistogram(b) ? mergeHistogram(a, b) : b;
}

function mergeHistogram(a: HistogramValue, b: HistogramValue): HistogramValue {
  const counts = new Map<number, number>();
  for (const { index, count } of [...a.buckets, ...b.buckets]) {
    counts.set(index, (counts.get(index) ?? 0) + count);
  }
  const first = Math.min(...counts.keys());
  const buckets = Array.from(
    { length: counts.size === 0 ? 0 : Math.max(...counts.keys()) - first + 1 },
    (_, i) => {
      const index = first + i;
      const { scale } = a;
      const ends = scale.fn === "hist" ? histBounds(index, scale.bits) : lhistBounds(index, scale);
      return { index, ...ends, count: counts.get(index) ?? 0 };
    },
  );
  return { kind: "histogram", scale: a.scale, buckets };
}

function sorted(fn: string, entries: readonly MapEntry[]): readonly MapEntry[] {
  const numeric = entries.every(({ value }) => order(fn, value) !== undefined);
  return [...entries].sort((a, b) =>
    numeric ? compareNumbers(order(fn, a.value) ?? 0, order(fn, b.value) ?? 0) : compareKeys(a.key, b.key)
  );
}

/** What entries sort by; undefined for values that have no order. */
function order(fn: string, value: MapValue): Integer | undefined {
  if (isInteger(value)) return fn === "min" || fn === "max" ? unsignedOrder(value) : value;
  if (isStats(value)) return value.average;
  return isHistogram(value) ? value.buckets.reduce((sum, bucket) => sum + bucket.count, 0) : undefined;
}

function plus(a: Integer, b: Integer): Integer {
  const sum = Number(a) + Number(b);
  return Number.isSafeInteger(sum) && typeof a === "number" && typeof b === "number"
    ? sum
    : narrow(BigInt.asIntN(64, BigInt(a) + BigInt(b)));
}

function isInteger(value: MapValue): value is Integer {
  return typeof value === "number" || typeof value === "bigint";
}

function isStats(value: MapValue): value is StatsValue {
  return typeof value === "object" && value !== null && value.kind === "stats";
}

function isHistogram(value: MapValue): value is HistogramValue {
  return typeof value === "object" && value !== null && value.kind === "histogram";
}
