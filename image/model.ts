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
  /** As kallsyms prints it. */
  readonly name: string;
  /** Where it starts; a small number for per-CPU symbols of 64-bit kernels. */
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
  /** `call` returns here, `jump` is a tail call, `indirect` calls through a register or pointer. */
  readonly kind: "call" | "jump" | "indirect";
  /** Target function, or the register/pointer text of an indirect call. */
  readonly target: string;
}

/** A traceable function: where it is and how its text is cut into instructions. */
export interface FunctionInfo {
  /** As ftrace lists it. */
  readonly name: string;
  /** Where its text starts. */
  readonly address: Addr;
  /** Bytes of text. */
  readonly size: number;
  /** Byte offsets at which instructions start, ascending, first 0; only 0 where nothing is known of its text. */
  boundaries(): Uint32Array;
  /** Its calls, in order of their offsets; empty where nothing is known of its text. */
  callSites(): readonly CallSite[];
}

/** One parameter of a prototype. */
export interface Param {
  /** As in the function's definition; may be empty. */
  readonly name: string;
  /** void for the `...` of a variadic function, which comes last. */
  readonly type: CType;
}

/** A C function prototype. */
export interface Prototype {
  /** The name that was asked for, GCC suffixes included. */
  readonly name: string;
  /** In order. */
  readonly params: readonly Param[];
  /** What the function returns. */
  readonly ret: CType;
  /** As C prints it: `int vfs_open(const struct path * path, struct file * file)`. */
  readonly text: string;
}

/**
 * A C type out of BTF; `to`, `of` and members resolve lazily. `id` is the BTF type id in a whole image; a core image numbers its own.
 * Within one image the same id is the same object.
 */
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
  /** Empty for an anonymous struct or union, whose members belong to the outer one. */
  readonly name: string;
  /** For a bit-field, the type it is declared with. */
  readonly type: CType;
  /** Bits from the start of the struct. */
  readonly bitOffset: number;
  /** 0 unless it is a bit-field. */
  readonly bitSize: number;
}

/** Where a field path lands. */
export interface FieldLayout {
  /** What lies there. */
  readonly type: CType;
  /** Byte offset from the start of the struct (no pointer is followed). */
  readonly offset: number;
  /** For bit-fields: position of the lowest bit within the byte at `offset` (little endian), else 0. */
  readonly bitShift: number;
  /** 0 unless it is a bit-field. */
  readonly bitSize: number;
}

/** One field of a tracepoint's record. */
export interface TracepointField {
  /** As the format file prints it. */
  readonly name: string;
  /** C type as the format file prints it, e.g. `const char *`, `__data_loc char[]`, `char[16]`. */
  readonly type: string;
  /** Bytes from the start of the record. */
  readonly offset: number;
  /** Bytes. */
  readonly size: number;
  /** The format file's own `signed:` value. */
  readonly signed: boolean;
}

/** A tracepoint's format. */
export interface TracepointInfo {
  /** e.g. `sched`. */
  readonly subsystem: string;
  /** e.g. `sched_switch`. */
  readonly name: string;
  /** The number in the record's `common_type`. */
  readonly id: number;
  /** Without the `common_*` fields. */
  readonly fields: readonly TracepointField[];
  /** The `common_*` fields. */
  readonly common: readonly TracepointField[];
  /** What follows `print fmt:`, unparsed. */
  readonly printFmt: string;
}

/** A range of text that kprobes refuses. */
export interface BlacklistRange {
  /** First address. */
  readonly start: Addr;
  /** First address behind it. */
  readonly end: Addr;
  /** The function that it belongs to. */
  readonly name: string;
}

/** Everything known about one kernel build. Implementations decode lazily. */
export interface KernelImage {
  /** Architecture that the kernel was built for. */
  readonly arch: Arch;
  /** e.g. `6.1.0-56-amd64`. */
  readonly release: string;
  /** Bytes of a pointer. */
  readonly pointerSize: 4 | 8;
  /** False for the built-in core image, which knows only what modeled functions need. */
  readonly whole: boolean;

