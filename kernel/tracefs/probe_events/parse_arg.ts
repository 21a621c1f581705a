/**
 * Reads an argument of a probe event: `[NAME=]FETCH[:TYPE]`.
 *
 * @module
 */

import { E2BIG, EINVAL } from "../../syscalls/errno.ts";
import { FetchCode, type ProbeArg } from "./fetch_code.ts";
import { type FetchType, findFetchType } from "./fetch_type.ts";
import { isErrno, kstrtoul, simpleStrtoul } from "./kstrto.ts";
import type { ProbeError } from "./messages.ts";
import { isGoodName } from "./names.ts";
import { type FetchContext, parseFetch } from "./parse_fetch.ts";

/** Longest expression, and longest text that a deletion compares, in characters. */
export const MAX_ARGSTR_LEN = 63;
const MAX_ARG_NAME_LEN = 32;
/** Most elements of an array. */
const MAX_ARRAY_LEN = 64;
/** Most bytes of the arguments' fixed parts. */
const MAX_PROBE_EVENT_SIZE = 3072;

const RESERVED_FIELD_NAMES = [
  "common_type",
  "common_flags",
  "common_preempt_count",
  "common_pid",
  "common_tgid",
  "__probe_ip",
  "__probe_ret_ip",
  "__probe_func",
];

/** A parsed argument, or -errno with an entry in the log where the kernel makes one. */
export type ParsedArg = ProbeArg | number;

/** `traceprobe_parse_probe_arg`: `before` are the arguments in front of it. */
export function parseArg(word: string, before: readonly ProbeArg[], context: FetchContext): ParsedArg {
  const equals = word.indexOf("=");
  if (equals > MAX_ARG_NAME_LEN) return refuse(context, 0, "ARG_NAME_TOO_LONG");
  if (equals === 0) return refuse(context, 0, "NO_ARG_NAME");
  const name = equals > 0 ? word.slice(0, equals) : `arg${before.length + 1}`;
  if (!isGoodName(name)) return refuse(context, 0, "BAD_ARG_NAME");
  if (RESERVED_FIELD_NAMES.includes(name) || before.some((arg) => arg.name === name)) {
    return refuse(context, 0, "USED_ARG_NAME");
  }
  const last = before.at(-1);
  const offset = last === undefined ? 0 : last.offset + last.type.size * Math.max(last.count, 1);
  return parseBody(word.slice(equals + 1), name, offset, context, equals + 1);
}

/** `traceprobe_parse_probe_arg_body`: `at` is where the text begins in its word. */
function parseBody(
  text: string,
  name: string,
  offset: number,
  context: FetchContext,
  at: number,
): ParsedArg {
  if (text.length > MAX_ARGSTR_LEN) return refuse(context, at, "ARG_TOO_LONG");
  if (text.length === 0) return refuse(context, at, "NO_ARG_BODY");
  const spelt = splitType(text, context, at);
  if (typeof spelt === "number") return spelt;
  const { fetch, typeName, typeAt, count } = spelt;
  const type = typeOf(fetch, typeName, count, context);
  if (type === null) return -EINVAL;
  const wordSize = context.arch.wordSize;
  if (type === undefined) return refuse(context, typeAt, "BAD_TYPE");
  if (offset + type.size * Math.max(count, 1) > MAX_PROBE_EVENT_SIZE) {
    return refuse(context, at, "EVENT_TOO_BIG", -E2BIG);
  }
  const code = new FetchCode();
  const result = parseFetch(fetch, code, context, at) ||
    addStore(code, type, count, context, at, typeAt) ||
    addBitfield(code, type, typeName, context, typeAt) ||
    addArray(code, count, context, at, typeAt);
  if (result !== 0) return result;
  return { name, text, type: type ?? findFetchType(null, wordSize), count, offset, code: code.insns };
}

interface Spelt {
  readonly fetch: string;
  readonly typeName: string | null;
  /** Where the type begins in the word (where the expression does, without one). */
  readonly typeAt: number;
  readonly count: number;
}

/** Takes `:TYPE[N]` off. */
function splitType(text: string, context: FetchContext, at: number): Spelt | number {
  const colon = text.indexOf(":");
  if (colon < 0) return { fetch: text, typeName: null, typeAt: at, count: 0 };
  const fetch = text.slice(0, colon);
  const spelt = text.slice(colon + 1);
  const typeAt = at + colon + 1;
  const open = spelt.indexOf("[");
  if (open < 0) return { fetch, typeName: spelt, typeAt, count: 0 };
  const inside = spelt.slice(open + 1);
  const close = inside.indexOf("]");
  if (close < 0) return refuse(context, at + text.length, "ARRAY_NO_CLOSE");
  const numberAt = typeAt + open + 1;
  if (close + 1 < inside.length) return refuse(context, numberAt + close + 1, "BAD_ARRAY_SUFFIX");
  const count = kstrtoul(inside.slice(0, close), 0, 32);
  if (isErrno(count) || count === 0n) return refuse(context, numberAt, "BAD_ARRAY_NUM");
  if (count > MAX_ARRAY_LEN) return refuse(context, numberAt, "ARRAY_TOO_BIG");
  return { fetch, typeName: spelt.slice(0, open), typeAt, count: Number(count) };
}

