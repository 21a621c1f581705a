/**
 * Resolved expressions: what the passes turn a graph's expressions into. Names have become argument words, offsets and
 * loads; every node has a type. Plain data, immutable.
 *
 * @module
 */

import type { FunctionName } from "./functions/names.ts";
import type { BinaryOperator, CallName, Span, StackMode } from "./nodes.ts";
import { allExpressions, innerStatements, ownExpressions, type StatementOf } from "./statements.ts";
import type { ValueType } from "./types.ts";

/** Methods of a hit that take no argument and give a value. */
export type HitBuiltin =
  | "pid"
  | "tid"
  | "uid"
  | "gid"
  | "comm"
  | "cpu"
  | "nsecs"
  | "elapsed"
  | "func"
  | "probe"
  | "retval"
  | "duration"
  | "curtask"
  | "registers"
  | "rand"
  | "usermode"
  | "probetype"
  | "ncpus"
  | "jiffies"
  | "cgroup"
  | "numaid";

/** Operators of C's integers; comparisons give a truth value. */
export type COperator = Exclude<BinaryOperator, ">>>" | "&&" | "||" | "??">;

/** A resolved expression. */
export type Ir =
  & (
    | { readonly op: "const"; readonly value: string | number | boolean | bigint | null }
    | { readonly op: "builtin"; readonly name: HitBuiltin; readonly exact?: boolean }
    /** Argument word `index`, signed. `exact`, here and below: 64 bits that may be a bigint. */
    | { readonly op: "word"; readonly index: number; readonly exact?: boolean }
    /** Two argument words, low one first, as one 64-bit integer (32-bit kernels). */
    | {
      readonly op: "words";
      readonly index: number;
      readonly signed: boolean;
      readonly what: string;
      readonly exact?: boolean;
    }
    | { readonly op: "reg"; readonly name: string; readonly exact?: boolean }
    /** Reads memory at `address + offset`. */
    | {
      readonly op: "load";
      readonly address: Ir;
      readonly offset: number;
      readonly size: number;
      readonly signed: boolean;
      readonly exact?: boolean;
    }
    /** Reads a bit-field of `bits` bits, the lowest at bit `shift` of the byte at `address + offset`. */
    | {
      readonly op: "bits";
      readonly address: Ir;
      readonly offset: number;
      readonly shift: number;
      readonly bits: number;
      readonly signed: boolean;
    }
    /** Reads the tracepoint's record at `offset + index * size`. */
    | {
      readonly op: "record";
      readonly offset: number;
      readonly size: number;
      readonly signed: boolean;
      readonly index: Ir | undefined;
      readonly exact?: boolean;
    }
    | { readonly op: "recordStr"; readonly offset: number; readonly size: number; readonly dynamic: boolean }
    /** Reads a string of at most `max` bytes at `address + offset`. */
    | { readonly op: "str"; readonly address: Ir; readonly offset: number; readonly max: Ir }
    /** `operand` cut to an integer of so many bytes. `what` names it in errors. */
    | {
      readonly op: "wrap";
      readonly operand: Ir;
      readonly size: number;
      readonly signed: boolean;
      readonly what: string;
      readonly exact?: boolean;
    }
    /** Bits `shift` to `shift + bits` of a word (a struct passed in a register). */
    | {
      readonly op: "slice";
      readonly operand: Ir;
      readonly shift: number;
      readonly bits: number;
      readonly signed: boolean;
    }
    /** An integer of 64 bits as an address. */
    | { readonly op: "near"; readonly operand: Ir }
    /** An address as an unsigned bigint. */
    | { readonly op: "exact"; readonly operand: Ir }
    /** An integer as a C truth value. */
    | { readonly op: "truth"; readonly operand: Ir }
    /** Address arithmetic: `address + offset + index * scale`. */
    | {
      readonly op: "address";
      readonly address: Ir;
      readonly offset: number;
      readonly index: Ir | undefined;
      readonly scale: number;
    }
    | { readonly op: "kstack" | "ustack"; readonly depth: number; readonly mode?: StackMode }
    | { readonly op: "unary"; readonly operator: "!" | "-" | "~" | "+"; readonly operand: Ir }
    | { readonly op: "binary"; readonly operator: BinaryOperator; readonly left: Ir; readonly right: Ir }
    | { readonly op: "cond"; readonly test: Ir; readonly then: Ir; readonly else: Ir }
    | { readonly op: "template"; readonly parts: readonly (string | Ir)[] }
    | { readonly op: "tuple"; readonly items: readonly Ir[] }
    | { readonly op: "charAt"; readonly base: Ir; readonly index: Ir }
    | { readonly op: "call"; readonly fn: CallName | FunctionName; readonly args: readonly Ir[] }
    /** C's arithmetic on 64-bit integers, signed or not; `operator` of two pointers or strings too. */
    | {
      readonly op: "c";
      readonly operator: COperator;
      readonly signed: boolean;
      readonly left: Ir;
      readonly right: Ir;
    }
    | { readonly op: "cNegate" | "cInvert"; readonly signed: boolean; readonly operand: Ir }
    | {
      readonly op: "fields";
      readonly fields: readonly { readonly name: string; readonly value: Ir }[];
    }
    /** A part of a tuple, or of a record by its position. */
    | { readonly op: "item"; readonly base: Ir; readonly index: number }
    | { readonly op: "mapGet"; readonly map: string; readonly key: readonly Ir[]; readonly zero: boolean }
    | { readonly op: "mapHas"; readonly map: string; readonly key: readonly Ir[] }
    | { readonly op: "mapLen"; readonly map: string }
    | { readonly op: "entry" }
    | { readonly op: "block"; readonly body: readonly IrStatement[] }
    | { readonly op: "local"; readonly name: string }
    | { readonly op: "opaque"; readonly fn: number; readonly source: string; readonly reason: string }
  )
  & { readonly type: ValueType; readonly span?: Span };

