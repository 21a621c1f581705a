/**
 * One line of `trace`: the context columns and what the record says.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import { addressHex } from "../../image/address.ts";
import type { TraceArray } from "./trace_array.ts";
import { eventText, type TraceEntry } from "./trace_entry.ts";

/** The lines of one record, with newlines. */
export function traceLine(array: TraceArray, entry: TraceEntry): string {
  const context = array.options.has("context-info") ? contextText(array, entry) : "";
  return `${context}${entryText(array, entry)}\n`;
}

/** `             cat-157     [001] .....     4.430617: ` */
export function contextText(array: TraceArray, entry: TraceEntry): string {
  const comm = array.buffer.cmdlines.comm(entry.pid).padStart(16);
  const cpu = String(entry.cpu).padStart(3, "0");
  const flags = array.options.has("irq-info") ? entry.flags : "";
  const time = array.clock.inNs ? timeText(entry.time) : String(entry.time).padStart(12);
  return `${comm}-${String(entry.pid).padEnd(7)} [${cpu}] ${flags} ${time}: `;
}

/** Seconds since boot with microseconds, rounded as the kernel rounds. */
export function timeText(ns: number): string {
  const micros = Math.floor((ns + 500) / 1000);
  const seconds = String(Math.floor(micros / 1e6)).padStart(5);
  return `${seconds}.${String(micros % 1e6).padStart(6, "0")}`;
}

/** What a record says, without newline at its end. */
export function entryText(array: TraceArray, entry: TraceEntry): string {
  const { content } = entry;
  switch (content.kind) {
    case "event":
      return eventText(content.text);
    case "print":
      return `${content.place}: ${content.text}`;
    case "function": {
      const parent = array.options.has("print-parent") ? ` <-${symbolText(array, content.parent)}` : "";
      return symbolText(array, content.ip) + parent;
    }
    case "graph_entry":
      return `graph_ent: func=${functionName(array, content.func)}`;
    case "graph_return":
      return `graph_ret: func=${functionName(array, content.func)}`;
  }
}

/** A function's name as `%ps` prints it: with its module. */
export function functionName(array: TraceArray, address: Addr): string {
  const found = array.host.image.symbolAt(address);
  if (found === undefined) return array.host.image.describe(address);
  const { name, module } = found.symbol;
  return module === undefined ? name : `${name} [${module}]`;
}

/** An address in a line of the function tracer: its symbol, with the offset and the address where asked for. */
function symbolText(array: TraceArray, address: Addr): string {
  const { image } = array.host;
  const found = image.symbolAt(address);
  const plain = found === undefined ? image.describe(address) : found.symbol.name;
  const offset = found === undefined || !array.options.has("sym-offset")
    ? ""
    : `+0x${found.offset.toString(16)}/0x${found.symbol.size.toString(16)}`;
  const module = found?.symbol.module === undefined ? "" : ` [${found.symbol.module}]`;
  const value = array.options.has("sym-addr") ? ` <${addressHex(image.arch, address).slice(2)}>` : "";
  return `${plain}${offset}${module}${value}`;
}
