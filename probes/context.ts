/**
 * The context that filters, keys, values and handlers are functions of. These are types only: a captured function
 * never sees an object, and a function that runs as it is gets one from the session.
 *
 * @module
 */

import type { Stack } from "../graph/hit.ts";
import type { KernelTypes } from "./declared.ts";
import type { Ptr } from "../types/words.ts";
import type { AnyPointer } from "./results.ts";

export type { Stack };

/** What can be printed. */
export type Printable =
  | string
  | number
  | bigint
  | boolean
  | null
  | undefined
  | Stack
  | object;

/** What every hit knows. */
export interface BaseContext {
  /** Process id (the kernel's tgid). */
  readonly pid: number;
  /** Thread id (the kernel's pid). */
  readonly tid: number;
  /** User id. */
  readonly uid: number;
  /** Group id. */
  readonly gid: number;
  /** Name of the running task, at most 15 characters. */
  readonly comm: string;
  /** Number of the CPU, from 0. */
  readonly cpu: number;
  /** Virtual nanoseconds since boot. */
  readonly nsecs: number;
  /** Virtual nanoseconds since the probes were attached. */
  readonly elapsed: number;
  /** Name of the probed function; empty where no function is probed. */
  readonly func: string;
  /** Full name of the probe: `kprobe:vfs_open`. */
  readonly probe: string;
  /** The running task. */
  readonly curtask: Ptr<KernelTypes["task_struct"]>;
  /** Registers by the kernel's names: `di`, `ip` (x86_64), `x0`, `pc` (arm64), `ax` (i386). */
  readonly regs: Readonly<Record<string, number>>;
  /**
   * The registers that matter here, as text: instruction and stack pointer, link register, and those that carry the
   * arguments (at a return: the result). `ip=… sp=… di=0x… si=0x…` on x86_64.
   */
  readonly registers: string;
  /** One register by the kernel's name, as a signed word. */
  reg(name: string): number;
  /** The kernel stack, innermost frame first, at most `depth` frames (127 where not given). */
  kstack(depth?: number): Stack;
  /** The stack of the program that runs, innermost frame first, as far as its frame pointers lead. */
  ustack(depth?: number): Stack;
  /** The NUL-terminated string at an address, at most `max` bytes. */
  str(address: AnyPointer | number | string, max?: number): string;
  /** The symbol that covers an address: `vfs_open`. */
  ksym(address: AnyPointer | number): string;
  /** The function of the running program that covers an address, with the offset: `malloc+4`. */
  usym(address: AnyPointer | number): string;
  /** Prints one line: the values, joined by a space. */
  print(...values: Printable[]): void;
}

/** Where a kernel function is entered: it has arguments. */
export interface EntryContext<Args> extends BaseContext {
  /** The arguments by the names and types of the prototype. */
  readonly args: Readonly<Args>;
  /** The n-th argument word, from 0, as a signed integer: what is in its register or stack slot. */
  arg(index: number): number;
}

/** Where a kernel function returns. */
export interface ReturnContext<Ret> extends BaseContext {
  /** What the function returns; `undefined` for a `void` function. */
  readonly retval: Ret;
}

/** Where a timed function returns. */
export interface LatencyContext<Ret> extends ReturnContext<Ret> {
  /** Virtual nanoseconds from entry to return. */
  readonly duration: number;
}

/** Where a function of a user program is entered: its arguments are words. */
export interface UserEntryContext extends BaseContext {
  /** The n-th argument word, from 0, as a signed integer; `str(arg(0))` reads a string. */
  arg(index: number): number;
}

/** Where a function of a user program returns. */
export interface UserReturnContext extends BaseContext {
  /** What it returned, as a signed word. */
  readonly retval: number;
}

/** Where a tracepoint is passed: it has a record. */
export interface RecordContext<Fields> extends BaseContext {
  /** The record's fields. */
  readonly args: Readonly<Fields>;
}
