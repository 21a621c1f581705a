/**
 * Reads an event filter: `predicate_parse` and `parse_pred` of the kernel, with its errors and where it sees them.
 *
 * @module
 */

import type { TracepointField } from "../../../image/model.ts";
import { EINVAL, EPERM } from "../../syscalls/errno.ts";
import { isErrno, kstrtol, kstrtoul } from "../probe_events/kstrto.ts";
import { type EventCall, type FieldKind, fieldKind } from "./call.ts";

/** Longest operand in quotes, and longest number. */
const MAX_FILTER_STR_VAL = 256;
const MAX_NUMBER = 24;
/** Not 0, so that a failing count of parentheses can be told from a count. */
const TOO_MANY_CLOSE = -1;
const TOO_MANY_OPEN = -2;
const MISSING_QUOTE = -3;

/** Texts of the kernel's filter errors. */
export const FILTER_ERRORS = {
  INVALID_OP: "Invalid operator",
  TOO_MANY_OPEN: "Too many '('",
  TOO_MANY_CLOSE: "Too few '('",
  MISSING_QUOTE: "Missing matching quote",
  OPERAND_TOO_LONG: "Operand too long",
  EXPECT_STRING: "Expecting string field",
  EXPECT_DIGIT: "Expecting numeric field",
  ILLEGAL_FIELD_OP: "Illegal operation for field type",
  FIELD_NOT_FOUND: "Field not found",
  ILLEGAL_INTVAL: "Illegal integer value",
  BAD_SUBSYS_FILTER: "Couldn't find or set field in one of a subsystem's events",
  TOO_MANY_PREDS: "Too many terms in predicate expression",
  INVALID_VALUE: "Invalid value (did you forget quotes)?",
  ERRNO: "Error",
  NO_FILTER: "No filter found",
  MEANINGLESS: "Meaningless filter expression",
} as const;

/** An error's name in the kernel. */
export type FilterErrorName = keyof typeof FILTER_ERRORS;

/** Why a filter is refused. */
export interface FilterRefusal {
  /** Negative. */
  readonly errno: number;
  /** Null where the kernel gives only a number. */
  readonly error: FilterErrorName | null;
  /** Characters into the filter. */
  readonly position: number;
}

const OPERATORS = ["~", "!=", "==", "<=", "<", ">=", ">", "&"] as const;

/** Which comparison a predicate does. */
export type FilterOperator = (typeof OPERATORS)[number];

/** One comparison. */
export interface Predicate {
  readonly field: TracepointField;
  readonly kind: FieldKind;
  readonly op: FilterOperator;
  readonly operand: bigint | string;
}

/** One step: goes to the step behind `target` where the predicate gives `branch`, else to the next. */
export interface FilterStep {
  readonly predicate: Predicate | null;
  branch: boolean;
  /** Of the last two steps, which have no predicate: the result. */
  target: number;
}

/** A filter's program, or why there is none. */
export type ParsedFilter = { readonly steps: readonly FilterStep[] } | { readonly refusal: FilterRefusal };

interface Counted {
  readonly parentheses: number;
  readonly predicates: number;
}

const INVERT = 1;
const PROCESS_AND = 2;
const PROCESS_OR = 4;

/** Compiles a filter for an event. */
export function parseFilter(text: string, call: EventCall): ParsedFilter {
  const counted = countTerms(text);
  if ("refusal" in counted) return counted;
  if (counted.predicates === 0) return refuse(-EINVAL, null, 0);
  return parsePredicates(text, counted, call);
}

/** `calc_stack`. */
function countTerms(text: string): Counted | { readonly refusal: FilterRefusal } {
  let inPredicate = false;
  let predicates = 0;
  let open = 1;
  let most = 1;
  let quote = "";
  let lastQuote = 0;
  for (let i = 0; i < text.length; i++) {
    const c = text.charAt(i);
    if (isSpace(c)) continue;
    if (quote !== "") {
      if (c === quote) quote = "";
      continue;
    }
    if (c === "'" || c === '"') {
      quote = c;
      lastQuote = i;
    } else if (c === "|" || c === "&") {
      if (text.charAt(i + 1) === c) {
        inPredicate = false;
        continue;
      }
    } else if (c === "(" || c === ")") {
      inPredicate = false;
      if (c === "(") most = Math.max(most, ++open);
      else if (open-- === 1) return refuse(TOO_MANY_CLOSE, "TOO_MANY_CLOSE", i);
      continue;
    }
    if (!inPredicate) {
      predicates++;
      inPredicate = true;
    }
  }
  if (quote !== "") return refuse(MISSING_QUOTE, "MISSING_QUOTE", lastQuote);
  if (open !== 1) return refuse(TOO_MANY_OPEN, "TOO_MANY_OPEN", badOpen(text, open));
  return { parentheses: most, predicates };
}

