/**
 * The probe graph: inert, serializable data. It knows names (symbols, fields, maps), not addresses; the session
 * resolves it against an image when it attaches.
 *
 * @module
 */

import type { FunctionName } from "./functions/names.ts";
import type { StatementOf } from "./statements.ts";

/** Version of the graph's JSON form. */
export const GRAPH_VERSION = 2;

/** A whole program: its probes in declaration order, and the maps that they share. */
export interface ProbeGraph {
  /** Version of this form. */
  readonly version: typeof GRAPH_VERSION;
  /** The probes, in declaration order. */
  readonly probes: readonly ProbeNode[];
  /** The maps that they fill. */
  readonly maps: readonly MapNode[];
}

/** Where a probe attaches. */
export type AttachPoint =
  | { readonly kind: "kprobe"; readonly target: string; readonly offset: number }
  /** `timed`: each instance keeps its entry time, so that `duration` is known at the return. */
  | { readonly kind: "kretprobe"; readonly target: string; readonly maxactive: number; readonly timed?: true }
  /** A function's entry and its return, as a trampoline sees them: `fexit` has the arguments too. */
  | { readonly kind: "fentry"; readonly target: string }
  | { readonly kind: "fexit"; readonly target: string }
  /** An instruction of a user program or library: `target` is a function of the file at `path`, or an offset in it (`0x…`). */
  | { readonly kind: "uprobe"; readonly path: string; readonly target: string; readonly offset: number }
  | { readonly kind: "uretprobe"; readonly path: string; readonly target: string }
  | { readonly kind: "tracepoint"; readonly subsystem: string; readonly event: string }
  | { readonly kind: "interval"; readonly ns: number; readonly spec: string }
  /** Every so often on every CPU. */
  | { readonly kind: "profile"; readonly ns: number; readonly spec: string }
  /** Every `count`-th time that a software event of the kernel's happens. */
  | { readonly kind: "software"; readonly event: string; readonly count: number }
  | { readonly kind: "begin" }
  | { readonly kind: "end" };

/** One probe: where it attaches and what a hit runs through, in order. */
export interface ProbeNode {
  readonly name: string;
  readonly point: AttachPoint;
  /** Further attach points that do the same. */
  readonly more?: readonly AttachPoint[];
  /** What becomes of points that do not exist: `error` where not given. A probe without any is an error in each case. */
  readonly missing?: "error" | "warn" | "ignore";
  /**
   * What its expressions compute with. Where not given, as JavaScript does: doubles, bit operators on 32 bits; an
   * integer beyond ±2^53 cannot be read. `c`: 64-bit integers that wrap around, read exactly; division cuts, and by zero
   * gives 0.
   */
  readonly arithmetic?: "c";
  /** Computed where the function is entered, for the return side to read: kretprobes only. */
  readonly entry?: Expr;
  readonly steps: readonly Step[];
}

/** What a hit runs through: statements, and what only a probe as a whole has. */
export type Step =
  | Statement
  /** A filter that is false ends the hit. */
  | { readonly op: "filter"; readonly test: Expr }
  /** Lets through the first `count` hits, or one hit in `count`. */
  | { readonly op: "limit" | "sample"; readonly count: number }
  /** A handler: `return` in it goes on behind it. */
  | { readonly op: "do"; readonly body: readonly Statement[] };

/** A statement of the graph. */
export type Statement = StatementOf<Expr>;

/** How a map takes values: an aggregation, or `value`, which keeps what was stored last. */
export type Aggregation =
  | { readonly fn: "count" }
  | { readonly fn: "value" }
  | { readonly fn: "sum" | "avg" | "min" | "max" | "stats" }
  | { readonly fn: "hist"; readonly bits: number }
  | { readonly fn: "lhist"; readonly min: number; readonly max: number; readonly step: number };

/** A map: its name without the `@`, how it aggregates, and the shape of its key (0 parts: scalar). */
export interface MapNode {
  readonly name: string;
  readonly aggregation: Aggregation;
  readonly keyParts: number;
  /** Keys that it takes before updates are lost. Where not given: what the program is compiled with. */
  readonly maxEntries?: number;
  /** A full map forgets the key that was used longest ago, and loses no update. */
  readonly lru?: true;
  /** Values are kept per CPU and put together when they are read: aggregations only. */
  readonly perCpu?: true;
  /** Shows only so many entries, the largest. */
  readonly top?: number;
  /** False: it is a program's own, and not shown at the end. */
  readonly shown?: false;
}

/** Builtins that every hit has (`retval` and `duration` at returns only; `duration` is nanoseconds since the entry;
 * `registers` is text). */
export type BuiltinName =
  | "pid"
  | "tid"
  | "uid"
  | "gid"
  | "comm"
  | "cpu"
  | "nsecs"
  | "elapsed"
  | "func"
  | "probe"
  | "retval"
  | "duration"
  | "curtask"
  | "registers"
  | "ppid"
  | "pcomm"
  | "ncpus"
  | "jiffies"
  | "rand"
  | "cgroup"
  | "usermode"
  | "probetype"
  | "numaid";

/** How a stack prints, where not as bpftrace prints its own. */
export type StackMode = "perf" | "raw";

