/**
 * Values and calls back to the text that strace prints.
 *
 * @module
 */

import type { StraceResult } from "./record.ts";
import { printLiteral } from "./string_literal.ts";
import type { StraceArgument, StraceValue } from "./value.ts";

/** One value, with its comment. */
export function printValue(value: StraceValue): string {
  const text = printBare(value);
  return value.comment === undefined ? text : `${text} /* ${value.comment} */`;
}

/** A whole call: `openat(AT_FDCWD, "f", O_RDONLY) = 3 <0.000012>`. `duration` is in nanoseconds. */
export function printCall(
  name: string,
  args: readonly StraceArgument[],
  result: StraceResult,
  duration?: number,
): string {
  const call = `${name}(${printList(args, ", ")})`.padEnd(15);
  const value = Number.isNaN(result.value) ? "?" : String(result.value);
  const errno = result.errno === undefined ? "" : ` ${result.errno}`;
  const detail = result.detail === undefined ? "" : ` (${result.detail})`;
  return `${call} = ${value}${errno}${detail}${duration === undefined ? "" : ` <${printSeconds(duration)}>`}`;
}

function printBare(value: StraceValue): string {
  switch (value.kind) {
    case "number":
    case "raw":
      return value.text;
    case "null":
      return "NULL";
    case "name":
      return value.name;
    case "string":
      return `${value.abstract === true ? "@" : ""}${printLiteral(value.bytes)}${
        value.truncated ? "..." : ""
      }`;
    case "call":
      return `${value.name}(${printList(value.args, ", ")})`;
    case "struct":
      return `{${omit(printList(value.fields, ", "), value.omitted)}}`;
    case "array":
      return `[${omit(printList(value.items, value.spaced ? " " : ", "), value.omitted)}]`;
    case "unary":
      return `${value.operator}${printValue(value.operand)}`;
    case "expression":
      return value.terms.map((term, at) =>
        `${at === 0 ? "" : spaced(value.operators[at - 1]!)}${printValue(term)}`
      )
        .join("");
    case "changed":
      return `${printValue(value.before)} => ${printValue(value.after)}`;
  }
}

function printList(list: readonly StraceArgument[], separator: string): string {
  return list.map(({ name, value }) => (name === undefined ? "" : `${name}=`) + printValue(value)).join(
    separator,
  );
}

function omit(list: string, omitted: boolean): string {
  return omitted ? `${list}${list === "" ? "" : ", "}...` : list;
}

function spaced(operator: string): string {
  return operator === "|" || operator === "*" || operator === "<<" ? operator : ` ${operator} `;
}

function printSeconds(ns: number): string {
  const micros = Math.round(ns / 1000);
  return `${Math.floor(micros / 1e6)}.${String(micros % 1e6).padStart(6, "0")}`;
}
