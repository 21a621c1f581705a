/**
 * Which modeled system call stands for which recorded one: the recordings that are compared are of two runs, so a task
 * may have made a few more or less.
 *
 * @module
 */

import { longestCommon } from "../compile_shapes/common_sequence.ts";
import type { CallTree } from "../compile_shapes/call_tree.ts";
import type { TaskCalls } from "./system_calls.ts";

/** A recorded call and the modeled one in its place; either may be missing. */
export interface Pair {
  readonly recorded: CallTree | undefined;
  readonly modeled: CallTree | undefined;
}

/** Pairs the calls of tasks, first with first. */
export function pairTasks(recorded: readonly TaskCalls[], modeled: readonly TaskCalls[]): Pair[] {
  const count = Math.max(recorded.length, modeled.length);
  return Array.from(
    { length: count },
    (_, i) => pairCalls(recorded[i]?.calls ?? [], modeled[i]?.calls ?? []),
  ).flat();
}

/** Pairs two sequences by the longest one that both contain; what is left stands alone. */
export function pairCalls(recorded: readonly CallTree[], modeled: readonly CallTree[]): Pair[] {
  const pairs: Pair[] = [];
  let i = 0;
  let j = 0;
  const alone = (endI: number, endJ: number) => {
    for (; i < endI; i++) pairs.push({ recorded: recorded[i], modeled: undefined });
    for (; j < endJ; j++) pairs.push({ recorded: undefined, modeled: modeled[j] });
  };
  for (const [a, b] of longestCommon(recorded, modeled)) {
    alone(recorded.indexOf(a, i), modeled.indexOf(b, j));
    pairs.push({ recorded: a, modeled: b });
    i++;
    j++;
  }
  alone(recorded.length, modeled.length);
  return pairs;
}
