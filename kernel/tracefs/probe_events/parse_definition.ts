/**
 * Reads the definition of a probe event, up to registration: `__trace_kprobe_create`.
 *
 * ```text
 * p[:[GRP/][EVENT]] [MOD:]SYM[+OFF]|ADDR [ARGS]
 * r[MAX][:[GRP/][EVENT]] [MOD:]SYM[+0]|ADDR [ARGS]     p[:..] SYM%return [ARGS]
 * ```
 *
 * @module
 */

import type { Addr } from "../../../image/model.ts";
import type { ArchModel } from "../../arch/model.ts";
import { EADDRNOTAVAIL, EINVAL, ENOENT } from "../../syscalls/errno.ts";
import { ECANCELED } from "./dyn_events.ts";
import type { ProbeArg } from "./fetch_code.ts";
import { isErrno, kstrtol, kstrtoul } from "./kstrto.ts";
import {
  isGoodName,
  KPROBE_EVENT_SYSTEM,
  MAX_EVENT_NAME_LEN,
  parseEventName,
  sanitizedEventName,
} from "./names.ts";
import { parseArg } from "./parse_arg.ts";
import type { ProbeLog } from "./probe_log.ts";

/** Most arguments; further ones are ignored. */
export const MAX_TRACE_ARGS = 128;
const KRETPROBE_MAXACTIVE_MAX = 4096;
const UINT_MAX = 0xffff_ffffn;

/** A probe event as it was written. */
export interface ProbeDefinition {
  readonly isReturn: boolean;
  /** 0 where none was given. */
  readonly maxactive: number;
  /** `SYM` or `MOD:SYM`; null for a probe at an address. */
  readonly symbol: string | null;
  readonly offset: number;
  /** Null for a probe at a symbol. */
  readonly address: Addr | null;
  readonly group: string;
  readonly event: string;
  readonly args: readonly ProbeArg[];
}

/** What reading a definition needs of a kernel. */
export interface DefinitionHost {
  readonly arch: ArchModel;
  /** Types that the release lacks, and `\\` where it takes no immediate values. Default: none. */
  readonly missingFetch?: readonly string[];
  /** Symbols of that name, modules' included. */
  symbolCount(name: string): number;
  /** Whether a place is the entry of a function; null where there is no such place. */
  isFunctionEntry(symbol: string, offset: number): boolean | null;
  /** `%p` of an address. */
  pointer(address: Addr): string;
}

/** A definition, or -errno with an entry in the log where the kernel makes one. `words` are at least one. */
export function parseDefinition(
  words: readonly string[],
  host: DefinitionHost,
  log: ProbeLog,
): ProbeDefinition | number {
  const head = words[0] ?? "";
  const place = words[1];
  if (head[0] !== "p" && head[0] !== "r") return -ECANCELED;
  if (place === undefined) return -ECANCELED;
  const maxactive = parseMaxactive(head, log);
  if (maxactive < 0) return maxactive;

  const where = parsePlace(place, head[0] === "r", host, log);
  if (typeof where === "number") return where;
  const { symbol, offset, address, isReturn, atEntry } = where;

  log.index = 0;
  let group = KPROBE_EVENT_SYSTEM;
  let event: string | null = null;
  const colon = head.indexOf(":", 1);
  if (colon >= 0) {
    const name = parseEventName(head.slice(colon + 1), colon + 1, log);
    if (name === null) return -EINVAL;
    ({ group, event } = name);
  }
  if (event === null) {
    const kind = isReturn ? "r" : "p";
    const made = symbol === null
      ? `${kind}_0x${host.pointer(address ?? 0)}`
      : `${kind}_${symbol}_${offset}`.slice(0, MAX_EVENT_NAME_LEN - 1);
    event = sanitizedEventName(made);
    if (!isGoodName(event)) return -EINVAL;
  }

  const args: ProbeArg[] = [];
  const context = {
    arch: host.arch,
    atReturn: isReturn && symbol !== null,
    atEntry,
    log,
    missing: host.missingFetch ?? [],
  };
  for (const word of words.slice(2, 2 + MAX_TRACE_ARGS)) {
    log.index = args.length + 2;
    const arg = parseArg(word, args, context);
    if (typeof arg === "number") return arg;
    args.push(arg);
  }
  return { isReturn, maxactive, symbol, offset, address, group, event, args };
}

