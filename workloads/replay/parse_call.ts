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

/** Reads `text` from its first argument at `argsAt`; a string tells what is wrong with it. */
export function parseCall(text: string, argsAt: number): CallText | string {
  const list = parseList(text, argsAt, ")");
  let close = list.end;
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
    duration = Number(took[1]) * 1e9 + Number(took[2]!.padEnd(9, "0"));
    rest = rest.slice(0, took.index);
  }
  const result = parseResult(rest);
  if (result === null) return `the result ${JSON.stringify(rest)} is neither a number nor "?"`;
  return { args: list.items, result, duration };
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