/** Searches backwards for the parenthesis that nothing closes. */
function badOpen(text: string, open: number): number {
  let level = open;
  let quote = "";
  for (let i = text.length - 1; i > 0; i--) {
    const c = text.charAt(i);
    if (quote !== "") {
      if (c === quote) quote = "";
    } else if (c === "(") {
      if (level === open) return i;
      level--;
    } else if (c === ")") {
      level++;
    } else if (c === "'" || c === '"') {
      quote = c;
    }
  }
  return 0;
}

/** `predicate_parse`: a program in which each step branches past those that can't matter any more. */
function parsePredicates(text: string, counted: Counted, call: EventCall): ParsedFilter {
  const steps: FilterStep[] = [];
  const inverts: boolean[] = [];
  const stack = [0];
  let invert = 0;
  let at = 0;
  while (at < text.length) {
    const next = at++;
    const c = text.charAt(next);
    if (isSpace(c)) continue;
    if (c === "(") {
      if (stack.length - 1 > counted.parentheses) return refuse(-EINVAL, null, 0);
      stack.push(invert);
      continue;
    }
    if (c === "!" && text.charAt(next + 1) !== "=" && text.charAt(next + 1) !== "~") {
      invert ^= INVERT;
      continue;
    }
    if (steps.length >= counted.predicates) return refuse(-EINVAL, "TOO_MANY_PREDS", next);
    const parsed = parsePredicate(text, next, call);
    if ("refusal" in parsed) return parsed;
    inverts.push(invert !== 0);
    steps.push({ predicate: parsed.predicate, branch: false, target: steps.length - 1 });
    at = parsed.end;
    const last = steps.length - 1;
    for (;;) {
      const place = at++;
      const operator = text.charAt(place);
      if (isSpace(operator)) continue;
      if (operator === "&" || operator === "|") {
        if (text.charAt(place + 1) !== operator) return refuse(-EPERM, "TOO_MANY_PREDS", place);
        at++;
      } else if (operator !== ")" && operator !== "") {
        return refuse(-EPERM, "TOO_MANY_PREDS", place);
      }
      const top = stack.length - 1;
      const state = stack[top] ?? 0;
      invert = state & INVERT;
      if ((state & PROCESS_AND) !== 0) {
        updateSteps(steps, last, invert !== 0);
        stack[top] = (stack[top] ?? 0) & ~PROCESS_AND;
      }
      if (operator === "&") {
        stack[top] = (stack[top] ?? 0) | PROCESS_AND;
        break;
      }
      if ((state & PROCESS_OR) !== 0) {
        updateSteps(steps, last, invert === 0);
        stack[top] = (stack[top] ?? 0) & ~PROCESS_OR;
      }
      if (operator === "|") {
        stack[top] = (stack[top] ?? 0) | PROCESS_OR;
        break;
      }
      if (operator === "") return finish(text, steps, inverts, stack, at);
      if (top === 0) return refuse(-EPERM, "TOO_MANY_CLOSE", at);
      stack.pop();
    }
  }
  // An operator stands last: its step would lead nowhere.
  if (stack.length === 1 && steps.length > 0) return refuse(-EINVAL, "MEANINGLESS", text.length);
  return finish(text, steps, inverts, stack, at);
}

/** Threads the branches of the steps together: `update_preds`. */
function updateSteps(steps: FilterStep[], last: number, invert: boolean): void {
  const step = steps[last];
  const target = steps[step?.target ?? -1];
  if (step === undefined || target === undefined) return;
  step.target = target.target;
  target.branch = invert;
  target.target = last;
}

