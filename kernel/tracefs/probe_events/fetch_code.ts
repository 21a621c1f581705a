/**
 * What an argument of a probe event compiles to: a few instructions that fetch a value and store it.
 *
 * @module
 */

import type { FetchType } from "./fetch_type.ts";

/** One instruction. Words are unsigned. */
export type FetchInsn =
  | { readonly op: "reg"; readonly name: string }
  | { readonly op: "stack"; readonly n: number }
  | { readonly op: "stackp" }
  | { readonly op: "retval" }
  /** Counted from 0. */
  | { readonly op: "arg"; readonly n: number }
  | { readonly op: "comm" }
  /** An offset into the probed file: where that is mapped. */
  | { readonly op: "foffs"; readonly offset: bigint }
  | { readonly op: "imm"; value: bigint }
  | { readonly op: "data"; readonly text: string }
  /** A symbol that is looked up at registration: its address goes into the `imm` that follows. */
  | { readonly op: "symbol"; readonly text: string }
  | { readonly op: "deref"; readonly offset: bigint; readonly user: boolean }
  | { readonly op: "store_raw"; readonly size: number }
  | { readonly op: "store_mem"; readonly size: number; readonly offset: bigint; readonly user: boolean }
  | { readonly op: "store_string"; readonly offset: bigint; readonly user: boolean }
  | { readonly op: "store_symstr" }
  | { readonly op: "bitfield"; readonly left: number; readonly right: number; readonly size: number }
  | { readonly op: "array"; readonly count: number };

/** Instructions that there is room for, the last one being the end. */
const FETCH_INSN_MAX = 16;

/** Instructions under construction, with the place that is written next. */
export class FetchCode {
  readonly insns: FetchInsn[] = [];
  index = 0;

  /** The instruction at the current place; undefined while there is none. */
  get current(): FetchInsn | undefined {
    return this.insns[this.index];
  }

  /** Writes the current place. */
  set current(insn: FetchInsn) {
    this.insns[this.index] = insn;
  }

  /** Goes one on. False where that is the end: nothing can be written there. */
  advance(): boolean {
    return ++this.index < FETCH_INSN_MAX - 1;
  }
}

/** One argument of a probe event. */
export interface ProbeArg {
  readonly name: string;
  /** As it was written, without the name. */
  readonly text: string;
  readonly type: FetchType;
  /** Elements of an array; 0 if it is none. */
  readonly count: number;
  /** Bytes from the first argument to this one. */
  readonly offset: number;
  readonly code: readonly FetchInsn[];
}

/** Bytes that an argument has among the fixed parts of the record. */
export function argSize(arg: ProbeArg): number {
  return arg.type.size * Math.max(arg.count, 1);
}
