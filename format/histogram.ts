/**
 * Histograms: labels, bars, and their JSON.
 *
 * @module
 */

import { jsonArray, jsonNumber, jsonObject } from "./json.ts";

/** A histogram's buckets from the first to the last that is not empty, and how they are cut. */
export interface PlainHistogram {
  readonly kind: "histogram";
  readonly scale:
    | { readonly fn: "hist"; readonly bits: number }
    | { readonly fn: "lhist"; readonly min: number; readonly max: number; readonly step: number };
  readonly buckets: readonly PlainBucket[];
}

/** A bucket; `min` and `max` are both included, an open end has none. */
export interface PlainBucket {
  readonly index: number;
  readonly min?: number | bigint;
  readonly max?: number | bigint;
  readonly count: number;
}

const BAR_WIDTH = 52;
const SUFFIXES = ["", "K", "M", "G", "T", "P", "E"];

/** A line per bucket, each with its newline. Counts are divided by `div`, fractions dropped; an lhist ignores it. */
export function histogramText(histogram: PlainHistogram, div = 1): string {
  const divisor = histogram.scale.fn === "lhist" ? 1 : div;
  const counts = histogram.buckets.map((bucket) => Math.trunc(bucket.count / divisor));
  const most = Math.max(...counts);
  return histogram.buckets
    .map((bucket, i) => line(bucketLabel(histogram.scale, bucket), counts[i] ?? 0, most))
    .join("");
}

function line(label: string, count: number, most: number): string {
  // The C code divides and multiplies in single precision; the full bar needs no special case.
  const bar = most === 0
    ? 0
    : Math.trunc(Math.fround(Math.fround(Math.fround(count) / Math.fround(most)) * BAR_WIDTH));
  return `${label.padEnd(16)}${String(count).padStart(8)} |${"@".repeat(bar).padEnd(BAR_WIDTH)}|\n`;
}

/** A bucket's label: `[4K, 8K)`, `[0]`, `(..., 0)`. */
export function bucketLabel(scale: PlainHistogram["scale"], bucket: PlainBucket): string {
  return scale.fn === "hist" ? histLabel(bucket.index, scale.bits) : lhistLabel(bucket, scale);
}

function histLabel(index: number, bits: number): string {
  if (index === 0) return "(..., 0)";
  if (index <= 2 * 2 ** bits) return `[${index - 1}]`;
  return `[${powerLabel(index - 1, bits)}, ${powerLabel(index, bits)})`;
}

/** The lower end of bucket `index + 1`, shortened by a power of 1024 that its power of two allows. */
function powerLabel(index: number, bits: number): string {
  const n = 2 ** bits;
  const power = (index >> bits) - 1;
  const decade = Math.floor(power / 10);
  return `${2 ** (power - decade * 10) * (n + (index & (n - 1)))}${SUFFIXES[decade] ?? ""}`;
}

function lhistLabel(
  bucket: PlainBucket,
  scale: { readonly min: number; readonly max: number; readonly step: number },
): string {
  const end = (value: number) => lhistNumber(value, scale.step);
  if (bucket.min === undefined) return `(..., ${end(scale.min)})`;
  if (bucket.max === undefined) return `[${end(scale.max)}, ...)`;
  const from = scale.min + (bucket.index - 1) * scale.step;
  return scale.step === 1 ? `[${from}]` : `[${end(from)}, ${end(from + scale.step)})`;
}

function lhistNumber(value: number, step: number): string {
  if (step % 1024 !== 0 || value === 0) return String(value);
  if (value % (1024 * 1024) === 0) return `${value / (1024 * 1024)}M`;
  return value % 1024 === 0 ? `${value / 1024}K` : String(value);
}

/** The buckets as a JSON array of `{"min": 2, "max": 3, "count": 1}`. */
export function histogramJson(histogram: PlainHistogram, div = 1): string {
  const divisor = histogram.scale.fn === "lhist" ? 1 : div;
  return jsonArray(histogram.buckets.map((bucket) => {
    const ends = (["min", "max"] as const).flatMap((end): [string, string][] => {
      const value = bucket[end];
      return value === undefined ? [] : [[end, jsonNumber(value)]];
    });
    return jsonObject([...ends, ["count", String(Math.trunc(bucket.count / divisor))]]);
  }));
}