function finish(
  text: string,
  steps: FilterStep[],
  inverts: readonly boolean[],
  stack: readonly number[],
  at: number,
): ParsedFilter {
  if (stack.length > 1) return refuse(-EINVAL, "TOO_MANY_OPEN", Math.min(at, text.length));
  const count = steps.length;
  const last = steps[count - 1];
  if (last === undefined) return refuse(-EINVAL, "NO_FILTER", Math.min(at, text.length));
  steps.push({ predicate: null, branch: false, target: 1 }, { predicate: null, branch: false, target: 0 });
  last.target = count;
  last.branch = false;
  for (let i = count - 2; i >= 0; i--) {
    const step = steps[i] as FilterStep;
    const target = steps[step.target] as FilterStep;
    if (step.branch === target.branch) step.target = target.target;
  }
  for (let i = 0; i < count; i++) {
    const step = steps[i] as FilterStep;
    step.branch = (inverts[i] ?? false) !== step.branch;
  }
  return { steps };
}

type ParsedPredicate =
  | { readonly predicate: Predicate; readonly end: number }
  | { readonly refusal: FilterRefusal };

/** `parse_pred`, at `start`. The kernel counts positions from behind the first character. */
function parsePredicate(text: string, start: number, call: EventCall): ParsedPredicate {
  const refuseAt = (error: FilterErrorName, at: number, errno = -EINVAL) => refuse(errno, error, at + 1);
  let i = start + spaces(text, start);
  const name = /^[A-Za-z0-9_]*/.exec(text.slice(i))?.[0] ?? "";
  if (name === "") return refuse(-EPERM, null, 0);
  i += name.length;
  const found = findField(call, name);
  if (found === undefined) return refuseAt("FIELD_NOT_FOUND", i);
  const { field, kind } = found;
  if (text.startsWith(".ustring", i)) i += 8;
  i += spaces(text, i);
  const op = OPERATORS.find((o) => text.startsWith(o, i));
  if (op === undefined) return refuseAt("INVALID_OP", i);
  i += op.length;
  i += spaces(text, i);
  const c = text.charAt(i);
  if (c === '"' || c === "'") {
    if (op !== "~" && op !== "==" && op !== "!=") return refuseAt("ILLEGAL_FIELD_OP", i);
    if (kind === "number" || kind === "cpu") return refuseAt("EXPECT_DIGIT", i);
    const end = text.indexOf(c, i + 1);
    if (end < 0) return refuseAt("MISSING_QUOTE", text.length);
    const operand = text.slice(i + 1, end);
    if (operand.length >= MAX_FILTER_STR_VAL) return refuseAt("OPERAND_TOO_LONG", end);
    return { predicate: { field, kind, op, operand }, end: end + 1 };
  }
  if (!/^-?[0-9]/.test(text.slice(i)) && c !== "-") return refuseAt("INVALID_VALUE", i);
  if (kind !== "number" && kind !== "cpu") return refuseAt("EXPECT_STRING", i);
  if (op === "~") return refuseAt("ILLEGAL_FIELD_OP", i);
  const digits = /^-?[A-Za-z0-9]*/.exec(text.slice(i))?.[0] ?? "";
  const end = i + digits.length;
  if (digits.length >= MAX_NUMBER) return refuseAt("OPERAND_TOO_LONG", end);
  const operand = field.signed ? kstrtol(digits, 0, 64) : kstrtoul(digits, 0, 64);
  if (isErrno(operand)) return refuseAt("ILLEGAL_INTVAL", i);
  return { predicate: { field, kind, op, operand }, end };
}

/** `trace_find_event_field`: the event's own, then those that every event has. */
function findField(
  call: EventCall,
  name: string,
): { readonly field: TracepointField; readonly kind: FieldKind } | undefined {
  const own = call.fields.find((field) => field.name === name);
  if (own !== undefined) return { field: own, kind: fieldKind(own) };
  if (name === "cpu" || name === "CPU") {
    return { field: { name, type: "int", offset: 0, size: 4, signed: true }, kind: "cpu" };
  }
  if (name === "comm" || name === "COMM") {
    return { field: { name, type: "char *", offset: 0, size: 0, signed: false }, kind: "comm" };
  }
  const common = call.common.find((field) => field.name === name);
  return common === undefined ? undefined : { field: common, kind: "number" };
}

function spaces(text: string, at: number): number {
  let i = at;
  while (i < text.length && isSpace(text.charAt(i))) i++;
  return i - at;
}

function isSpace(c: string): boolean {
  return c === " " || (c >= "\t" && c <= "\r");
}

function refuse(
  errno: number,
  error: FilterErrorName | null,
  position: number,
): { readonly refusal: FilterRefusal } {
  return { refusal: { errno, error, position } };
}