/** Where an expression stands in the user's source. */
export interface Span {
  readonly start: number;
  readonly end: number;
  /** Text that `start` and `end` point into (the arrow function, as `toString` gives it): diagnostics quote it. */
  readonly source?: string;
}

/** An expression. `span` points into the source text of the arrow function that it was captured from. */
export type Expr =
  & (
    | { readonly op: "literal"; readonly value: string | number | boolean | bigint | null }
    | { readonly op: "builtin"; readonly name: BuiltinName }
    /** `c.arg(n)`: the n-th argument as an integer. */
    | { readonly op: "argn"; readonly index: number }
    /** `c.args.name`: typed by the prototype, or a tracepoint's field. */
    | { readonly op: "arg"; readonly name: string }
    /** `base.name`; a pointer base is followed. */
    | { readonly op: "field"; readonly base: Expr; readonly name: string }
    | { readonly op: "index"; readonly base: Expr; readonly index: Expr }
    | { readonly op: "cast"; readonly base: Expr; readonly type: string }
    | { readonly op: "reg"; readonly name: string }
    /** `mode` tells how it prints: bpftrace's frames, perf's, or addresses alone. */
    | { readonly op: "kstack" | "ustack"; readonly depth: number; readonly mode?: StackMode }
    | { readonly op: "unary"; readonly operator: "!" | "-" | "~" | "+"; readonly operand: Expr }
    /**
     * `signed` tells which integers a C operator works on; where not given, unsigned ones if both sides are unsigned
     * (a literal that is not negative is either); a difference is signed, a shift goes by its left side.
     */
    | {
      readonly op: "binary";
      readonly operator: BinaryOperator;
      readonly left: Expr;
      readonly right: Expr;
      readonly signed?: boolean;
    }
    | { readonly op: "cond"; readonly test: Expr; readonly then: Expr; readonly else: Expr }
    | { readonly op: "template"; readonly parts: readonly (string | Expr)[] }
    | { readonly op: "tuple"; readonly items: readonly Expr[] }
    /** String methods with a bpftrace twin, and the context's functions. */
    | { readonly op: "call"; readonly fn: CallName | FunctionName; readonly args: readonly Expr[] }
    | { readonly op: "local"; readonly name: string }
    /** A record `(a=1, b=2)`, an object `{ a: 1, b: 2 }`. */
    | { readonly op: "record"; readonly fields: readonly { readonly name: string; readonly value: Expr }[] }
    /** What a map holds under a key. Where nothing is there: `undefined`, in C's arithmetic 0 or an empty string. */
    | { readonly op: "mapGet"; readonly map: string; readonly key: readonly Expr[] }
    | { readonly op: "mapHas"; readonly map: string; readonly key: readonly Expr[] }
    | { readonly op: "mapLen"; readonly map: string }
    /** What a kretprobe's `entry` computed. */
    | { readonly op: "entry" }
    /** A constant of one of the kernel's enums. */
    | { readonly op: "enum"; readonly name: string }
    | { readonly op: "sizeof"; readonly of: Expr | string }
    /** Bytes from the start of a type to a field, which may be nested: `d_name.len`. */
    | { readonly op: "offsetof"; readonly type: string; readonly field: string }
    /** The struct that a pointer points into: `pointer` minus `offsetof(type, field)`. */
    | { readonly op: "containerOf"; readonly pointer: Expr; readonly type: string; readonly field: string }
    /** Statements for a value: what a `return` in them returns. */
    | { readonly op: "block"; readonly body: readonly Statement[] }
    /**
     * What has no value: a name that no context has; `args` or `regs` as a whole; the context itself (an empty name).
     * An error where the program attaches.
     */
    | { readonly op: "novalue"; readonly name: string }
    /** What could not be captured: run as it is. `fn` is an index into the program's function table. */
    | { readonly op: "opaque"; readonly fn: number; readonly source: string; readonly reason: string }
  )
  & { readonly span?: Span };

/** Functions an expression may call; a method's receiver is the first argument. `trunc` and `floor` are `Math`'s. */
export type CallName =
  | "startsWith"
  | "endsWith"
  | "includes"
  | "str"
  | "ksym"
  | "usym"
  | "length"
  | "trunc"
  | "floor";

/** Binary operators, JavaScript's spelling. `===` and `==` are both `==` here. */
export type BinaryOperator =
  | "+"
  | "-"
  | "*"
  | "/"
  | "%"
  | "&"
  | "|"
  | "^"
  | "<<"
  | ">>"
  | ">>>"
  | "=="
  | "!="
  | "<"
  | "<="
  | ">"
  | ">="
  | "&&"
  | "||"
  | "??";

/**
 * A graph with the functions that its opaque nodes run: what a builder makes and a session attaches. `Maps` and
 * `Rows` are only types: what a run returns for each map, and for each table of rows, by name.
 */
export interface Program<out Maps = unknown, out Rows = unknown> {
  /** The graph: plain data. */
  readonly graph: ProbeGraph;
  /** Functions of opaque nodes, by index. Empty for a program that was captured whole. */
  readonly functions: readonly ((context: never) => unknown)[];
  /** Never set: it carries the type of a run's `maps` from the builder to `run`. */
  readonly resultMaps?: Maps;
  /** Never set: the same for a run's `rows`. */
  readonly resultRows?: Rows;
}
