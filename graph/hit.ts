/**
 * What compiled handlers ask of the moment of a hit. The session implements it over a modeled kernel; tests
 * implement it over plain values. One object serves all hits of a session: nothing here allocates on the hot path
 * except strings and stacks that are asked for.
 *
 * Integers are signed numbers, exact within ±2^53; what does not fit raises a `RangeError` that names the exact
 * accessor. Reads that fault return 0 (or "") and are counted by the implementation, as bpf_probe_read does.
 *
 * @module
 */

import type { Addr } from "../image/model.ts";
import type { MapValue } from "./maps/cell.ts";
import type { MapSnapshot } from "./maps/runtime_map.ts";
import type { OutputForm } from "./statements.ts";
import type { StructValue, Value } from "./value.ts";

/** A stack as captured: return addresses, innermost first. */
export interface Stack {
  /** Return addresses, innermost first. */
  readonly frames: readonly Addr[];
  /** What the addresses are, where the kernel's symbols do not tell: `malloc+4`. */
  readonly symbols?: readonly string[];
  /** How it prints. */
  readonly mode?: "perf" | "raw";
  /** Same stacks have the same key, whatever object holds them. */
  readonly key: string;
}

/** The moment of a hit. */
export interface Hit {
  pid(): number;
  tid(): number;
  uid(): number;
  gid(): number;
  comm(): string;
  cpu(): number;
  /** Virtual nanoseconds since boot. */
  nsecs(): number;
  /** Virtual nanoseconds since the session started. */
  elapsed(): number;
  /** Name of the probed function. */
  func(): string;
  /** Full probe name, `kprobe:vfs_open`. */
  probe(): string;
  curtask(): Addr;
  /** The registers that matter at the hit, as text: `ip=… sp=… di=0x… si=0x…`; empty where there are none. */
  registers(): string;
  /**
   * The n-th argument word from registers and stack, as a signed word. On i386 a 64-bit argument takes two words;
   * the compiler knows the prototype and asks for both.
   */
  arg(index: number): number;
  retval(): number;
  /** Virtual nanoseconds from entry to return, in a timed kretprobe. */
  duration(): number;
  /** A register by its kernel name (`di`, `x0`, `ax`), as a signed word. */
  reg(name: string): number;
  /** Reads an integer of 1, 2, 4 or 8 bytes; kernel or user addresses. */
  load(address: Addr, size: number, signed: boolean): number;
  /** A NUL-terminated string of at most `max` bytes. */
  str(address: Addr, max: number): string;
  /** A field of the current tracepoint record, by byte offset. */
  recordLoad(offset: number, size: number, signed: boolean): number;
  /** A string field of the record: fixed `char[n]` (`dynamic` false) or `__data_loc`. */
  recordStr(offset: number, size: number, dynamic: boolean): string;
  kstack(depth: number): Stack;
  /** The stack of the program that runs, at most `depth` frames. */
  ustack(depth: number): Stack;
  ksym(address: Addr): string;
  /** The user function that covers an address, with the offset: `malloc+4`. */
  usym(address: Addr): string;
  /** One line of output: the texts of the values joined by a space. The implementation formats (`format/`). */
  print(values: readonly Value[]): void;
  /** Raw output: the implementation formats as bpftrace's printf does (`format/printf.ts`). */
  printf(format: string, values: readonly Value[]): void;
  /** The same reads for what may be 64 bits of any value: a bigint where a number does not hold it. */
  argExact(index: number): number | bigint;
  retvalExact(): number | bigint;
  regExact(name: string): number | bigint;
  loadExact(address: Addr, size: number, signed: boolean): number | bigint;
  recordLoadExact(offset: number, size: number, signed: boolean): number | bigint;
  /** What the entry handler of this return kept. */
  entry(): unknown;
  /** 32 random bits, decided by the seed, the probe and how often it has asked. */
  rand(): number;
  /** Whether a program was interrupted, and not the kernel. */
  usermode(): boolean;
  /** Kind of the probe: `kprobe`. */
  probetype(): string;
  ncpus(): number;
  jiffies(): number;
  /** Id of the running task's control group. */
  cgroup(): number;
  /** Number of the memory node that the CPU belongs to. */
  numaid(): number;
  /** What the wall clock showed at boot, in seconds since 1970. */
  bootSeconds(): number;
  /** The full name of what a `struct path` leads to; empty where it leads nowhere. */
  path(address: Addr): string;
  /** Prints a map, its `top` largest entries, its values divided by `div`. */
  printMap(map: MapSnapshot, top: number | undefined, div: number | undefined): void;
  /** Prints what a map holds under one key. */
  printEntry(value: MapValue, div: number | undefined): void;
  /** Writes a text of another form: see `OutputForm`. */
  output(form: OutputForm, format: string, values: readonly Value[]): void;
  /** Adds a row to a table. */
  emit(table: string, row: StructValue): void;
  /** Asks the run to end, with an exit code. */
  exit(code: number): void;
  /** Runs an opaque function on the typed context of this hit. */
  opaque(fn: (context: never) => unknown): unknown;
}
