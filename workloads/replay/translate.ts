/**
 * A recorded call onto the system call table of the architecture that replays it: `open` becomes `openat` on arm64,
 * `mmap` becomes `mmap2` on i386, 64-bit offsets take two registers there.
 *
 * @module
 */

import type { Arch } from "../../image/model.ts";
import { number } from "./build_value.ts";
import { futexArguments } from "./futex_arguments.ts";
import type { RecordedCall, StraceResult } from "./record.ts";
import { rulesFor, type TranslationRule } from "./translation_rules.ts";
import type { StraceArgument, StraceValue } from "./value.ts";

/** What a recording replays on. */
export interface TranslationTarget {
  readonly arch: Arch;
  /** Whether its system call table has the name. */
  has(name: string): boolean;
}

/** A call as the target makes it. */
export interface TranslatedCall {
  readonly name: string;
  /** In the order of the target's argument registers. */
  readonly args: readonly StraceValue[];
  readonly result: StraceResult;
}

/**
 * i386 passes a 64-bit argument in two registers, low word first. Positions are those before any split; `preadv` and
 * its kin take two words on every architecture.
 */
const WIDE: ReadonlyMap<string, readonly number[]> = new Map(Object.entries<readonly number[]>({
  pread64: [3],
  pwrite64: [3],
  truncate64: [1],
  ftruncate64: [1],
  fadvise64: [1],
  fadvise64_64: [1, 2],
  fallocate: [2, 3],
  sync_file_range: [1, 2],
  readahead: [1],
  fanotify_mark: [2],
}));
const WIDE_EVERYWHERE: ReadonlyMap<string, readonly number[]> = new Map(Object.entries<readonly number[]>({
  preadv: [3],
  pwritev: [3],
  preadv2: [3],
  pwritev2: [3],
}));

const FUTEX = /^futex(_time64)?$/;

/** The call as `target` makes it, or null when its kernel has nothing of the kind. */
export function translate(call: RecordedCall, target: TranslationTarget): TranslatedCall | null {
  const rule = choiceOf(call.name, target);
  if (rule === "none") return null;
  const printed: StraceValue[] = [];
  for (let i = 0; i < call.args.length; i++) printed.push((call.args[i] as StraceArgument).value);
  const args = call.name.startsWith("futex") && FUTEX.test(call.name) ? futexArguments(printed) : printed;
  if (rule === "same") return split({ name: call.name, args, result: call.result }, target.arch);
  return split({ name: rule.name, args: rule.args(args, call), result: rule.result(call) }, target.arch);
}

/** Whether `target` makes a call as its program does: under its own name, with its arguments as they are. */
export function isDirect(call: string, target: TranslationTarget): boolean {
  return choiceOf(call, target) === "same" && wideOf(call, target.arch) === undefined;
}

/** How a target makes a recorded call: by a rule, as it is, or not at all. */
type Choice = (TranslationRule & { readonly name: string }) | "same" | "none";

/** Choices made, by the name of the recorded call. */
const chosen = new WeakMap<TranslationTarget, Map<string, Choice>>();

/** Those of the target that was asked about last. */
let lastTarget: TranslationTarget | null = null;
let lastChosen = new Map<string, Choice>();

function choiceOf(call: string, target: TranslationTarget): Choice {
  if (target !== lastTarget) {
    let own = chosen.get(target);
    if (own === undefined) chosen.set(target, own = new Map());
    lastTarget = target;
    lastChosen = own;
  }
  const known = lastChosen;
  let choice = known.get(call);
  if (choice === undefined) known.set(call, choice = choose(call, target));
  return choice;
}

function choose(name: string, target: TranslationTarget): Choice {
  const { forced, fallbacks } = rulesFor(name, target.arch);
  for (const rule of forced) {
    if (rule.name === null) return "none";
    if (target.has(rule.name)) return { ...rule, name: rule.name };
  }
  if (target.has(name)) return "same";
  for (const rule of fallbacks) {
    if (rule.name !== null && target.has(rule.name)) return { ...rule, name: rule.name };
  }
  return "none";
}

function split(call: TranslatedCall, arch: Arch): TranslatedCall {
  const wide = wideOf(call.name, arch);
  if (wide === undefined) return call;
  const args = call.args.flatMap((value, at) => {
    if (!wide.includes(at) || value.kind !== "number") return [value];
    return arch === "i386" ? halves(value.value) : [value, number(0)];
  });
  return { ...call, args };
}

function wideOf(name: string, arch: Arch): readonly number[] | undefined {
  return WIDE_EVERYWHERE.get(name) ?? (arch === "i386" ? WIDE.get(name) : undefined);
}

/** Low and high 32 bits of a 64-bit word, as two arguments. */
export function halves(value: number): readonly [low: StraceValue, high: StraceValue] {
  const high = Math.floor(value / 2 ** 32);
  return [number((value - high * 2 ** 32) | 0), number(high | 0)];
}
