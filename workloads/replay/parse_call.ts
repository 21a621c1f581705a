/**
 * Reads arguments, result and duration of one whole recorded call.
 *
 * @module
 */

import { parseList, wordOf } from "./parse_value.ts";
import { resultAt } from "./parse_line.ts";
import type { StraceResult } from "./record.ts";
import type { StraceArgument } from "./value.ts";

/** A call's text, taken apart. */
export interface CallText {
  readonly args: readonly StraceArgument[];
  readonly result: StraceResult;
  /** Nanoseconds; undefined without `-T`. */
  readonly duration: number | undefined;
}

/** What most calls end with, from the closing bracket on: a bare number and a duration. */
const PLAIN_END = /\) *= *(-?(?:0x[0-9a-fA-F]+|[0-9]+)) +<([0-9]+)\.([0-9]{1,9})>\s*$/y;

/** Reads `text` from its first argument at `argsAt`; a string tells what is wrong with it. */
export function parseCall(text: string, argsAt: number): CallText | string {
  const list = parseList(text, argsAt, ")");
  let close = list.end;
  PLAIN_END.lastIndex = close;
  const plain = PLAIN_END.exec(text);
  if (plain !== null) {
    return {
      args: list.items,
      result: { value: wordOf(plain[1]!) },
      duration: nanoseconds(plain[2]!, plain[3]!),
    };
  }
  if (text[close] !== ")" || !/^\) *= /.test(text.slice(close))) {
    // An argument of a form that is not known may hold the bracket that ended the list.
    close = resultAt(text);
    if (close < argsAt) return "the call has no result; is the line cut short?";
  }
  const equals = text.indexOf("=", close);
  let rest = text.slice(equals + 1).trim();
  let duration: number | undefined;
  const took = / *<([0-9]+)\.([0-9]{1,9})>$/.exec(rest);
  if (took !== null) {
    duration = nanoseconds(took[1]!, took[2]!);
    rest = rest.slice(0, took.index);
  }
  const result = parseResult(rest);
  if (result === null) return `the result ${JSON.stringify(rest)} is neither a number nor "?"`;
  return { args: list.items, result, duration };
}

function nanoseconds(seconds: string, fraction: string): number {
  return Number(seconds) * 1e9 + Number(fraction) * 10 ** (9 - fraction.length);
}

/** The arguments of a call whose end is not in the recording. */
export function parseUnfinished(text: string, argsAt: number): readonly StraceArgument[] {
  return parseList(text, argsAt, ")").items;
}

function parseResult(text: string): StraceResult | null {
  const parts = /^(\?|-?(?:0x[0-9a-fA-F]+|[0-9]+))(?:<.*?>(?= |$))?(?: +(E[A-Z0-9_]+))?(?: +(.*))?$/.exec(
    text,
  );
  if (parts === null) return null;
  const value = parts[1] === "?" ? NaN : wordOf(parts[1]!);
  const detail = parts[3]?.replace(/^\((.*)\)$/, "$1");
  return {
    value,
    ...(parts[2] === undefined ? {} : { errno: parts[2] }),
    ...(detail === undefined ? {} : { detail }),
  };
}
