/**
 * Reads the definition of an event on a place in a file, up to registration: `__trace_uprobe_create`.
 *
 * ```text
 * p|r[:[GRP/][EVENT]] PATH:OFFSET[%return][(REF_CTR_OFFSET)] [ARGS]
 * ```
 *
 * @module
 */

import type { ArchModel } from "../../arch/model.ts";
import { EINVAL, ENOENT } from "../../syscalls/errno.ts";
import { ECANCELED } from "../probe_events/dyn_events.ts";
import type { ProbeArg } from "../probe_events/fetch_code.ts";
import { isErrno, kstrtoul } from "../probe_events/kstrto.ts";
import { MAX_EVENT_NAME_LEN, parseEventName } from "../probe_events/names.ts";
import { parseArg } from "../probe_events/parse_arg.ts";
import { MAX_TRACE_ARGS } from "../probe_events/parse_definition.ts";
import type { ProbeLog } from "../probe_events/probe_log.ts";

/** The group of events that name none. */
const UPROBE_EVENT_SYSTEM = "uprobes";

/** An event on a place in a file, as it was written. */
export interface UprobeDefinition {
  readonly isReturn: boolean;
  /** As written. */
  readonly path: string;
  /** Address of the file's inode. */
  readonly inode: number;
  readonly offset: number;
  /** Where the program counts who listens; 0 for none. */
  readonly refCtrOffset: number;
  readonly group: string;
  readonly event: string;
  readonly args: readonly ProbeArg[];
}

/** What reading a definition needs of a kernel. */
export interface UprobeParseHost {
  readonly arch: ArchModel;
  /** Types that the release lacks, and `\\` where it takes no immediate values. Default: none. */
  readonly missingFetch?: readonly string[];
  /** Address of the inode at a path; null where there is none, "irregular" where it is no regular file. */
  inodeAt(path: string): number | null | "irregular";
}

/** A definition, or -errno with an entry in the log where the kernel makes one. `words` are at least one. */
export function parseUprobe(
  words: readonly string[],
  host: UprobeParseHost,
  makeLog: () => ProbeLog,
): UprobeDefinition | number {
  const [head = "", place, ...rest] = words;
  if (head[0] !== "p" && head[0] !== "r") return -ECANCELED;
  if (place === undefined || !place.includes("/")) return -ECANCELED;
  const colon = place.lastIndexOf(":");
  if (colon < 0 || !/^[0-9]/.test(place.slice(colon + 1))) return -ECANCELED;

  const log = makeLog();
  log.index = 1;
  const where = parsePlace(place, colon, head[0] === "r", host, log);
  if (typeof where === "number") return where;
  const { path, offset, isReturn } = where;

  log.index = 0;
  let group = UPROBE_EVENT_SYSTEM;
  let event: string | null = null;
  if (head[1] === ":") {
    const name = parseEventName(head.slice(2), 2, log, UPROBE_EVENT_SYSTEM);
    if (name === null) return -EINVAL;
    ({ group, event } = name);
  }
  event ??= madeUpName(path, offset);

  const args: ProbeArg[] = [];
  const context = {
    arch: host.arch,
    atReturn: isReturn,
    atEntry: false,
    inUser: true,
    log,
    missing: host.missingFetch ?? [],
  };
  for (const word of rest.slice(0, MAX_TRACE_ARGS)) {
    log.index = args.length + 2;
    const arg = parseArg(word, args, context);
    if (typeof arg === "number") return arg;
    args.push(arg);
  }
  return { ...where, group, event, args };
}

/** `p_libc_0x26800`, for returns too: the file's name up to the first of `.-_`. */
function madeUpName(path: string, offset: number): string {
  const base = path.slice(path.lastIndexOf("/") + 1);
  const tail = /^[^.\-_]*/.exec(base)?.[0] ?? "";
  return `p_${tail}_0x${offset.toString(16)}`.slice(0, MAX_EVENT_NAME_LEN - 1);
}

/** `PATH:OFFSET[%return][(REF_CTR_OFFSET)]`, the last colon being at `colon`. */
function parsePlace(
  place: string,
  colon: number,
  isReturn: boolean,
  host: UprobeParseHost,
  log: ProbeLog,
): Pick<UprobeDefinition, "path" | "inode" | "offset" | "refCtrOffset" | "isReturn"> | number {
  const bits = host.arch.wordSize === 8 ? 64 : 32;
  const path = place.slice(0, colon);
  const inode = host.inodeAt(path);
  if (inode === null) return refuse(0, "FILE_NOT_FOUND", -ENOENT);
  if (inode === "irregular") return refuse(0, "NO_REGULAR_FILE");
  let text = place.slice(colon + 1);
  let refCtrOffset = 0n;
  const open = text.indexOf("(");
  if (open >= 0) {
    const close = text.indexOf(")", open);
    if (close < 0) return refuse(place.length, "REFCNT_OPEN_BRACE");
    if (close + 1 < text.length) return refuse(colon + 1 + close + 1, "BAD_REFCNT_SUFFIX");
    const counter = kstrtoul(text.slice(open + 1, close), 0, bits);
    if (isErrno(counter)) return refuse(colon + 1 + open + 1, "BAD_REFCNT", counter);
    refCtrOffset = counter;
    text = text.slice(0, open);
  }
  const suffix = text.indexOf("%");
  if (suffix >= 0) {
    if (text.slice(suffix) !== "%return") return refuse(colon + 1 + suffix, "BAD_ADDR_SUFFIX");
    text = text.slice(0, suffix);
    isReturn = true;
  }
  const offset = kstrtoul(text, 0, bits);
  if (isErrno(offset)) return refuse(colon + 1, "BAD_UPROBE_OFFS", offset);
  return { path, inode, offset: Number(offset), refCtrOffset: Number(refCtrOffset), isReturn };

  function refuse(at: number, error: Parameters<ProbeLog["error"]>[1], errno = -EINVAL): number {
    log.error(at, error);
    return errno;
  }
}
