/**
 * Printed values to words: constants looked up, flags joined, `makedev(0x1, 0x3)` and the like computed. What isn't
 * known is NaN, "unknown" inside the model, and is noted; never a silent 0.
 *
 * @module
 */

import type { Arch } from "../../image/model.ts";
import { constantValue } from "./constants/mod.ts";
import { signalNumber } from "./constants/signals.ts";
import { type StraceArgument, type StraceValue, stringText } from "./value.ts";

/** Told of each thing that could not be given a value: `O_FANCY`, with the reason. */
export type NoteUnknown = (what: string, reason: string) => void;

/** Binding strength of C's operators, the strongest first. */
const LEVELS: readonly (readonly string[])[] = [["*", "%"], ["+", "-"], ["<<", ">>"], ["&"], ["|"]];

/** The word that `value` stands for on `arch`, NaN where nothing tells. Strings, structs and arrays have none. */
export function evaluate(value: StraceValue, arch: Arch, note: NoteUnknown): number {
  switch (value.kind) {
    case "number":
      if (Number.isNaN(value.value)) note(value.text, "it does not fit a double exactly");
      return value.value;
    case "null":
      return 0;
    case "name": {
      const known = constantValue(value.name, arch) ?? signalNumber(value.name);
      if (known === undefined) note(value.name, "no constant of that name is known");
      return known ?? NaN;
    }
    case "expression":
      if (areFlags(value.operators)) {
        let flags = 0;
        for (let i = 0; i < value.terms.length; i++) {
          flags = apply("|", flags, evaluate(value.terms[i] as StraceValue, arch, note));
        }
        return flags;
      }
      if (value.operators.includes("or")) return firstKnown(value.terms, arch, note);
      return reduce(value.terms.map((term) => evaluate(term, arch, note)), value.operators, value, note);
    case "unary": {
      const operand = evaluate(value.operand, arch, note);
      return value.operator === "~" ? -1 - operand : value.operator === "!" ? Number(operand === 0) : NaN;
    }
    case "call":
      return macro(value.name, value.args, arch, note);
    case "changed":
      return evaluate(value.before, arch, note);
    case "raw":
      note(value.text, "strace could not print it");
      return NaN;
    case "string":
    case "struct":
    case "array":
      return NaN;
  }
}

/** Whether all operators are `|`. */
function areFlags(operators: readonly string[]): boolean {
  for (let i = 0; i < operators.length; i++) if (operators[i] !== "|") return false;
  return true;
}

/** `BTRFS_IOC_CLONE or FICLONE`: names of one value. */
function firstKnown(terms: readonly StraceValue[], arch: Arch, note: NoteUnknown): number {
  const missed: (readonly [string, string])[] = [];
  for (const term of terms) {
    const value = evaluate(term, arch, (what, reason) => missed.push([what, reason]));
    if (!Number.isNaN(value)) return value;
  }
  for (const [what, reason] of missed) note(what, reason);
  return NaN;
}

function reduce(
  terms: readonly number[],
  operators: readonly string[],
  whole: StraceValue,
  note: NoteUnknown,
): number {
  const values = [...terms];
  const left = [...operators];
  for (const level of LEVELS) {
    for (let at = 0; at < left.length;) {
      if (!level.includes(left[at]!)) {
        at++;
        continue;
      }
      values.splice(at, 2, apply(left[at]!, values[at]!, values[at + 1]!));
      left.splice(at, 1);
    }
  }
  if (left.length > 0) {
    note(describe(whole), `the operator "${left[0]}" has no meaning in an argument`);
    return NaN;
  }
  return values[0]!;
}

function apply(operator: string, a: number, b: number): number {
  if (Number.isNaN(a) || Number.isNaN(b)) return NaN;
  if (operator === "|" && (a | 0) === a && (b | 0) === b && a >= 0 && b >= 0) return a | b;
  switch (operator) {
    case "*":
      return a * b;
    case "%":
      return a % b;
    case "+":
      return a + b;
    case "-":
      return a - b;
    case "<<":
      return a * 2 ** b;
    case ">>":
      return Math.floor(a / 2 ** b);
    default:
      break;
  }
  if (a >= 0 && b >= 0 && a < 2 ** 31 && b < 2 ** 31) return operator === "|" ? a | b : a & b;
  const word = operator === "|" ? BigInt(a) | BigInt(b) : BigInt(a) & BigInt(b);
  return Number(BigInt.asIntN(64, word));
}

/** The macros that strace prints in arguments. */
function macro(name: string, args: readonly StraceArgument[], arch: Arch, note: NoteUnknown): number {
  function argument(at: number): number {
    const value = args[at]?.value;
    return value === undefined ? NaN : evaluate(value, arch, note);
  }
  switch (name) {
    case "makedev":
      // As the kernel encodes it for user space (`new_encode_dev`).
      return (argument(1) & 0xff) + argument(0) * 256 + Math.floor(argument(1) / 256) * 2 ** 20;
    case "htons":
      return (argument(0) & 0xff) * 256 + (argument(0) >> 8);
    case "htonl":
      return swap32(argument(0));
    case "inet_addr": {
      const parts = (stringText(args[0]?.value) ?? "").split(".").map(Number);
      return parts.length === 4 ? parts.reduceRight((word, byte) => word * 256 + byte, 0) : NaN;
    }
    case "_IOC": {
      const direction = args[0] === undefined ? NaN : ioctlDirection(args[0].value);
      return direction * 2 ** 30 + argument(3) * 2 ** 16 + argument(1) * 256 + argument(2);
    }
    case "_IO":
      return argument(0) * 256 + argument(1);
    case "_IOR":
    case "_IOW":
    case "_IOWR": {
      const direction = { _IOR: 2, _IOW: 1, _IOWR: 3 }[name];
      return direction * 2 ** 30 + argument(2) * 2 ** 16 + argument(0) * 256 + argument(1);
    }
    case "QCMD":
      return argument(0) * 256 + argument(1);
    default:
      note(`${name}()`, "no macro of that name is known");
      return NaN;
  }
}

const IOCTL_DIRECTIONS: ReadonlyMap<string, number> = new Map([
  ["_IOC_NONE", 0],
  ["_IOC_WRITE", 1],
  ["_IOC_READ", 2],
]);

function ioctlDirection(value: StraceValue): number {
  const names = value.kind === "expression" ? value.terms : [value];
  let direction = 0;
  for (const term of names) {
    if (term.kind === "name") direction |= IOCTL_DIRECTIONS.get(term.name) ?? 0;
    if (term.kind === "number") direction |= term.value;
  }
  return direction;
}

function swap32(word: number): number {
  return ((word & 0xff) * 2 ** 24) + ((word >>> 8 & 0xff) << 16) + ((word >>> 16 & 0xff) << 8) +
    (word >>> 24);
}

function describe(value: StraceValue): string {
  return value.kind === "expression" ? value.operators.join(" ") : value.kind;
}
