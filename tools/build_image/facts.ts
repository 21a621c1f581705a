/**
 * What the builder knows of a kernel: the parsed input files, as plain data.
 *
 * @module
 */
import type { Addr, Arch, BlacklistRange, CallSite, TracepointInfo } from "../../image/mod.ts";
import type { BtfType } from "./btf.ts";

/** A kallsyms entry. */
export interface SymbolFact {
  readonly name: string;
  readonly address: Addr;
  readonly letter: string;
  readonly module?: string;
}

/** A line of text.tsv. */
export interface TextFact {
  readonly name: string;
  readonly address: Addr;
  readonly size: number;
  readonly lengths: Uint8Array;
  readonly calls: readonly {
    readonly offset: number;
    readonly kind: CallSite["kind"];
    readonly target: string;
  }[];
}

/** A system call number and its name. */
export interface SyscallFact {
  readonly nr: number;
  readonly name: string;
}

/** Everything known about a kernel. What a user could not give is empty, or undefined where that means something else. */
export interface KernelFacts {
  readonly arch: Arch;
  readonly release: string;
  readonly symbols: readonly SymbolFact[];
  readonly types: readonly (BtfType | undefined)[];
  readonly text: readonly TextFact[];
  /** ftrace's list, line by line; undefined where it was not given. */
  readonly traceable: readonly string[] | undefined;
  readonly tracepoints: readonly TracepointInfo[];
  readonly blacklist: readonly BlacklistRange[];
  readonly syscalls: readonly SyscallFact[];
}