/** A resolved step of a probe. */
export type IrStep =
  | IrStatement
  | { readonly op: "filter"; readonly test: Ir }
  | { readonly op: "limit" | "sample"; readonly count: number }
  | { readonly op: "do"; readonly body: readonly IrStatement[] };

/** A resolved statement. */
export type IrStatement = StatementOf<Ir>;

/** The expressions directly inside one, in order of evaluation. */
export function children(ir: Ir): readonly Ir[] {
  switch (ir.op) {
    case "load":
    case "bits":
      return [ir.address];
    case "str":
      return [ir.address, ir.max];
    case "record":
      return ir.index === undefined ? [] : [ir.index];
    case "address":
      return ir.index === undefined ? [ir.address] : [ir.address, ir.index];
    case "wrap":
    case "slice":
    case "truth":
    case "near":
    case "exact":
    case "unary":
    case "cNegate":
    case "cInvert":
      return [ir.operand];
    case "binary":
    case "c":
      return [ir.left, ir.right];
    case "fields":
      return ir.fields.map((field) => field.value);
    case "item":
      return [ir.base];
    case "mapGet":
    case "mapHas":
      return ir.key;
    case "block":
      return ir.body.flatMap((statement) => allExpressions<Ir>(statement));
    case "cond":
      return [ir.test, ir.then, ir.else];
    case "template":
      return ir.parts.filter((part) => typeof part !== "string");
    case "tuple":
      return ir.items;
    case "charAt":
      return [ir.base, ir.index];
    case "call":
      return ir.args;
    default:
      return [];
  }
}

/** All expressions of a step, in order of evaluation. */
export function expressions(step: IrStep): readonly Ir[] {
  switch (step.op) {
    case "filter":
      return [step.test];
    case "limit":
    case "sample":
      return [];
    case "do":
      return step.body.flatMap((statement) => allExpressions<Ir>(statement));
    default:
      return allExpressions<Ir>(step);
  }
}

/** All statements of steps, those inside others and inside block expressions too, in order. */
export function statementsIn(steps: readonly IrStep[]): readonly IrStatement[] {
  return steps.flatMap((step): readonly IrStatement[] => {
    switch (step.op) {
      case "do":
        return step.body.flatMap(withInner);
      case "filter":
        return blocksIn(step.test);
      case "limit":
      case "sample":
        return [];
      default:
        return withInner(step);
    }
  });
}

function withInner(statement: IrStatement): readonly IrStatement[] {
  return [
    statement,
    ...ownExpressions<Ir>(statement).flatMap(blocksIn),
    ...innerStatements<Ir>(statement).flatMap((list) => list.flatMap(withInner)),
  ];
}

function blocksIn(ir: Ir): readonly IrStatement[] {
  return ir.op === "block" ? ir.body.flatMap(withInner) : children(ir).flatMap(blocksIn);
}
