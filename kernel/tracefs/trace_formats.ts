/**
 * Records for programs: the options `raw`, `hex` and `bin`.
 *
 * @module
 */

import { addressText } from "../../image/address.ts";
import type { Addr, Arch } from "../../image/model.ts";
import type { TraceArray } from "./trace_array.ts";
import { eventText, TRACE_TYPES, type TraceEntry } from "./trace_entry.ts";

/** `print_raw_fmt` */
export function rawLine(array: TraceArray, entry: TraceEntry): string {
  const { host: { image }, options } = array;
  const { content, pid, cpu, time } = entry;
  const context = options.has("context-info") ? `${pid} ${cpu} ${time} ` : "";
  const hex = (address: Addr) => addressText(image.arch, address).replace(/^0+(?=.)/, "");
  if (content.kind === "function") return `${context}${hex(content.ip)} ${hex(content.parent)}\n`;
  if (content.kind === "print") {
    return `${context}# ${hex(image.symbol(content.place)?.address ?? 0)} ${content.text}\n`;
  }
  return context + typeLine(entry);
}

/** `print_hex_fmt` */
export function hexLine(array: TraceArray, entry: TraceEntry): string {
  const { host: { image }, options } = array;
  const { content, pid, cpu, time } = entry;
  const context = options.has("context-info") ? `${words(pid, 4)}${words(cpu, 4)}${words(time, 8)}` : "";
  if (content.kind !== "function") return `${context}${typeLine(entry)}\n`;
  const { ip, parent } = content;
  return `${context}${addressText(image.arch, ip)} ${addressText(image.arch, parent)} \n`;
}

/** `print_bin_fmt`: a character stands for each byte. */
export function binText(array: TraceArray, entry: TraceEntry): string {
  const { host: { image }, options } = array;
  const { content, pid, cpu, time } = entry;
  const context = options.has("context-info") ? bytes(pid, 4) + bytes(cpu, 4) + bytes(time, 8) : "";
  if (content.kind !== "function") return context + typeLine(entry);
  return context + addressBytes(image.arch, content.ip) + addressBytes(image.arch, content.parent);
}

/** `trace_nop_print`, for records that nobody prints otherwise. */
function typeLine({ content }: TraceEntry): string {
  if (content.kind !== "event") return `type: ${TRACE_TYPES[content.kind]}\n`;
  return content.type === undefined ? `${eventText(content.text)}\n` : `type: ${content.type}\n`;
}

/** `SEQ_PUT_HEX_FIELD` */
function words(value: number, size: number): string {
  return `${value.toString(16).padStart(2 * size, "0")} `;
}

function bytes(value: number, size: number): string {
  return fromHex(value.toString(16).padStart(2 * size, "0"));
}

function addressBytes(arch: Arch, address: Addr): string {
  return fromHex(addressText(arch, address));
}

/** Hex digits as bytes, the last ones first. */
function fromHex(digits: string): string {
  let text = "";
  for (let at = digits.length - 2; at >= 0; at -= 2) {
    text += String.fromCharCode(parseInt(digits.slice(at, at + 2), 16));
  }
  return text;
}
