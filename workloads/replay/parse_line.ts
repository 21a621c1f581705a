/**
 * Reads one line of `strace` output: who, when, and what kind of line it is. Arguments and result are read later, from
 * the joined text, by `parse_call.ts`.
 *
 * @module
 */

import type { ClockKind, LineHead, StraceLine } from "./record.ts";
import { shared } from "./shared_text.ts";

const PID = /(?:\[pid +([0-9]+)(?:<([^>]*)>)?\]|([0-9]+)(?:<([^>]*)>)?(?= ))\s+/y;
const EPOCH = /([0-9]{7,})(?:\.([0-9]{1,9}))?(?: +\(\+ +[0-9.]+\))?\s+/y;
const DAY = /([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]{1,9}))?(?: +\(\+ +[0-9.]+\))?\s+/y;
const RELATIVE = /([0-9]+)\.([0-9]{1,9})\s+/y;
const STAMPS = [["epoch", EPOCH], ["day", DAY], ["relative", RELATIVE]] as const;
/** `[00007f1ec49ce000]` (-i) and `[ 257]` (-n). */
const BRACKETS = /(?:\[(?: *[0-9]+|[0-9a-f]{8,16}|\?+)\] +)+/y;
const NAME = /([A-Za-z_][A-Za-z0-9_]*)\(/y;
const RESUMED = /<\.\.\. ([A-Za-z_][A-Za-z0-9_]*) resumed>/y;
/** Remarks of strace itself, stack lines of `-k`, bytes of `-e read=` and `-e write=`, blank lines. */
const CHATTER = /^(\s*(>|$| \| [0-9a-f]{5} )|([^ ]*\/)?strace: )/;
const UNFINISHED = /\s*<unfinished \.\.\.>$/;
/** Larger than any pid, so that a lone number can be told from seconds since 1970. */
const MAX_PID = 4194304;

/** Reads one line, without its line end. Never throws: what is no strace line is `malformed`, with the reason. */
export function parseLine(line: string): StraceLine {
  if (isChatter(line)) return { kind: "chatter" };
  const { head, at } = parseHead(line);
  const text = line;
  if (line.startsWith("+++ ", at)) return exitLine(head, line.slice(at));
  if (line.startsWith("--- ", at)) return signalLine(head, line.slice(at));
  if (line.startsWith("strace: ", at) || line.startsWith("Process ", at)) return { kind: "chatter" };
  RESUMED.lastIndex = at;
  const resumed = RESUMED.exec(line);
  if (resumed !== null) {
    return { kind: "resumed", head, name: shared(resumed[1]!), rest: line.slice(RESUMED.lastIndex) };
  }
  NAME.lastIndex = at;
  const called = NAME.exec(line);
  if (called === null) return { kind: "malformed", reason: "neither a call, a signal nor an exit" };
  const argsAt = NAME.lastIndex;
  const name = shared(called[1]!);
  const unfinished = line.endsWith("<unfinished ...>") ? UNFINISHED.exec(line) : null;
  if (unfinished !== null) {
    return { kind: "call", head, name, text: line.slice(0, unfinished.index), argsAt, unfinished: true };
  }
  if (resultAt(line) < 0) {
    return { kind: "malformed", reason: `the call of ${name} has no result; is the line cut short?` };
  }
  return { kind: "call", head, name, text, argsAt, unfinished: false };
}

/** What strace says besides: most lines begin with a number, as those of it don't. */
function isChatter(line: string): boolean {
  return !(isDigit(line.charCodeAt(0)) && !line.includes("strace: ")) && CHATTER.test(line);
}

function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39;
}

const CLOSE = 0x29;
const MINUS = 0x2d;
const QUESTION = 0x3f;

/** Whether a result begins there: a number, or `?`. */
function isResult(text: string, at: number): boolean {
  const code = text.charCodeAt(at);
  return isDigit(code) || code === QUESTION || code === MINUS && isDigit(text.charCodeAt(at + 1));
}

