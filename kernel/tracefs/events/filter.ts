/**
 * Event filters: `flags == 0x8000 && comm ~ "ca*"`.
 *
 * @module
 */

import { globMatcher } from "../../../image/glob.ts";
import type { ErrorLog } from "../error_log.ts";
import type { EventCall, RecordReader } from "./call.ts";
import {
  FILTER_ERRORS,
  type FilterRefusal,
  type FilterStep,
  parseFilter,
  type Predicate,
} from "./filter_parse.ts";

/** What a filter asks beside the record. */
export interface FilterContext {
  readonly cpu: number;
  readonly comm: string;
  /** A NUL-terminated string of kernel memory; null where it can't be read. */
  readString(address: bigint): string | null;
}

/** Where a refusal is logged. */
export type FilterLog = Pick<ErrorLog, "add">;

/** A filter that was accepted: tells of a record whether it passes. */
export type RecordTest = (record: RecordReader, context: FilterContext) => boolean;

/** What a `filter` file was given: its text, and the test if it was accepted. */
export interface EventFilter {
  /** As the file shows it, errors included. */
  readonly text: string;
  readonly test: RecordTest | null;
  /** 0 or -errno. */
  readonly errno: number;
}

/** `create_filter`: compiles a filter for an event; what is wrong with it goes to the log, if any, and into its text. */
export function createFilter(text: string, call: EventCall, log: FilterLog | null): EventFilter {
  const parsed = parseFilter(text, call);
  if ("refusal" in parsed) {
    return {
      text: refusedFilterText(text, parsed.refusal, log),
      test: null,
      errno: parsed.refusal.errno,
    };
  }
  return { text, test: compile(parsed.steps), errno: 0 };
}

/** `append_filter_err`: the text with a caret and the message below it. */
export function refusedFilterText(text: string, refusal: FilterRefusal, log: FilterLog | null): string {
  if (refusal.error === null) {
    log?.add("event filter parse error", FILTER_ERRORS.ERRNO, text, 0);
    return `${text}\nError: (0)\n`;
  }
  const message = FILTER_ERRORS[refusal.error];
  log?.add("event filter parse error", message, text, refusal.position);
  // The kernel's caret is one column off behind the first.
  const position = Math.min(refusal.position, text.length);
  const caret = "^".padStart(position === 0 ? 0 : position + 1);
  return `${text}\n${caret}\nparse_error: ${message}\n`;
}

function compile(steps: readonly FilterStep[]): RecordTest {
  const tests = steps.map(({ predicate }) => predicate === null ? null : predicateTest(predicate));
  return (record, context) => {
    for (let i = 0;; i++) {
      const step = steps[i];
      const test = tests[i];
      if (step === undefined) return false;
      if (test === null || test === undefined) return step.target === 1;
      if (test(record, context) === step.branch) i = step.target;
    }
  };
}

function predicateTest(predicate: Predicate): RecordTest {
  const { operand } = predicate;
  return typeof operand === "string" ? stringTest(predicate, operand) : numberTest(predicate, operand);
}

function stringTest(predicate: Predicate, operand: string): RecordTest {
  const { field, kind, op } = predicate;
  let invert = op === "!=";
  let wanted = operand;
  if (op === "~" && wanted.startsWith("!")) {
    invert = true;
    wanted = wanted.slice(1);
  }
  const matches = op === "~" ? globMatcher(wanted) : (text: string) => text === wanted;
  return (record, context) => {
    let text: string | null;
    if (kind === "comm") text = context.comm;
    else if (kind === "pointer") text = context.readString(record.loadBig(field.offset, field.size, false));
    else text = record.str(field.offset, field.size, kind === "dynamic");
    // What can't be read matches nothing, not even a negation.
    return text !== null && matches(text) !== invert;
  };
}

function numberTest(predicate: Predicate, operand: bigint): RecordTest {
  const { field, kind, op } = predicate;
  const { size, signed, offset } = field;
  const bits = size === 1 || size === 2 || size === 4 ? size * 8 : 64;
  // The operand is cut to the field's type, as a C cast does.
  const wanted = signed ? BigInt.asIntN(bits, operand) : BigInt.asUintN(bits, operand);
  const value = (record: RecordReader, context: FilterContext): bigint =>
    kind === "cpu" ? BigInt(context.cpu) : record.loadBig(offset, bits / 8, signed);
  switch (op) {
    case "==":
      return (record, context) => value(record, context) === wanted;
    case "!=":
      return (record, context) => value(record, context) !== wanted;
    case "<":
      return (record, context) => value(record, context) < wanted;
    case "<=":
      return (record, context) => value(record, context) <= wanted;
    case ">":
      return (record, context) => value(record, context) > wanted;
    case ">=":
      return (record, context) => value(record, context) >= wanted;
    default:
      return (record, context) => (value(record, context) & wanted) !== 0n;
  }
}
