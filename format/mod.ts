/**
 * Results as text and JSON, in the form of bpftrace 0.26. Pure functions over plain data.
 *
 * ```ts
 * import { mapText } from "./mod.ts";
 * const text = mapText({ name: "x", aggregation: { fn: "count" }, keyed: false, entries: [{ key: [], value: 5 }] });
 * if (text !== "@x: 5\n") throw new Error(text);
 * ```
 *
 * @module
 */

export {
  attachedJson,
  attachedText,
  lostJson,
  lostText,
  lostTotalText,
  mapFullText,
  outputJson,
  printJson,
  printText,
} from "./events.ts";
export {
  bucketLabel,
  histogramJson,
  histogramText,
  type PlainBucket,
  type PlainHistogram,
} from "./histogram.ts";
export { jsonArray, jsonNumber, jsonObject, jsonString } from "./json.ts";
export {
  aggregateJson,
  aggregateText,
  mapJson,
  mapsText,
  mapText,
  type MapTextOptions,
  type PlainAggregate,
  type PlainMap,
  type PlainMapValue,
  type PlainStats,
} from "./map.ts";
export { formatPrintf } from "./printf.ts";
export { timeText } from "./time_text.ts";
export { keyJson, keyText, type PlainValue, pointerText, stackText, valueJson, valueText } from "./value.ts";
