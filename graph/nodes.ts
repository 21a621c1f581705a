/**
 * The probe graph: inert, serializable data. It knows names (symbols, fields, maps), not addresses; the session
 * resolves it against an image when it attaches.
 *
 * @module
 */

/** Version of the graph's JSON form. */
export const GRAPH_VERSION = 1;

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
  /** An instruction of a user program or library: `target` is a function of the file at `path`, or an offset in it (`0x…`). */
  | { readonly kind: "uprobe"; readonly path: string; readonly target: string; readonly offset: number }
  | { readonly kind: "uretprobe"; readonly path: string; readonly target: string }
  | { readonly kind: "tracepoint"; readonly subsystem: string; readonly event: string }
  | { readonly kind: "interval"; readonly ns: number; readonly spec: string }
  | { readonly kind: "begin" }
  | { readonly kind: "end" };

/** One probe: an attach point and what a hit runs through, in order. */
export interface ProbeNode {
  readonly name: string;
  readonly point: AttachPoint;
  readonly steps: readonly Step[];
}

/**
 * What a hit does. A filter that is false ends the hit. `parts` of a print are its arguments: their texts are
 * joined by one space.
 */
export type Step =
  | { readonly op: "filter"; readonly test: Expr }
  | {
    readonly op: "aggregate";
    readonly map: string;
    readonly key: readonly Expr[];
    readonly value: Expr | undefined;
  }
  | { readonly op: "print"; readonly parts: readonly (string | Expr)[] }
  | { readonly op: "printf"; readonly format: string; readonly args: readonly Expr[] }
  | { readonly op: "do"; readonly body: readonly Statement[] };

/** Statements of a captured `.do` handler. */
export type Statement =
  | { readonly op: "expr"; readonly value: Expr }
  | { readonly op: "let"; readonly name: string; readonly value: Expr }
  | {
    readonly op: "if";
    readonly test: Expr;
    readonly then: readonly Statement[];
    readonly else: readonly Statement[];
  }
  | { readonly op: "print"; readonly parts: readonly (string | Expr)[] };

/** How a map aggregates. */
export type Aggregation =
  | { readonly fn: "count" }
  | { readonly fn: "sum" | "avg" | "min" | "max" | "stats" }
  | { readonly fn: "hist"; readonly bits: number }
  | { readonly fn: "lhist"; readonly min: number; readonly max: number; readonly step: number };

/** A map: its name without the `@`, how it aggregates, and the shape of its key (0 parts: scalar). */
export interface MapNode {
  readonly name: string;
  readonly aggregation: Aggregation;
  readonly keyParts: number;
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
  | "registers";

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
    | { readonly op: "kstack"; readonly depth: number }
    | { readonly op: "ustack"; readonly depth: number }
    | { readonly op: "unary"; readonly operator: "!" | "-" | "~" | "+"; readonly operand: Expr }
    | { readonly op: "binary"; readonly operator: BinaryOperator; readonly left: Expr; readonly right: Expr }
    | { readonly op: "cond"; readonly test: Expr; readonly then: Expr; readonly else: Expr }
    | { readonly op: "template"; readonly parts: readonly (string | Expr)[] }
    | { readonly op: "tuple"; readonly items: readonly Expr[] }
    /** String methods with a bpftrace twin, and the context's functions. */
    | { readonly op: "call"; readonly fn: CallName; readonly args: readonly Expr[] }
    | { readonly op: "local"; readonly name: string }
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
 * A graph with the functions that its opaque nodes run: what a builder makes and a session attaches. `Maps` is only a
 * type: what a run returns for each map, by name.
 */
export interface Program<out Maps = unknown> {
  /** The graph: plain data. */
  readonly graph: ProbeGraph;
  /** Functions of opaque nodes, by index. Empty for a program that was captured whole. */
  readonly functions: readonly ((context: never) => unknown)[];
  /** Never set: it carries the type of a run's `maps` from the builder to `run`. */
  readonly resultMaps?: Maps;
}
