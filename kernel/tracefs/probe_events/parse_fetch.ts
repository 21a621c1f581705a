/**
 * Reads a FETCH expression: `%REG @ADDR @SYM @+OFF $stack $stackN $argN $retval $comm ±[u]OFF(FETCH) \IMM \"str"`.
 *
 * @module
 */

import { type ArchModel, registerNames } from "../../arch/model.ts";
import { EINVAL } from "../../syscalls/errno.ts";
import type { FetchCode } from "./fetch_code.ts";
import { isErrno, kstrtol, kstrtoul, type Parsed } from "./kstrto.ts";
import type { ProbeError } from "./messages.ts";
import type { ProbeLog } from "./probe_log.ts";

/** What an expression may use. */
export interface FetchContext {
  readonly arch: ArchModel;
  /** The probe is at a return: `$retval`. */
  readonly atReturn: boolean;
  /** The probe is at the entry of a function: `$argN`. */
  readonly atEntry: boolean;
  /** The probe is in a user program: its memory is that, and symbols of the kernel are none of its. */
  readonly inUser?: boolean;
  readonly log: ProbeLog;
  /** Types that the kernel's release lacks, and `\\` where it takes no immediate values. */
  readonly missing: readonly string[];
}

/**
 * `parse_probe_arg`: appends to `code`, which then stands at the last instruction. `offset` is where the text begins in
 * its word. 0, or -errno with an entry in the log.
 */
export function parseFetch(text: string, code: FetchCode, context: FetchContext, offset: number): number {
  let result = 0;
  switch (text[0]) {
    case "$":
      result = parseVariable(text.slice(1), code, context, offset);
      break;
    case "%":
      if (registerNames(context.arch).includes(text.slice(1))) {
        code.current = { op: "reg", name: text.slice(1) };
      } else {
        result = refuse(context, offset, "BAD_REG_NAME");
      }
      break;
    case "@":
      return parseMemory(text.slice(1), code, context, offset);
    case "+":
    case "-":
      return parseDeref(text, code, context, offset);
    case "\\":
      // To a release without these it is no way to begin.
      if (context.missing.includes("\\")) break;
      result = parseImmediate(text.slice(1), code, context, offset + 1);
      break;
  }
  if (result === 0 && code.current === undefined) return refuse(context, offset, "BAD_FETCH_ARG");
  return result;
}

/** `parse_probe_vars`: what follows a `$`. */
function parseVariable(name: string, code: FetchCode, context: FetchContext, offset: number): number {
  const { arch } = context;
  const most = BigInt(arch.threadSize / arch.wordSize);
  if (name === "retval") {
    if (!context.atReturn) return refuse(context, offset, "RETVAL_ON_PROBE");
    code.current = { op: "retval" };
  } else if (name === "stack") {
    code.current = { op: "stackp" };
  } else if (/^stack[0-9]/.test(name)) {
    const n = kstrtoul(name.slice(5), 10, bits(arch));
    if (isErrno(n)) return refuse(context, offset, "BAD_VAR");
    if (n > most && context.inUser !== true) return refuse(context, offset, "BAD_STACK_NUM");
    code.current = { op: "stack", n: Number(n) };
  } else if (name === "comm" || name === "COMM") {
    code.current = { op: "comm" };
  } else if (context.atEntry && name.startsWith("arg")) {
    const n = kstrtoul(name.slice(3), 10, bits(arch));
    if (isErrno(n)) return refuse(context, offset, "BAD_VAR");
    if (n === 0n || n > most) return refuse(context, offset, "BAD_ARG_NUM");
    code.current = { op: "arg", n: Number(n) - 1 };
  } else {
    return refuse(context, offset, "BAD_VAR");
  }
  return 0;
}

/** What follows a `@`: an address or a symbol. Memory is read there. */
function parseMemory(place: string, code: FetchCode, context: FetchContext, offset: number): number {
  if (/^[0-9]/.test(place)) {
    const address = kstrtoul(place, 0, bits(context.arch));
    if (isErrno(address)) return refuse(context, offset, "BAD_MEM_ADDR", address);
    code.current = { op: "imm", value: address };
  } else if (place.startsWith("+")) {
    if (context.inUser !== true) return refuse(context, offset, "FILE_ON_KPROBE");
    const distance = kstrtol(place.slice(1), 0, bits(context.arch));
    if (isErrno(distance)) return refuse(context, offset, "BAD_FILE_OFFS", distance);
    code.current = { op: "foffs", offset: distance };
  } else if (context.inUser === true) {
    return refuse(context, offset, "SYM_ON_UPROBE");
  } else {
    code.current = { op: "symbol", text: place };
    if (!code.advance()) return refuse(context, offset, "TOO_MANY_OPS");
    code.current = { op: "imm", value: 0n };
  }
  if (!code.advance()) return refuse(context, offset, "TOO_MANY_OPS");
  code.current = { op: "deref", offset: 0n, user: false };
  return 0;
}

/** `±[u]OFF(FETCH)`. Offsets into the word count as the kernel counts them, which forgets the `u`. */
function parseDeref(text: string, code: FetchCode, context: FetchContext, offset: number): number {
  const user = text[1] === "u";
  let rest = user ? text[0] + text.slice(2) : text;
  if (rest.startsWith("+")) rest = rest.slice(1);
  const open = rest.indexOf("(");
  if (open < 0) return refuse(context, offset, "DEREF_NEED_BRACE");
  const distance = kstrtol(rest.slice(0, open), 0, bits(context.arch));
  if (isErrno(distance)) return refuse(context, offset, "BAD_DEREF_OFFS", distance);
  const inside = offset + open + 1 + (rest.startsWith("-") ? 0 : 1);
  const body = rest.slice(open + 1);
  const close = body.lastIndexOf(")");
  if (close < 0) return refuse(context, inside + body.length, "DEREF_OPEN_BRACE");
  const result = parseFetch(body.slice(0, close), code, context, inside);
  if (result !== 0) return result;
  const base = code.current?.op;
  if (base === "comm" || base === "data") return refuse(context, inside, "COMM_CANT_DEREF");
  if (!code.advance()) return refuse(context, inside, "TOO_MANY_OPS");
  code.current = { op: "deref", offset: distance, user };
  return 0;
}

/** What follows a `\`: a number, or a string in quotes. */
function parseImmediate(text: string, code: FetchCode, context: FetchContext, offset: number): number {
  if (text.startsWith('"')) {
    const body = text.slice(1);
    if (!body.endsWith('"')) return refuse(context, offset + 1 + body.length, "IMMSTR_NO_CLOSE");
    code.current = { op: "data", text: body.slice(0, -1) };
    return 0;
  }
  const value = immediate(text, bits(context.arch));
  if (isErrno(value)) return refuse(context, offset, "BAD_IMM", value);
  code.current = { op: "imm", value: BigInt.asUintN(bits(context.arch), value) };
  return 0;
}

function immediate(text: string, size: 32 | 64): Parsed {
  if (/^[0-9]/.test(text)) return kstrtoul(text, 0, size);
  if (text.startsWith("-")) return kstrtol(text, 0, size);
  if (text.startsWith("+")) return kstrtol(text.slice(1), 0, size);
  return -EINVAL;
}

function bits(arch: ArchModel): 32 | 64 {
  return arch.wordSize === 8 ? 64 : 32;
}

function refuse(context: FetchContext, offset: number, error: ProbeError, errno = -EINVAL): number {
  context.log.error(offset, error);
  return errno;
}
