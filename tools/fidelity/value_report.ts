/**
 * Arguments and results of a program, compared and printed.
 *
 * @module
 */

import { fullImage } from "../../image/load.ts";
import { parseArgs, type TaskData } from "../compile_shapes/args_trees.ts";
import { longestCommon } from "../compile_shapes/common_sequence.ts";
import type { CallData, TaskTrees } from "../compile_shapes/call_tree.ts";
import { PrototypeWords } from "../compile_shapes/words.ts";
import type { RecordedProgram } from "./programs.ts";
import { callName, isEntry, systemCalls } from "./system_calls.ts";
import { type FunctionValues, ValueComparison, type ValueScore } from "./values.ts";

/** One program's values. */
export interface ValueRow {
  readonly arch: string;
  readonly name: string;
  readonly total: ValueScore;
  readonly values: readonly FunctionValues[];
}

/** Functions listed without `--all`. */
const LISTED = 12;

/** Compares what a program's calls were given and returned; undefined where that was not recorded. */
export async function compareValues(
  program: RecordedProgram,
  modeled: readonly TaskTrees[],
): Promise<ValueRow | undefined> {
  const text = program.args();
  if (text === undefined) return undefined;
  const words = new PrototypeWords(await fullImage(program.arch));
  const data = parseArgs(text, words);
  const known = new Set<string>();
  for (const task of data) collect(task.roots, known);
  const comparison = new ValueComparison(words);
  const recorded = recordedCalls(data);
  systemCalls(modeled).forEach(({ calls }, i) => {
    for (const [a, b] of longestCommon(recorded[i] ?? [], calls)) comparison.compare(a, b, known);
  });
  return { arch: program.arch, name: program.name, total: comparison.total, values: comparison.values() };
}

/** System calls of each task, by pid, from the program's first `execve` on. */
function recordedCalls(tasks: readonly TaskData[]): CallData[][] {
  const lists = [...tasks].sort((a, b) => Number(a.task) - Number(b.task))
    .map((task) => task.roots.filter((root) => isEntry(root.fn))).filter((calls) => calls.length > 0);
  const first = lists[0];
  const exec = first?.findIndex((call) => callName(call.fn) === "execve") ?? -1;
  if (first !== undefined && exec > 0) first.splice(0, exec);
  return lists;
}

function collect(calls: readonly CallData[], into: Set<string>): void {
  for (const call of calls) {
    into.add(call.fn);
    collect(call.calls, into);
  }
}

/** The table, and the worst functions over all programs. */
export function valuesText(rows: readonly ValueRow[], all: boolean): string {
  let text = "arch   program                values    right  unknown  wrong\n";
  for (const arch of new Set(rows.map((row) => row.arch))) {
    const own = rows.filter((row) => row.arch === arch);
    for (const { name, total } of own) text += line(arch, name, total);
    if (own.length > 1) text += line(arch, "all", sum(own.map((row) => row.total)));
  }
  const worst = merged(rows).filter(({ score }) => score.wrong > 0);
  text += `\nmost wrong, with the first example (recorded, modeled)\n`;
  for (const { fn, value, score, example } of all ? worst : worst.slice(0, LISTED)) {
    const what = value === "result" ? "result" : `argument ${value + 1}`;
    text +=
      `  ${String(score.wrong).padStart(6)} of ${String(score.right + score.wrong).padEnd(6)} ${fn} ${what}` +
      `${example === undefined ? "" : `  ${example.map(number).join(", ")}`}\n`;
  }
  return text.trimEnd();
}

/** The same as JSON. */
export function valuesJson(rows: readonly ValueRow[]): string {
  return JSON.stringify(rows, null, 1);
}

function merged(rows: readonly ValueRow[]): FunctionValues[] {
  const byKey = new Map<string, FunctionValues>();
  for (const { values } of rows) {
    for (const { fn, value, score, example } of values) {
      const key = `${fn} ${value}`;
      const old = byKey.get(key);
      byKey.set(key, {
        ...{ fn, value, example: old?.example ?? example },
        score: old === undefined ? score : sum([old.score, score]),
      });
    }
  }
  return [...byKey.values()].sort((a, b) => b.score.wrong - a.score.wrong || (a.fn < b.fn ? -1 : 1));
}

function sum(scores: readonly ValueScore[]): ValueScore {
  const total = { right: 0, unknown: 0, wrong: 0 };
  for (const { right, unknown, wrong } of scores) {
    total.right += right;
    total.unknown += unknown;
    total.wrong += wrong;
  }
  return total;
}

function line(arch: string, name: string, { right, unknown, wrong }: ValueScore): string {
  const all = right + unknown + wrong;
  const share = (count: number) => `${(all === 0 ? 0 : (100 * count) / all).toFixed(1)} %`.padStart(7);
  return `${arch.padEnd(7)}${name.padEnd(22)}${String(all).padStart(7)}  ${share(right)}  ${share(unknown)} ${
    share(wrong)
  }\n`;
}

function number(value: number): string {
  return Math.abs(value) < 0x10000
    ? String(value)
    : `0x${(value < 0 ? value + 2 ** 52 : value).toString(16)}`;
}
