/**
 * Parses recordings of kprobe events on entries and returns (`name: (name+0x0/size) a1=…`, `name: (place <- name) v=…`)
 * into call trees with values.
 *
 * @module
 */

import type { CallData } from "./call_tree.ts";
import { linesOf } from "./recording_text.ts";

const LINE =
  /^\s*\S.*?-(\d+)\s+\[\d+\]\s+(\S+)\s+[\d.]+: \S+: \((\S+?)(?:\+0x([0-9a-f]+))?(?:\/0x[0-9a-f]+)?(?:\s\[[^\]]*\])?(?: <- (\S+?)(?:\s\[[^\]]*\])?)?\)(.*)$/;
const VALUE = / (?:a\d+|v)=(0x[0-9a-f]+|-?\d+)/g;
/** How far a return looks for its entry when other returns were lost. */
const LOST_RETURNS = 40;

/** Calls of one task, in order. */
export interface TaskData {
  readonly task: string;
  readonly roots: CallData[];
}

/** Turns recorded words into the signed values of a function's arguments and result. */
export interface WordReader {
  /** The arguments of a call, given the words recorded at its entry; NaN for one that is not wholly in them. */
  arguments(fn: string, words: readonly number[]): number[];
  /** NaN for a function that returns nothing. */
  result(fn: string, word: number): number;
}

const SYSTEM_CALL = /^__(?:x64|ia32|arm64)_(?:compat_)?sys_/;
const SCHEDULER = /^(?:__)?(?:preempt_)?schedule/;

/** Call trees with values, per task in order of appearance. */
export function parseArgs(text: string, words: WordReader): TaskData[] {
  const tasks = new Map<string, { readonly data: TaskData; readonly stack: CallData[] }>();
  for (const line of linesOf(text)) {
    if (line.startsWith("#")) continue;
    const match = LINE.exec(line);
    if (match === null) continue;
    const [, pid = "", flags = "", first = "", offset, returned, rest = ""] = match;
    // Hard interrupts belong to no call: `h` and `H` in the third column of the flags.
    const context = flags[2];
    if (context === "h" || context === "H" || context === "z" || context === "Z") continue;
    let state = tasks.get(pid);
    if (state === undefined) {
      state = { data: { task: pid, roots: [] }, stack: [] };
      tasks.set(pid, state);
    }
    const { stack, data } = state;
    if (returned === undefined) {
      const call: CallData = {
        fn: first,
        args: argumentsIn(rest, first, words),
        result: NaN,
        place: undefined,
        calls: [],
      };
      // A system call begins in user space: a scheduler that is still open returned unseen.
      if (SYSTEM_CALL.test(first) && stack.some((open) => SCHEDULER.test(open.fn))) stack.length = 0;
      const parent = stack[stack.length - 1];
      if (parent === undefined) data.roots.push(call);
      else parent.calls.push(call);
      stack.push(call);
      continue;
    }
    let at = stack.length - 1;
    const lowest = Math.max(0, at - LOST_RETURNS);
    while (at >= lowest && stack[at]?.fn !== returned) at--;
    const call = at >= lowest ? stack[at] : undefined;
    if (call === undefined) continue;
    stack.length = at;
    VALUE.lastIndex = 0;
    const value = VALUE.exec(rest);
    if (value !== null) call.result = words.result(returned, wordOf(value[1] ?? "0"));
    if (offset !== undefined) call.place = { fn: first, offset: parseInt(offset, 16) };
  }
  return [...tasks.values()].map((state) => state.data);
}

function argumentsIn(text: string, fn: string, words: WordReader): number[] {
  const recorded: number[] = [];
  VALUE.lastIndex = 0;
  for (let m = VALUE.exec(text); m !== null; m = VALUE.exec(text)) recorded.push(wordOf(m[1] ?? "0"));
  return words.arguments(fn, recorded);
}

/** A recorded word: numbers as they are, 64-bit ones by their low 52 bits, signed, so that they stay exact. */
export function wordOf(text: string): number {
  if (!text.startsWith("0x") || text.length <= 14) return Number(text);
  const low = text.slice(-13);
  const value = parseInt(low, 16);
  return value >= 0x8000000000000 ? value - 0x10000000000000 : value;
}
