/**
 * Which modeled system call stands for which recorded one: the recordings that are compared are of two runs, so a task
 * may have made a few more or less.
 *
 * @module
 */

import type { CallTree } from "../compile_shapes/call_tree.ts";
import type { TaskCalls } from "./system_calls.ts";

/** A recorded call and the modeled one in its place; either may be missing. */
export interface Pair {
  readonly recorded: CallTree | undefined;
  readonly modeled: CallTree | undefined;
}

/** Beyond this many cells of the table, what the sequences do not share at both ends is paired by name in order. */
const MAX_CELLS = 16e6;

/** Pairs the calls of tasks, first with first. */
export function pairTasks(recorded: readonly TaskCalls[], modeled: readonly TaskCalls[]): Pair[] {
  const count = Math.max(recorded.length, modeled.length);
  return Array.from(
    { length: count },
    (_, i) => pairCalls(recorded[i]?.calls ?? [], modeled[i]?.calls ?? []),
  ).flat();
}

/** Pairs two sequences by the longest one that both contain. */
export function pairCalls(recorded: readonly CallTree[], modeled: readonly CallTree[]): Pair[] {
  const pairs: Pair[] = [];
  let start = 0;
  while (start < recorded.length && start < modeled.length && recorded[start]?.fn === modeled[start]?.fn) {
    pairs.push({ recorded: recorded[start], modeled: modeled[start] });
    start++;
  }
  let endA = recorded.length;
  let endB = modeled.length;
  const tail: Pair[] = [];
  while (endA > start && endB > start && recorded[endA - 1]?.fn === modeled[endB - 1]?.fn) {
    tail.push({ recorded: recorded[--endA], modeled: modeled[--endB] });
  }
  pairs.push(...longest(recorded.slice(start, endA), modeled.slice(start, endB)));
  return [...pairs, ...tail.reverse()];
}

function longest(a: readonly CallTree[], b: readonly CallTree[]): Pair[] {
  const width = b.length + 1;
  const pairs: Pair[] = [];
  let i = 0;
  let j = 0;
  if ((a.length + 1) * width <= MAX_CELLS) {
    const lengths = new Uint32Array((a.length + 1) * width);
    const at = (i: number, j: number) => lengths[i * width + j] ?? 0;
    for (let i = a.length - 1; i >= 0; i--) {
      for (let j = b.length - 1; j >= 0; j--) {
        lengths[i * width + j] = a[i]?.fn === b[j]?.fn
          ? at(i + 1, j + 1) + 1
          : Math.max(at(i + 1, j), at(i, j + 1));
      }
    }
    while (i < a.length && j < b.length) {
      if (a[i]?.fn === b[j]?.fn) pairs.push({ recorded: a[i++], modeled: b[j++] });
      else if (at(i + 1, j) >= at(i, j + 1)) pairs.push({ recorded: a[i++], modeled: undefined });
      else pairs.push({ recorded: undefined, modeled: b[j++] });
    }
  } else {
    for (; i < a.length && j < b.length; i++) {
      const match = b.findIndex((call, at) => at >= j && call.fn === a[i]?.fn);
      if (match < 0) pairs.push({ recorded: a[i], modeled: undefined });
      else {
        for (; j < match; j++) pairs.push({ recorded: undefined, modeled: b[j] });
        pairs.push({ recorded: a[i], modeled: b[j++] });
      }
    }
  }
  for (; i < a.length; i++) pairs.push({ recorded: a[i], modeled: undefined });
  for (; j < b.length; j++) pairs.push({ recorded: undefined, modeled: b[j] });
  return pairs;
}