/** The type; undefined for an unknown one, null where the kernel refuses without a word. */
function typeOf(
  fetch: string,
  typeName: string | null,
  count: number,
  context: FetchContext,
): FetchType | undefined | null {
  const { wordSize } = context.arch;
  if (typeName !== null && context.missing.includes(typeName)) return undefined;
  if (fetch !== "$comm" && fetch !== "$COMM" && !fetch.startsWith('\\"')) {
    // Nothing in a user program is named by the kernel's symbols.
    if (context.inUser === true && (typeName === "symbol" || typeName === "symstr")) return undefined;
    return findFetchType(typeName, wordSize);
  }
  // These are strings, whatever else could be said.
  if (count !== 0 || (typeName !== null && typeName !== "string")) return null;
  return findFetchType("string", wordSize);
}

/** The instruction that stores what was fetched. */
function addStore(
  code: FetchCode,
  type: FetchType,
  count: number,
  context: FetchContext,
  at: number,
  typeAt: number,
): number {
  const last = code.current;
  if (last === undefined) return -EINVAL;
  const { op } = last;
  if (type.print !== "string") {
    if (last.op === "deref") {
      code.current = { op: "store_mem", size: type.size, offset: last.offset, user: last.user };
      return 0;
    }
    if (!code.advance()) return refuse(context, at, "TOO_MANY_OPS");
    code.current = { op: "store_raw", size: type.size };
    return 0;
  }
  const isSymstr = type.name === "symstr";
  if (isSymstr) {
    if (!["reg", "stack", "retval", "arg", "deref"].includes(op)) {
      return refuse(context, typeAt, "BAD_SYMSTRING");
    }
  } else if (!["deref", "imm", "comm", "data"].includes(op)) {
    return refuse(context, typeAt, "BAD_STRING");
  }
  let offset = last.op === "deref" ? last.offset : 0n;
  let user = last.op === "deref" && last.user;
  // What points at the string itself is kept; so is the load of a pointer that an array of strings needs.
  if (isSymstr || op !== "deref" || count !== 0) {
    if (!code.advance()) return refuse(context, at, "TOO_MANY_OPS");
    offset = 0n;
    user = false;
  }
  if (type.name === "ustring") user = true;
  code.current = isSymstr ? { op: "store_symstr" } : { op: "store_string", offset, user };
  return 0;
}

/** `__parse_bitfield_probe_arg`: `bWIDTH@OFFSET/SIZE`. */
function addBitfield(
  code: FetchCode,
  type: FetchType,
  typeName: string | null,
  context: FetchContext,
  typeAt: number,
): number {
  if (typeName === null || !typeName.startsWith("b")) return 0;
  const width = simpleStrtoul(typeName.slice(1));
  let rest = typeName.slice(1 + width.taken);
  if (width.value === 0n || !rest.startsWith("@")) return refuse(context, typeAt, "BAD_BITFIELD");
  rest = rest.slice(1);
  const from = simpleStrtoul(rest);
  if (from.taken === 0 || rest[from.taken] !== "/") return refuse(context, typeAt, "BAD_BITFIELD");
  const size = type.size * 8;
  if (width.value + from.value > size || !code.advance()) return refuse(context, typeAt, "BAD_BITFIELD");
  const bits = Number(width.value);
  code.current = {
    op: "bitfield",
    left: size - bits - Number(from.value),
    right: size - bits,
    size: type.size,
  };
  return 0;
}

/** The loop over an array's elements. */
function addArray(
  code: FetchCode,
  count: number,
  context: FetchContext,
  at: number,
  typeAt: number,
): number {
  if (count === 0) return 0;
  const store = code.insns.find((insn) => insn.op.startsWith("store"));
  const loops = store?.op === "store_string" || (store?.op === "store_mem" && !store.user);
  if (!loops) return refuse(context, typeAt, "BAD_STRING");
  if (!code.advance()) return refuse(context, at, "TOO_MANY_OPS");
  code.current = { op: "array", count };
  return 0;
}

function refuse(context: FetchContext, offset: number, error: ProbeError, errno = -EINVAL): number {
  context.log.error(offset, error);
  return errno;
}
