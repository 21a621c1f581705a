/**
 * What a kernel image answers: the interfaces that every other folder programs against.
 *
 * Addresses are JavaScript numbers: on 64-bit kernels the canonical address taken as a *signed* 64-bit integer
 * (kernel addresses are negative, and every 48-bit canonical address is an exact double), on i386 the unsigned
 * 32-bit one. `image/address.ts` prints and parses them.
 *
 * @module
 */

/** The calling conventions that kscope knows. */
export type Arch = "x86_64" | "arm64" | "i386";

/** A virtual address: see the module doc for its numeric form. */
export type Addr = number;

/** One kallsyms entry. */
export interface SymbolInfo {
  readonly name: string;
  readonly address: Addr;
  /** Bytes up to the next symbol (kallsyms' own rule), or the function's size where text facts have it. */
  readonly size: number;
  /** kallsyms letter: `t`/`T` text, `d`/`D` data, ... */
  readonly letter: string;
  /** Module that owns it; absent for the kernel proper. */
  readonly module?: string;
}

/** A call instruction inside a function. */
export interface CallSite {
  /** Byte offset of the call instruction from the function's start. */
  readonly offset: number;
  /** Byte offset of the next instruction: the return address is function + this. */
  readonly returnOffset: number;
  readonly kind: "call" | "jump" | "indirect";
  /** Target function, or the register/pointer text of an indirect call. */
  readonly target: string;
}

/** A traceable function: where it is and how its text is cut into instructions. */
export interface FunctionInfo {
  readonly name: string;
  readonly address: Addr;
  readonly size: number;
  /** Byte offsets at which instructions start, ascending, first 0. */
  boundaries(): Uint32Array;
  callSites(): readonly CallSite[];
}

/** One parameter of a prototype. */
export interface Param {
  readonly name: string;
  readonly type: CType;
}

/** A C function prototype. */
export interface Prototype {
  readonly name: string;
  readonly params: readonly Param[];
  readonly ret: CType;
  /** As C prints it: `int vfs_open(const struct path * path, struct file * file)`. */
  readonly text: string;
}

/** A C type out of BTF. `id` is the BTF type id; `to`, `of` and members resolve lazily. */
export type CType =
  | { readonly kind: "void"; readonly id: 0 }
  | {
    readonly kind: "int";
    readonly id: number;
    readonly name: string;
    readonly size: number;
    readonly signed: boolean;
    readonly encoding: "int" | "char" | "bool";
  }
  | { readonly kind: "float"; readonly id: number; readonly name: string; readonly size: number }
  | {
    readonly kind: "enum";
    readonly id: number;
    readonly name: string;
    readonly size: number;
    readonly signed: boolean;
    readonly values: ReadonlyMap<string, number>;
  }
  | { readonly kind: "ptr"; readonly id: number; readonly to: CType }
  | { readonly kind: "array"; readonly id: number; readonly of: CType; readonly length: number }
  | {
    readonly kind: "struct" | "union";
    readonly id: number;
    readonly name: string;
    readonly size: number;
    readonly members: readonly Member[];
  }
  | { readonly kind: "fwd"; readonly id: number; readonly name: string; readonly union: boolean }
  | {
    readonly kind: "typedef" | "const" | "volatile" | "restrict" | "type_tag";
    readonly id: number;
    readonly name: string;
    readonly to: CType;
  }
  | {
    readonly kind: "func_proto";
    readonly id: number;
    readonly params: readonly Param[];
    readonly ret: CType;
  };

/** A struct or union member. Anonymous members have an empty name. */
export interface Member {
  readonly name: string;
  readonly type: CType;
  readonly bitOffset: number;
  /** 0 unless it is a bit-field. */
  readonly bitSize: number;
}

/** Where a field path lands. */
export interface FieldLayout {
  readonly type: CType;
  /** Byte offset from the start of the struct (no pointer is followed). */
  readonly offset: number;
  /** For bit-fields: position of the lowest bit within the byte at `offset` (little endian), else 0. */
  readonly bitShift: number;
  readonly bitSize: number;
}

/** One field of a tracepoint's record. */
export interface TracepointField {
  readonly name: string;
  /** C type as the format file prints it, e.g. `const char *`, `__data_loc char[]`, `char[16]`. */
  readonly type: string;
  readonly offset: number;
  readonly size: number;
  readonly signed: boolean;
}

/** A tracepoint's format. */
export interface TracepointInfo {
  readonly subsystem: string;
  readonly name: string;
  readonly id: number;
  /** Without the `common_*` fields. */
  readonly fields: readonly TracepointField[];
  readonly common: readonly TracepointField[];
  readonly printFmt: string;
}

/** A range of text that kprobes refuses. */
export interface BlacklistRange {
  readonly start: Addr;
  readonly end: Addr;
  readonly name: string;
}

/** Everything known about one kernel build. Implementations decode lazily. */
export interface KernelImage {
  readonly arch: Arch;
  /** e.g. `6.1.0-56-amd64`. */
  readonly release: string;
  readonly pointerSize: 4 | 8;
  /** False for the built-in core image, which knows only what modeled functions need. */
  readonly whole: boolean;

  symbol(name: string): SymbolInfo | undefined;
  /** The symbol that covers an address, with the offset into it. */
  symbolAt(address: Addr): { readonly symbol: SymbolInfo; readonly offset: number } | undefined;
  /** `do_sys_openat2+0xaf`, or plain hex where no symbol covers it. */
  describe(address: Addr): string;
  /** Names of traceable functions that match a glob (`*`, `?`, `[a-z]`), in address order. */
  functions(glob?: string): readonly string[];
  /** Nearest names to a misspelt function, best first. */
  nearFunctions(name: string, limit?: number): readonly string[];

  /** Exact name, traceable functions only. */
  func(name: string): FunctionInfo | undefined;
  /** The functions whose text calls `name` directly. */
  callersOf(name: string): readonly { readonly caller: string; readonly site: CallSite }[];
  prototype(name: string): Prototype | undefined;
  isTraceable(name: string): boolean;
  blacklistedAt(address: Addr): BlacklistRange | undefined;
  blacklist(): readonly BlacklistRange[];

  /** A struct, union, enum or typedef by name: `struct file`, `file`, `union ...`, `enum pid_type`, `umode_t`. */
  type(name: string): CType | undefined;
  typeNames(glob?: string): readonly string[];
  nearTypes(name: string, limit?: number): readonly string[];
  /** C spelling of a type: `struct file *`. */
  typeText(type: CType): string;
  /** Size in bytes. */
  sizeOf(type: CType): number;
  /** Resolves `a.b.c` inside a struct or union, through anonymous members and nested structs (not pointers). */
  field(type: CType, path: string): FieldLayout | undefined;
  /** Field names that `field` would take at this level, anonymous members flattened. */
  fieldNames(type: CType): readonly string[];
  /** Value of an enumerator by its name (`TCP_CLOSE`). */
  enumerator(name: string): number | undefined;

  tracepoint(name: `${string}:${string}`): TracepointInfo | undefined;
  /** `subsystem:event` names that match. */
  tracepoints(glob?: string): readonly string[];
  nearTracepoints(name: string, limit?: number): readonly string[];

  syscallNumber(name: string): number | undefined;
  syscallName(nr: number): string | undefined;
  /** The entry function of a system call: `__x64_sys_openat`. */
  syscallEntry(name: string): string | undefined;
  syscallNames(): readonly string[];
}
