/**
 * The words that the generated declarations are written in: pointers, arrays, functions, tracepoints.
 *
 * @module
 */

import type { KernelTypes } from "./kernel.ts";

/** What every pointer can be asked, besides the fields of what it points to. */
export interface Pointer {
  /** The address itself, unsigned. */
  readonly address: bigint;
  /** True for address 0. Reading a field through a null pointer yields 0, as in any probe. */
  readonly isNull: boolean;
  /** The same address as a pointer to another struct: `c.args.sk.cast("tcp_sock")`. */
  cast<N extends keyof KernelTypes>(type: N): Ptr<KernelTypes[N]>;
}

/**
 * A pointer to `T`. Its fields are followed transparently: `file.f_path.dentry.d_name.name`. A field that is named as
 * something of `Pointer` is the field: `vmf.address`.
 */
export type Ptr<T> = Omit<Pointer, keyof T> & Readonly<T>;

/** A pointer to integers or to other pointers: what it points to is element 0. */
export type PtrTo<T> = Pointer & { readonly [index: number]: T };

/** A pointer whose target has no fields to show: `void *`, a function, an incomplete type. */
export type Address = Pointer;

/** A C array. */
export interface CArray<T> {
  /** Its elements. */
  readonly [index: number]: T;
}

/**
 * A kernel function: its parameters by name and its result. `On` names the architectures whose kernel has it; where
 * it is left out, all have it.
 */
export interface Fn<Args, Ret, On extends string = string> {
  /** Parameters by name. */
  readonly args: Args;
  /** The result; `undefined` of a `void` function. */
  readonly ret: Ret;
  /** Architectures that have it. */
  readonly on: On;
}

/** A kernel function whose prototype is not known: parts of functions that the compiler split off, mostly. */
export type Bare<On extends string = string> = Fn<UnknownArgs, Unknown, On>;

/** The arguments of a function without a prototype. */
export type UnknownArgs = Readonly<Record<string, Unknown>>;

/**
 * A value whose type nothing declares: an integer or an address; its fields are such values again. The string behind
 * one is `c.str(value)`.
 */
export type Unknown = number & Pointer & { readonly [field: string]: Unknown };

/** A tracepoint: its record's fields, and the architectures whose kernel has it. */
export interface Tp<Fields, On extends string = string> {
  /** Fields of the record. */
  readonly fields: Fields;
  /** Architectures that have it. */
  readonly on: On;
}

/** Many names with the same entry. */
export type Same<Names extends string, Entry> = { readonly [N in Names]: Entry };