/** Index of the `)` before ` = result`, or -1. The last one counts: strings may hold the like of it. */
export function resultAt(text: string): number {
  for (let at = text.lastIndexOf(" = "); at > 0; at = text.lastIndexOf(" = ", at - 1)) {
    let close = at;
    while (text.charCodeAt(close) === 32) close--;
    if (text.charCodeAt(close) === CLOSE && isResult(text, at + 3)) return close;
  }
  return -1;
}

function parseHead(line: string): { readonly head: LineHead; readonly at: number } {
  let at = 0;
  while (line.charCodeAt(at) === 32) at++;
  let pid = 0;
  let comm: string | undefined;
  PID.lastIndex = at;
  const who = PID.exec(line);
  if (who !== null && Number(who[1] ?? who[3]) <= MAX_PID) {
    pid = Number(who[1] ?? who[3]);
    comm = who[2] ?? who[4];
    at = PID.lastIndex;
  }
  let time = NaN;
  let clock: ClockKind = "none";
  for (const [kind, pattern] of STAMPS) {
    pattern.lastIndex = at;
    const stamp = pattern.exec(line);
    if (stamp === null) continue;
    at = pattern.lastIndex;
    clock = kind;
    time = kind === "day"
      ? nanoseconds(Number(stamp[1]) * 3600 + Number(stamp[2]) * 60 + Number(stamp[3]), stamp[4])
      : nanoseconds(Number(stamp[1]), stamp[2]);
    break;
  }
  BRACKETS.lastIndex = at;
  if (BRACKETS.exec(line) !== null) at = BRACKETS.lastIndex;
  return { head: comm === undefined ? { pid, time, clock } : { pid, comm, time, clock }, at };
}

/**
 * Seconds since 1970 in nanoseconds pass 2^53, so the time of a line counts from the start of its 10^6 seconds (11
 * days); `epochBase` gives what was left out.
 */
function nanoseconds(seconds: number, fraction: string | undefined): number {
  return (seconds % 1_000_000) * 1e9 + (fraction === undefined ? 0 : Number(fraction.padEnd(9, "0")));
}

/** Seconds since 1970 that `LineHead.time` leaves out, for a line with an epoch stamp; 0 for others. */
export function epochBase(line: string): number {
  const stamp = /(?:^|\s)([0-9]{7,})(?:\.[0-9]+)?\s/.exec(line);
  return stamp === null ? 0 : Math.floor(Number(stamp[1]) / 1_000_000) * 1_000_000;
}

function exitLine(head: LineHead, text: string): StraceLine {
  const exited = /^\+\+\+ exited with ([0-9]+) \+\+\+$/.exec(text);
  if (exited !== null) return { kind: "exited", head, status: Number(exited[1]) };
  const killed = /^\+\+\+ killed by (SIG[A-Z0-9_+]+)( \(core dumped\))? \+\+\+$/.exec(text);
  if (killed !== null) {
    return { kind: "killed", head, signal: killed[1]!, coreDumped: killed[2] !== undefined };
  }
  const superseded = /^\+\+\+ superseded by execve in pid ([0-9]+) \+\+\+$/.exec(text);
  if (superseded !== null) return { kind: "superseded", head, by: Number(superseded[1]) };
  return { kind: "malformed", reason: "an end of a process in a form that is not known" };
}

function signalLine(head: LineHead, text: string): StraceLine {
  const stopped = /^--- stopped by (SIG[A-Z0-9_+]+) ---$/.exec(text);
  if (stopped !== null) return { kind: "stopped", head, signal: stopped[1]! };
  const signal = /^--- (SIG[A-Z0-9_+]+) (.*) ---$/.exec(text);
  if (signal !== null) return { kind: "signal", head, signal: signal[1]!, text: signal[2]! };
  return { kind: "malformed", reason: "a signal in a form that is not known" };
}
