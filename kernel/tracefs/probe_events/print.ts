/**
 * What a probe event's record looks like: its fields, its `print fmt`, its line in the trace.
 *
 * @module
 */

import type { Addr, TracepointField } from "../../../image/model.ts";
import type { BytesReader } from "../events/bytes_reader.ts";
import { PLAIN_STYLE, type TextStyle } from "../trace_entry.ts";
import { argSize, type ProbeArg } from "./fetch_code.ts";
import type { FetchType } from "./fetch_type.ts";

/** Fields that every record begins with. */
export const COMMON_FIELDS: readonly TracepointField[] = [
  { name: "common_type", type: "unsigned short", offset: 0, size: 2, signed: false },
  { name: "common_flags", type: "unsigned char", offset: 2, size: 1, signed: false },
  { name: "common_preempt_count", type: "unsigned char", offset: 3, size: 1, signed: false },
  { name: "common_pid", type: "int", offset: 4, size: 4, signed: true },
];

/** Bytes of the common fields. */
const COMMON_SIZE = 8;
const FAULT_STRING = "(fault)";

/** Bytes in front of the arguments. */
export function headSize(isReturn: boolean, wordSize: 4 | 8): number {
  return COMMON_SIZE + wordSize * (isReturn ? 2 : 1);
}

/** The event's own fields. */
export function probeFields(
  isReturn: boolean,
  args: readonly ProbeArg[],
  wordSize: 4 | 8,
): readonly TracepointField[] {
  const words = isReturn ? ["__probe_func", "__probe_ret_ip"] : ["__probe_ip"];
  const head = words.map((name, i) => ({
    name,
    type: "unsigned long",
    offset: COMMON_SIZE + i * wordSize,
    size: wordSize,
    signed: false,
  }));
  const base = headSize(isReturn, wordSize);
  return [
    ...head,
    ...args.map((arg) => ({
      name: arg.name,
      type: fieldType(arg),
      offset: base + arg.offset,
      size: argSize(arg),
      signed: arg.type.signed,
    })),
  ];
}

/** The kernel shows no length of an array, unless it is one of strings. */
function fieldType(arg: ProbeArg): string {
  if (arg.count === 0) return arg.type.fieldType;
  return arg.type.print === "string" ? `${arg.type.fieldType}[${arg.count}]` : `${arg.type.fieldType}[]`;
}

/** `traceprobe_set_print_fmt`. */
export function probePrintFmt(isReturn: boolean, args: readonly ProbeArg[]): string {
  const formats = args.map(({ name, type, count }) => {
    const one = count === 0 ? type.format : `{${Array(count).fill(type.format).join(",")}}`;
    return ` ${name}=${one}`;
  });
  const head = isReturn ? "(%lx <- %lx)" : "(%lx)";
  const ips = isReturn ? ", REC->__probe_func, REC->__probe_ret_ip" : ", REC->__probe_ip";
  const values = args.flatMap(({ name, type, count }) => {
    const places = count === 0 ? [name] : Array.from({ length: count }, (_, i) => `${name}[${i}]`);
    return places.map((place) => type.print === "string" ? `, __get_str(${place})` : `, REC->${place}`);
  });
  return `"${head}${formats.join("")}"${ips}${values.join("")}`;
}

/** What printing needs of a kernel. */
export interface PrintHost {
  readonly wordSize: 4 | 8;
  /** `sprint_symbol`. */
  symbolText(address: Addr): string;
  /** `sprint_symbol_no_offset`. */
  symbolName(address: Addr): string;
  /** All digits of an address. */
  addressText(address: Addr): string;
  /** Where hooked calls return to. */
  readonly trampolineAddress: Addr;
}

/** A record's line behind the event's name: `(vfs_read+0x0/0x310) a=1`. */
export function probeLine(
  isReturn: boolean,
  args: readonly ProbeArg[],
  record: BytesReader,
  host: PrintHost,
  { symAddr }: TextStyle = PLAIN_STYLE,
): string {
  const { wordSize } = host;
  const word = (offset: number): Addr => Number(record.loadBig(offset, wordSize, wordSize === 8));
  const value = (address: Addr) => symAddr ? ` <${host.addressText(address)}>` : "";
  const func = word(COMMON_SIZE);
  let place = host.symbolText(func) + value(func);
  if (isReturn) {
    const from = word(COMMON_SIZE + wordSize);
    const caller = from === host.trampolineAddress
      ? "[unknown/kretprobe'd]"
      : host.symbolText(from) + value(from);
    place = `${caller} <- ${host.symbolName(func)}${value(func)}`;
  }
  const base = headSize(isReturn, wordSize);
  return `(${place})${argsText(args, record, base, host)}`;
}

/** The arguments of a record, which begin at `base`: ` a=1 b="x"`. */
export function argsText(
  args: readonly ProbeArg[],
  record: BytesReader,
  base: number,
  host: PrintHost,
): string {
  return args.map((arg) => argText(arg, record, base + arg.offset, host)).join("");
}

function argText(arg: ProbeArg, record: BytesReader, offset: number, host: PrintHost): string {
  const { name, type, count } = arg;
  if (count === 0) return ` ${name}=${valueText(type, record, offset, host)}`;
  const values = Array.from(
    { length: count },
    (_, i) => valueText(type, record, offset + i * type.size, host),
  );
  return ` ${name}={${values.join(",")}}`;
}

function valueText(type: FetchType, record: BytesReader, offset: number, host: PrintHost): string {
  switch (type.print) {
    case "string":
      return record.place(offset).length === 0 ? FAULT_STRING : `"${record.str(offset, 4, true)}"`;
    case "hex":
      return `0x${record.loadBig(offset, type.size, false).toString(16)}`;
    case "symbol": {
      const value = record.loadBig(offset, type.size, type.size === 8);
      const address = Number(value);
      return Number.isSafeInteger(address)
        ? host.symbolText(address)
        : `0x${BigInt.asUintN(64, value).toString(16)}`;
    }
    default:
      return record.loadBig(offset, type.size, type.signed).toString();
  }
}
