/**
 * The other lines of a run: what attached, what was printed, what was lost.
 *
 * @module
 */

import { jsonObject, jsonString } from "./json.ts";
import { type PlainValue, valueJson, valueText } from "./value.ts";

/** `Attached 3 probes`: goes to stderr. */
export function attachedText(probes: number): string {
  return probes === 1 ? "Attached 1 probe" : `Attached ${probes} probes`;
}

/** The JSON line of `attachedText`. */
export function attachedJson(probes: number): string {
  const count = String(probes);
  return jsonObject([["type", '"attached_probes"'], ["count", count], [
    "data",
    jsonObject([["probes", count]]),
  ]]);
}

/** What `print` writes: the texts of the values joined by a space, with the newline. */
export function printText(values: readonly PlainValue[]): string {
  return `${values.map(valueText).join(" ")}\n`;
}

/** The JSON line of a print: a `value` event for one value, the text as a `printf` event for several. */
export function printJson(values: readonly PlainValue[]): string {
  if (values.length !== 1) return outputJson("printf", printText(values));
  return jsonObject([["type", '"value"'], ["data", valueJson(values[0])]]);
}

/** The JSON line of text that a handler wrote. */
export function outputJson(
  type: "printf" | "time" | "cat" | "join" | "syscall" | "errorf" | "warnf",
  text: string,
): string {
  return jsonObject([["type", jsonString(type)], ["data", jsonString(text)]]);
}

/** `Lost 5 events`: goes to stderr as it happens. */
export function lostText(events: number): string {
  return `Lost ${events} events`;
}

/** The total of lost events at the end of a run: goes to stderr. */
export function lostTotalText(events: number): string {
  return `WARNING: Total lost event count: ${events}`;
}

/** The JSON line of `lostText`. */
export function lostJson(events: number): string {
  const count = String(events);
  return jsonObject([["type", '"lost_events"'], ["count", count], ["data", jsonObject([["events", count]])]]);
}

/** Warns that a map was full; goes to stderr. */
export function mapFullText(map: string, lost: number): string {
  const updates = lost === 1 ? "1 update was lost" : `${lost} updates were lost`;
  return `WARNING: Map full; can't update element of @${map}: ${updates}. Try a larger maximum number of keys.`;
}
