/**
 * What a function of the context is: how it is called, and what it gives.
 *
 * @module
 */

import type { KernelImage } from "../../image/model.ts";
import type { Hit } from "../hit.ts";
import type { ValueType } from "../types.ts";
import type { FunctionName } from "./names.ts";

/**
 * What a parameter takes. `integer`: a number, a truth value or a pointer. `bytes`: a place in memory whose bytes are
 * read, given as its address.
 */
export type ParameterKind = "integer" | "string" | "bytes" | "any";

/** A parameter of a function. */
export interface Parameter {
  readonly name: string;
  readonly kind: ParameterKind;
  readonly optional?: true;
}

/** What an evaluation gets besides its arguments. */
export interface Call {
  readonly hit: Hit;
  readonly image: KernelImage;
  /** Types of the arguments. */
  readonly types: readonly ValueType[];
}

/** A function of the context. */
export interface ContextFunction {
  readonly name: FunctionName;
  /** What it is for, as a phrase. */
  readonly summary: string;
  readonly parameters: readonly Parameter[];
  /** Type of what it gives, by those of its arguments. */
  readonly result: ValueType | ((types: readonly ValueType[]) => ValueType);
  /**
   * What is wrong with these arguments besides their kinds, if anything. An integer of size 0 is one whose C type is not
   * known; `args` are the values, where they are.
   */
  readonly fault?: (types: readonly ValueType[], args?: readonly unknown[]) => string | undefined;
  /** Computes it. Integers are numbers, or bigints beyond ±2^53. */
  readonly run: (call: Call, ...args: readonly unknown[]) => unknown;
}

/** An integer argument as a number. */
export function near(value: unknown): number {
  if (typeof value === "number") return value;
  return typeof value === "bigint" ? Number(BigInt.asIntN(64, value)) : Number(value);
}

/** `length` bytes at an address, or of a list of bytes; what cannot be read is 0. */
export function bytesAt(hit: Hit, place: unknown, length: number): readonly number[] {
  if (Array.isArray(place)) return Array.from({ length }, (_, i) => near(place[i] ?? 0) & 0xff);
  const address = near(place);
  return Array.from({ length }, (_, i) => hit.load(address + i, 1, false));
}
