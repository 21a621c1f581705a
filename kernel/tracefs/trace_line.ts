/**
 * One line of `trace`: the context columns and what the record says.
 *
 * @module
 */

import { addressText } from "../../image/address.ts";
import type { Addr } from "../../image/model.ts";
import type { TraceArray } from "./trace_array.ts";
import { eventText, type StackOwner, type TraceEntry } from "./trace_entry.ts";
import { functionName, symbolText } from "./trace_symbol.ts";

/** The lines of one record, with newlines, as without any option that changes them. */
export function traceLine(array: TraceArray, entry: TraceEntry): string {
  const context = array.options.has("context-info") ? contextText(array, entry) : "";
  return `${context}${entryText(array, entry)}\n`;
}

/** `trace_print_context`: `             cat-157     [001] .....     4.430617: ` */
export function contextText(array: TraceArray, entry: TraceEntry): string {
  const { options, shared: { tasks } } = array;
  const comm = tasks.cmdlines.comm(entry.pid).padStart(16);
  const cpu = String(entry.cpu).padStart(3, "0");
  const flags = options.has("irq-info") ? entry.flags : "";
  const tgid = options.has("record-tgid") ? tgidText(tasks.tgids.find(entry.pid)) : "";
  return `${comm}-${String(entry.pid).padEnd(7)} ${tgid}[${cpu}] ${flags}${stampText(array, entry.time)}: `;
}

function tgidText(tgid: number): string {
  return tgid === 0 ? "(-------) " : `(${String(tgid).padStart(7)}) `;
}

/** `trace_print_time`: a blank and the time stamp. */
function stampText(array: TraceArray, time: number): string {
  return ` ${array.clock.inNs ? timeText(time) : String(time).padStart(12)}`;
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
      return eventText(content.text, {
        rawPointers: !array.options.has("hash-ptr"),
        symAddr: array.options.has("sym-addr"),
      });
    case "print":
      return `${content.place}: ${content.text}`;
    case "stack":
      return ["<stack trace>", ...content.callers.map((caller) => ` => ${callerText(array, caller)}`)].join(
        "\n",
      );
    case "user_stack":
      return [
        "<user stack trace>",
        ...content.callers.map((caller) => ` => ${userText(array, caller, content.owner)}`),
      ].join("\n");
    case "function":
      return callText(array, content);
    case "function_repeats": {
      const last = stampText(array, content.last);
      return `${callText(array, content)} (repeats: ${content.count}, last_ts:${last})`;
    }
    case "graph_entry":
      return `graph_ent: func=${functionName(array, content.func)}`;
    case "graph_return":
      return `graph_ret: func=${functionName(array, content.func)}`;
  }
}

/** `print_fn_trace`: `vfs_read <-ksys_read` */
function callText(array: TraceArray, { ip, parent }: { readonly ip: Addr; readonly parent: Addr }): string {
  const caller = array.options.has("print-parent") && parent !== 0 ? ` <-${symbolText(array, parent)}` : "";
  return symbolText(array, ip) + caller;
}

function callerText(array: TraceArray, caller: Addr | string): string {
  return typeof caller === "string" ? caller : symbolText(array, caller);
}

/** `seq_print_user_ip`: with `sym-userobj` the file and the place in its mapping. */
function userText(array: TraceArray, address: Addr, owner: StackOwner | null): string {
  const { options, host: { image } } = array;
  const file = options.has("sym-userobj") ? owner?.fileAt(address) ?? null : null;
  const place = file === null ? "" : `${file.path}[+0x${(address - file.start).toString(16)}]`;
  const value = file === null || options.has("sym-addr") ? ` <${addressText(image.arch, address)}>` : "";
  return place + value;
}
