/**
 * How near the model's arguments and results come to recorded ones: call by call, numbers by value, pointers by which
 * object they point to.
 *
 * @module
 */

import { longestCommon } from "../compile_shapes/common_sequence.ts";
import type { CallData, CallTree } from "../compile_shapes/call_tree.ts";
import type { PrototypeWords, ValueType } from "../compile_shapes/words.ts";
import { Objects } from "./objects.ts";

/** Counts of compared values. */
export interface ValueScore {
  right: number;
  /** Nothing in the model determines them. */
  unknown: number;
  wrong: number;
}

/** What one argument (from 0) or the result ("result") of a function scores. */
export interface FunctionValues {
  readonly fn: string;
  readonly value: number | "result";
  readonly score: ValueScore;
  /** The first wrong one: recorded, modeled. */
  example: readonly [number, number] | undefined;
}

/** From here on a number is an address or as good as: it may differ from run to run, but is the same again. */
const LARGE = 0x10000;
/** Parameters whose values are other ones in each run. */
const RUN_SPECIFIC =
  /pid|tid|hash|seq|cookie|time|jiffies|delta|now|clock|ino$|^nr$|rnd|random|^id$|load|weight|runtime|expires|period|slice/;
/** Functions that return such. */
const RUN_SPECIFIC_RESULT =
  /pid|ktime|clock|time|jiffies|hash|random|rnd|cookie|_nr_ns|kernel_clone|avg|load|ino|csum|_isn|secure_/;

/** Compares the values of one program's calls. */
export class ValueComparison {
  readonly total: ValueScore = { right: 0, unknown: 0, wrong: 0 };
  readonly #words: PrototypeWords;
  readonly #byValue = new Map<string, FunctionValues>();

  constructor(words: PrototypeWords) {
    this.#words = words;
  }

  /** By function and value, the most wrong first. */
  values(): readonly FunctionValues[] {
    return [...this.#byValue.values()].sort((a, b) =>
      b.score.wrong - a.score.wrong || b.score.unknown - a.score.unknown || (a.fn < b.fn ? -1 : 1)
    );
  }

  /** Compares a system call. `known`: functions whose values were recorded. */
  compare(recorded: CallData, modeled: CallTree, known: ReadonlySet<string>): void {
    this.#call(recorded, modeled, known, new Objects());
  }

  #call(recorded: CallData, modeled: CallTree, known: ReadonlySet<string>, objects: Objects): void {
    const { fn } = recorded;
    const data = modeled.data;
    recorded.args.forEach((value, i) => {
      if (RUN_SPECIFIC.test(this.#words.paramName(fn, i) ?? "")) return;
      this.#value(fn, i, value, data?.args[i] ?? NaN, this.#words.param(fn, i), objects);
    });
    const inside: CallTree[] = [];
    probed(modeled.calls, known, inside);
    for (const [a, b] of longestCommon(recorded.calls, inside)) this.#call(a, b, known, objects);
    if (this.#words.isVoid(fn) || RUN_SPECIFIC_RESULT.test(fn)) return;
    this.#value(fn, "result", recorded.result, data?.result ?? NaN, this.#words.returned(fn), objects);
  }

  #value(
    fn: string,
    value: number | "result",
    recorded: number,
    modeled: number,
    type: ValueType | undefined,
    objects: Objects,
  ): void {
    if (recorded !== recorded) return;
    const key = `${fn} ${value}`;
    let entry = this.#byValue.get(key);
    if (entry === undefined) {
      entry = { fn, value, score: { right: 0, unknown: 0, wrong: 0 }, example: undefined };
      this.#byValue.set(key, entry);
    }
    const verdict = modeled !== modeled
      ? "unknown"
      : same(recorded, narrowed(modeled, type), type, objects)
      ? "right"
      : "wrong";
    entry.score[verdict]++;
    this.total[verdict]++;
    if (verdict === "wrong") entry.example ??= [recorded, modeled];
  }
}

/** Whether two values agree: small numbers are equal, others name the same thing each time. */
function same(recorded: number, modeled: number, type: ValueType | undefined, objects: Objects): boolean {
  if (recorded === modeled) return true;
  const small = (value: number) => Math.abs(value) < LARGE;
  if (small(recorded) || small(modeled)) return false;
  return type?.pointee === undefined && type !== undefined && type.size < 4
    ? false
    : objects.agree(recorded, modeled);
}

/** The model's value as the recording has it: cut to its type. */
function narrowed(value: number, type: ValueType | undefined): number {
  if (type === undefined || type.size >= 8) return value;
  if (type.size === 4) return type.signed ? value | 0 : value >>> 0;
  const bits = 8 * (4 - type.size);
  return type.signed ? (value << bits) >> bits : (value << bits) >>> bits;
}

/** The probed calls below: functions that were not probed are looked through. */
function probed(trees: readonly CallTree[], known: ReadonlySet<string>, into: CallTree[]): void {
  for (const tree of trees) {
    if (known.has(tree.fn)) into.push(tree);
    else probed(tree.calls, known, into);
  }
}
