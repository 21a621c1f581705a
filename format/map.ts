/**
 * Maps as bpftrace prints them at the end of a run.
 *
 * @module
 */

import { histogramJson, histogramText, type PlainHistogram } from "./histogram.ts";
import { jsonNumber, jsonObject } from "./json.ts";
import { keyJson, keyText, type PlainValue, valueJson, valueText } from "./value.ts";

/** What `stats` keeps. */
export interface PlainStats {
  readonly kind: "stats";
  readonly count: number;
  readonly average: number | bigint;
  readonly total: number | bigint;
}

/** A map's value under one key. */
export type PlainAggregate = number | bigint | PlainStats | PlainHistogram;

/** What a map holds under one key: an aggregated value, or a plain one. */
export type PlainMapValue = PlainAggregate | PlainValue;

/** A map with its entries in print order. */
export interface PlainMap {
  /** Without the `@`. */
  readonly name: string;
  readonly aggregation: { readonly fn: string };
  readonly keyed: boolean;
  readonly entries: readonly { readonly key: readonly PlainValue[]; readonly value: PlainMapValue }[];
}

/** As `print(@m, top, div)` takes them. */
export interface MapTextOptions {
  /** Print only the last so many entries, which are the largest. `stats` ignores it. */
  readonly top?: number;
  /** Divide values by this, dropping fractions. `stats` and `lhist` ignore it. */
  readonly div?: number;
}

/**
 * A map as text, each line with its newline; empty for a map without entries.
 *
 * ```ts
 * import { mapText } from "./map.ts";
 * const text = mapText({
 *   name: "opens",
 *   aggregation: { fn: "count" },
 *   keyed: true,
 *   entries: [{ key: ["bash", 12], value: 3 }],
 * });
 * if (text !== "@opens[bash, 12]: 3\n") throw new Error(text);
 * ```
 */
export function mapText(map: PlainMap, options: MapTextOptions = {}): string {
  return shown(map, options).map(({ key, value }) => {
    const name = map.keyed ? `@${map.name}[${keyText(key)}]` : `@${map.name}`;
    if (isHistogram(value)) return `${name}:\n${histogramText(value, options.div)}\n`;
    return `${name}: ${aggregateText(value, options.div)}\n`;
  }).join("");
}

/** All maps as text, in the order given. */
export function mapsText(maps: readonly PlainMap[]): string {
  return maps.map((map) => mapText(map)).join("");
}

/** A map's value as text: `5`, `{ .count = 3, .average = 2, .total = 6 }`, or the lines of a histogram. */
export function aggregateText(value: PlainMapValue, div?: number): string {
  if (isHistogram(value)) return histogramText(value, div);
  if (isStats(value)) {
    return `{ .count = ${value.count}, .average = ${value.average}, .total = ${value.total} }`;
  }
  return isInteger(value) ? String(divided(value, div)) : valueText(value);
}

/** A map as one line of JSON without its newline; empty for a map without entries. */
export function mapJson(map: PlainMap, options: MapTextOptions = {}): string {
  const entries = shown(map, options);
  if (entries.length === 0) return "";
  const values = entries.map(({ key, value }) => ({
    key: keyJson(key),
    json: aggregateJson(value, options.div),
  }));
  const data = map.keyed
    ? `{${values.map(({ key, json }) => `${key}: ${json}`).join(", ")}}`
    : values[0]?.json ?? "null";
  return jsonObject([["type", `"${jsonType(map.aggregation.fn)}"`], [
    "data",
    jsonObject([[`@${map.name}`, data]]),
  ]]);
}

/** A map's value as JSON. */
export function aggregateJson(value: PlainMapValue, div?: number): string {
  if (isHistogram(value)) return histogramJson(value, div);
  if (isStats(value)) {
    return jsonObject([
      ["count", String(value.count)],
      ["average", jsonNumber(value.average)],
      ["total", jsonNumber(value.total)],
    ]);
  }
  return isInteger(value) ? jsonNumber(divided(value, div)) : valueJson(value);
}

function jsonType(fn: string): string {
  switch (fn) {
    case "hist":
    case "lhist":
      return "hist";
    case "stats":
    case "avg":
      return "stats";
    default:
      return "map";
  }
}

function shown(map: PlainMap, options: MapTextOptions): PlainMap["entries"] {
  const top = options.top ?? 0;
  return top > 0 && map.keyed && map.aggregation.fn !== "stats" ? map.entries.slice(-top) : map.entries;
}

function divided(value: number | bigint, div = 1): number | bigint {
  if (div === 1 || div === 0) return typeof value === "number" ? value + 0 : value;
  return typeof value === "bigint" ? value / BigInt(div) : Math.trunc(value / div) + 0;
}

function isInteger(value: PlainMapValue): value is number | bigint {
  return typeof value === "number" || typeof value === "bigint";
}

function isStats(value: PlainMapValue): value is PlainStats {
  return typeof value === "object" && value !== null && value.kind === "stats";
}

function isHistogram(value: PlainMapValue): value is PlainHistogram {
  return typeof value === "object" && value !== null && value.kind === "histogram";
}