  /** A symbol by its exact name; the first in kallsyms where several have it. */
  symbol(name: string): SymbolInfo | undefined;
  /** The symbol that covers a kernel address, with the offset into it; the first in kallsyms where several start there. */
  symbolAt(address: Addr): { readonly symbol: SymbolInfo; readonly offset: number } | undefined;
  /** Every symbol: the kernel's in the order of `/proc/kallsyms`, then those of each module. Made as they are asked for. */
  symbols(): Iterable<SymbolInfo>;
  /** `do_sys_openat2+0xaf`, or plain hex where no symbol covers it. */
  describe(address: Addr): string;
  /** Names of traceable functions that match a glob (`*`, `?`, `[a-z]`), in address order. */
  functions(glob?: string): readonly string[];
  /**
   * Lines of ftrace's `available_filter_functions`, in its order: names, twice where two functions have one, `name [module]`,
   * and `__ftrace_invalid_address___OFFSET` for code that the linker left without a symbol.
   */
  filterFunctions(): readonly string[];
  /** Nearest names to a misspelt function, best first. */
  nearFunctions(name: string, limit?: number): readonly string[];

  /** Exact name, traceable functions only. */
  func(name: string): FunctionInfo | undefined;
  /** The functions whose text calls `name` or jumps to it, by address and offset. */
  callersOf(name: string): readonly { readonly caller: string; readonly site: CallSite }[];
  /** A function's prototype by name; copies such as `NAME.isra.0` have that of `NAME`. */
  prototype(name: string): Prototype | undefined;
  /** Whether ftrace's list has a function of that name. */
  isTraceable(name: string): boolean;
  /** The range that forbids a probe at an address, if one does. */
  blacklistedAt(address: Addr): BlacklistRange | undefined;
  /** All ranges, by address. */
  blacklist(): readonly BlacklistRange[];

  /** A struct, union, enum or typedef by name: `struct file`, `file`, `union ...`, `enum pid_type`, `umode_t`. */
  type(name: string): CType | undefined;
  /** Names of types that match, without their tags, in code unit order. */
  typeNames(glob?: string): readonly string[];
  /** Nearest names to a misspelt type, best first, with the tag that was given. */
  nearTypes(name: string, limit?: number): readonly string[];
  /** C spelling of a type: `struct file *`. */
  typeText(type: CType): string;
  /** Size in bytes. */
  sizeOf(type: CType): number;
  /** Resolves `a.b[2].c` inside a struct or union, through anonymous members, nested structs and elements (not pointers). */
  field(type: CType, path: string): FieldLayout | undefined;
  /** Field names that `field` would take at this level, anonymous members flattened. */
  fieldNames(type: CType): readonly string[];
  /** Value of an enumerator by its name (`TCP_CLOSE`). */
  enumerator(name: string): number | undefined;

  /** A tracepoint by its exact `subsystem:event` name. */
  tracepoint(name: `${string}:${string}`): TracepointInfo | undefined;
  /** `subsystem:event` names that match. */
  tracepoints(glob?: string): readonly string[];
  /** Nearest names to a misspelt tracepoint, best first. */
  nearTracepoints(name: string, limit?: number): readonly string[];

  /** Number of a system call in this architecture's table. */
  syscallNumber(name: string): number | undefined;
  /** Name of a system call by its number. */
  syscallName(nr: number): string | undefined;
  /** The entry function of a system call: `__x64_sys_openat`; undefined for calls that the kernel does not implement. */
  syscallEntry(name: string): string | undefined;
  /** All names, by number. */
  syscallNames(): readonly string[];

  /** Compiled shapes of the kernel's own calls, where the image was built with recordings of them. */
  shapes(): Uint8Array | undefined;
}
