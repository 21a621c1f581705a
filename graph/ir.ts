/**
 * Resolved expressions: what the passes turn a graph's expressions into. Names have become argument words, offsets and
 * loads; every node has a type. Plain data, immutable.
 *
 * @module
 */

import type { BinaryOperator, CallName, Span } from "./nodes.ts";
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
  | "registers";

/** A resolved expression. */
export type Ir =
  & (
    | { readonly op: "const"; readonly value: string | number | boolean | bigint | null }
    | { readonly op: "builtin"; readonly name: HitBuiltin }
    /** Argument word `index`, signed. */
    | { readonly op: "word"; readonly index: number }
    /** Two argument words, low one first, as one 64-bit integer (32-bit kernels). */
    | { readonly op: "words"; readonly index: number; readonly signed: boolean; readonly what: string }
    | { readonly op: "reg"; readonly name: string }
    /** Reads memory at `address + offset`. */
    | {
      readonly op: "load";
      readonly address: Ir;
      readonly offset: number;
      readonly size: number;
      readonly signed: boolean;
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
    }
    /** Bits `shift` to `shift + bits` of a word (a struct passed in a register). */
    | {
      readonly op: "slice";
      readonly operand: Ir;
      readonly shift: number;
      readonly bits: number;
      readonly signed: boolean;
    }
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
    | { readonly op: "kstack"; readonly depth: number }
    | { readonly op: "ustack"; readonly depth: number }
    | { readonly op: "unary"; readonly operator: "!" | "-" | "~" | "+"; readonly operand: Ir }
    | { readonly op: "binary"; readonly operator: BinaryOperator; readonly left: Ir; readonly right: Ir }
    | { readonly op: "cond"; readonly test: Ir; readonly then: Ir; readonly else: Ir }
    | { readonly op: "template"; readonly parts: readonly (string | Ir)[] }
    | { readonly op: "tuple"; readonly items: readonly Ir[] }
    | { readonly op: "charAt"; readonly base: Ir; readonly index: Ir }
    | { readonly op: "call"; readonly fn: CallName; readonly args: readonly Ir[] }
    | { readonly op: "local"; readonly name: string }
    | { readonly op: "opaque"; readonly fn: number; readonly source: string; readonly reason: string }
  )
  & { readonly type: ValueType; readonly span?: Span };

/** A resolved step of a probe. */
export type IrStep =
  | { readonly op: "filter"; readonly test: Ir }
  | {
    readonly op: "aggregate";
    readonly map: string;
    readonly key: readonly Ir[];
    readonly value: Ir | undefined;
  }
  | { readonly op: "print"; readonly parts: readonly (string | Ir)[] }
  | { readonly op: "printf"; readonly format: string; readonly args: readonly Ir[] }
  | { readonly op: "do"; readonly body: readonly IrStatement[] };

/** A resolved statement of a `.do` handler. */
export type IrStatement =
  | { readonly op: "expr"; readonly value: Ir }
  | { readonly op: "let"; readonly name: string; readonly value: Ir }
  | {
    readonly op: "if";
    readonly test: Ir;
    readonly then: readonly IrStatement[];
    readonly else: readonly IrStatement[];
  }
  | { readonly op: "print"; readonly parts: readonly (string | Ir)[] };

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
    case "exact":
    case "unary":
      return [ir.operand];
    case "binary":
      return [ir.left, ir.right];
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
