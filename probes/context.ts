/**
 * The context that filters, keys, values and handlers are functions of. These are types only: a captured function
 * never sees an object, and a function that runs as it is gets one from the session.
 *
 * @module
 */

import type { Stack } from "../graph/hit.ts";
import type { KernelTypes } from "./declared.ts";
import type { CArray, Ptr } from "../types/words.ts";
import type { BufferValue } from "../graph/value.ts";
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
  /**
   * The kernel stack, innermost frame first, at most `depth` frames (127 where not given). `mode` tells how it prints:
   * with addresses, as perf does, or as addresses alone.
   */
  kstack(depth?: number, mode?: "perf" | "raw"): Stack;
  /** The stack of the program that runs, innermost frame first, as far as its frame pointers lead. */
  ustack(depth?: number, mode?: "perf" | "raw"): Stack;
  /** The NUL-terminated string at an address, at most `max` bytes. */
  str(address: AnyPointer | number | string, max?: number): string;
  /** The symbol that covers an address: `vfs_open`. */
  ksym(address: AnyPointer | number): string;
  /** The function of the running program that covers an address, with the offset: `malloc+4`. */
  usym(address: AnyPointer | number): string;
  /** Prints one line: the values, joined by a space. */
  print(...values: Printable[]): void;
  /** Ends the run before its next event; this hit ends too. */
  exit(code?: number): never;
  /** Process id of the parent. */
  readonly ppid: number;
  /** Name of the parent. */
  readonly pcomm: string;
  /** Number of CPUs. */
  readonly ncpus: number;
  /** Timer ticks, as the kernel counts them. */
  readonly jiffies: number;
  /** 32 random bits: another number each time it is read, the same in every run with the same seed. */
  readonly rand: number;
  /** Id of the running task's control group. */
  readonly cgroup: number;
  /** Whether a user program was interrupted, and not the kernel. */
  readonly usermode: boolean;
  /** Kind of the probe: `kprobe`. */
  readonly probetype: string;
  /** Number of the CPU's memory node. */
  readonly numaid: number;
  /** 0 where the first `length` characters of two strings are the same, else 1. */
  strncmp(a: string, b: string, length: number): number;
  /** Whether one string is in another. */
  strcontains(text: string, part: string): boolean;
  /** Bytes of a string. */
  strlen(text: string): number;
  /** Where one string begins in another, -1 where it is not in it. */
  strstr(text: string, part: string): number;
  /** An IPv4 address (an integer in memory order, or 4 bytes) or an IPv6 address (16 bytes) as text. */
  ntop(address: Bytes | number): string;
  /** The same, by address family: 2 is IPv4, 10 is IPv6. */
  ntop(family: number, address: Bytes | number): string;
  /** An integer with its bytes in the other order; `bytes` is its size, where its type does not tell. */
  bswap(value: number, bytes?: 1 | 2 | 4 | 8): number;
  /** A hardware address as text. */
  macaddr(address: Bytes): string;
  /** A copy of bytes in memory: all of an array, else 64, or `length`; at most 1,024. */
  buf(address: Bytes | number, length?: number): BufferValue;
  /** The address of a kernel symbol; 0 where there is none. */
  kaddr(symbol: string): number;
  /** The message of an errno value. */
  strerror(errno: number): string;
  /** The name of a signal. */
  signal_name(signal: number): string;
  /** The name of a system call of the kernel at hand. */
  syscall_name(number: number): string;
  /** A time, in nanoseconds since boot, as text of the wall clock: strftime's conversions, and `%f` microseconds. */
  strftime(format: string, nsecs: number): string;
  /** The full name of the file that a `struct path` leads to. */
  path(path: AnyPointer): string;
  /** Id of a control group by its path; 0 where there is none. */
  cgroupid(path: string): number;
  /** Path of a control group by its id. */
  cgroup_path(id: number): string;
}

/** A place in memory whose bytes are read. */
export type Bytes = AnyPointer | CArray<number> | string;

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

/** Where a kernel function returns, with its arguments at hand. */
export interface ExitContext<Args, Ret> extends ReturnContext<Ret>, EntryContext<Args> {}

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