/** The number behind an `r`; 0 without one. */
function parseMaxactive(head: string, log: ProbeLog): number {
  if (!/^.[0-9]/.test(head)) return 0;
  const refuse = (error: Parameters<ProbeLog["error"]>[1]): number => {
    log.error(1, error);
    return -EINVAL;
  };
  if (head[0] !== "r") return refuse("MAXACT_NO_KPROBE");
  const colon = head.indexOf(":", 1);
  const text = head.slice(1, colon < 0 ? undefined : colon);
  const value = kstrtoul(text, 0, 32);
  if (text.length > MAX_EVENT_NAME_LEN - 1 || isErrno(value) || value === 0n) return refuse("BAD_MAXACT");
  return value > KRETPROBE_MAXACTIVE_MAX ? refuse("MAXACT_TOO_BIG") : Number(value);
}

interface PlaceText {
  readonly symbol: string | null;
  readonly offset: number;
  readonly address: Addr | null;
  readonly isReturn: boolean;
  readonly atEntry: boolean;
}

/** `ADDR`, or `[MOD:]SYM[+OFF][%return]`. */
function parsePlace(
  text: string,
  isReturn: boolean,
  host: DefinitionHost,
  log: ProbeLog,
): PlaceText | number {
  const bits = host.arch.wordSize === 8 ? 64 : 32;
  const number = kstrtoul(text, 0, bits);
  if (!isErrno(number)) {
    const address = Number(bits === 64 ? BigInt.asIntN(64, number) : number);
    return { symbol: null, offset: 0, address, isReturn, atEntry: false };
  }
  log.index = 1;
  // Something like a file and an offset: a uprobe.
  if (text.includes("/") && text.includes(":")) return -ECANCELED;
  let name = text;
  const suffix = text.indexOf("%");
  if (suffix >= 0) {
    if (text.slice(suffix) !== "%return") {
      log.error(suffix, "BAD_ADDR_SUFFIX");
      return -EINVAL;
    }
    name = text.slice(0, suffix);
    isReturn = true;
  }
  const split = splitSymbolOffset(name, bits);
  if (typeof split === "number" || split.offset < 0n || split.offset > UINT_MAX) {
    log.error(0, "BAD_PROBE_ADDR");
    return -EINVAL;
  }
  const { symbol } = split;
  const offset = Number(split.offset);
  const entry = host.isFunctionEntry(symbol, offset);
  if (entry === false && isReturn) {
    log.error(0, "BAD_RETPROBE");
    return -EINVAL;
  }
  if (!symbol.includes(":")) {
    const count = host.symbolCount(symbol);
    if (count > 1) {
      log.error(0, "NON_UNIQ_SYMBOL");
      return -EADDRNOTAVAIL;
    }
    if (count === 0) {
      log.error(0, "BAD_PROBE_ADDR");
      return -ENOENT;
    }
  }
  return { symbol, offset, address: null, isReturn, atEntry: entry === true && !isReturn };
}

/** `traceprobe_split_symbol_offset`: `SYM±OFF`, or -errno. */
export function splitSymbolOffset(
  text: string,
  bits: 32 | 64,
): { readonly symbol: string; readonly offset: bigint } | number {
  const at = text.search(/[+-]/);
  if (at < 0) return { symbol: text, offset: 0n };
  const offset = kstrtol(text.slice(at), 0, bits);
  return isErrno(offset) ? offset : { symbol: text.slice(0, at), offset };
}
