/**
 * Trace events: what every event has, whatever makes its records.
 *
 * @module
 */

import type { TracepointField } from "../../../image/model.ts";
import type { EventFile } from "./event_file.ts";

/** Reads a record. `TraceRecord` and probe records are such. */
export interface RecordReader {
  /** An integer of 1, 2, 4 or 8 bytes; 0 outside the record. */
  loadBig(offset: number, size: number, signed: boolean): bigint;
  /** Text of `size` bytes at most, or with `dynamic` what the word at `offset` points to. */
  str(offset: number, size: number, dynamic: boolean): string;
}

/** `struct trace_event_call`: an event of the kernel, the same for all trace arrays. */
export interface EventCall {
  readonly system: string;
  readonly name: string;
  /** `common_type` of its records; `EventRegistry.add` sets it where it is 0. */
  id: number;
  /** Fields that every record begins with. */
  readonly common: readonly TracepointField[];
  readonly fields: readonly TracepointField[];
  /** What follows `print fmt:`. */
  readonly printFmt: string;
  /** Starts making records for a trace array's file: 0 or -errno. */
  enable(file: EventFile): number;
  /** Stops it. */
  disable(file: EventFile): void;
}

/** Text of an event's `format` file. */
export function formatText(call: EventCall): string {
  const common = call.common.map(fieldLine).join("");
  const own = call.fields.map(fieldLine).join("");
  return `name: ${call.name}\nID: ${call.id}\nformat:\n${common}\n${own}\nprint fmt: ${call.printFmt}\n`;
}

/** An array's length stands behind the name, unless its place is dynamic; a probe's array shows none. */
function fieldLine(field: TracepointField): string {
  const { type, name, offset, size } = field;
  const bracket = /^__(?:data|rel)_loc/.test(type) ? -1 : type.indexOf("[");
  const spelt = bracket < 0 ? `${type} ${name}` : `${type.slice(0, bracket)} ${name}${type.slice(bracket)}`;
  return `\tfield:${spelt};\toffset:${offset};\tsize:${size};\tsigned:${field.signed ? 1 : 0};\n`;
}

/** How a filter takes a field. */
export type FieldKind = "number" | "string" | "dynamic" | "pointer" | "comm" | "cpu";

/** `filter_assign_type`. */
export function fieldKind(field: TracepointField): FieldKind {
  const { type } = field;
  if (/^__(?:data|rel)_loc/.test(type) && type.includes("char")) return "dynamic";
  if (type.includes("[") && type.includes("char")) return "string";
  return type === "char *" || type === "const char *" ? "pointer" : "number";
}
