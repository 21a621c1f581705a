/**
 * Where a CPU goes on once a probe's handler has set the instruction pointer and said so.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";

/** What the CPU raises when it goes on at an address. */
export type Trap =
  /** Nothing is mapped there; it is data; it is a program's page. */
  | { readonly kind: "page"; readonly address: Addr; readonly cause: "absent" | "data" | "user" }
  /** Kernel code read or wrote where nothing is mapped. */
  | { readonly kind: "access"; readonly address: Addr; readonly access: "read" | "write" }
  /** x86_64: an address that no table can map, or a stack that is off. */
  | { readonly kind: "protection" }
  /** x86: in the middle of an instruction. */
  | { readonly kind: "opcode" }
  /** x86: a breakpoint that is nobody's, as between functions. */
  | { readonly kind: "breakpoint" }
  /** arm64: an address that is no multiple of 4. */
  | { readonly kind: "alignment" }
  /** The same probe is hit over and over. */
  | { readonly kind: "lockup" }
  /** Linux would go on; what would run there, the model doesn't have. */
  | { readonly kind: "unmodeled" };

/** What ends a task inside a hit. */
export interface Fault {
  readonly trap: Trap;
  /** A sentence: what a handler did, and what would do. */
  readonly reason: string;
}

/** Where execution goes on instead of the probed instruction. */
export type Resumption =
  /** In the caller, with the result that the registers hold. */
  | { readonly kind: "returns" }
  /** In the same function, at another instruction. */
  | { readonly kind: "continues"; readonly offset: number }
  /** At the first instruction of another function, which runs in place of the probed one. */
  | { readonly kind: "enters"; readonly name: string; readonly reason: string }
  /** Nowhere. */
  | { readonly kind: "faults"; readonly fault: Fault };

/** Back to the caller. */
export const RETURNS: Resumption = { kind: "returns" };
