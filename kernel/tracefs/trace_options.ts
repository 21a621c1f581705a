/**
 * The switches of `trace_options`, in the kernel's order.
 *
 * @module
 */

/** Those of every trace array, with their defaults. */
const COMMON = {
  "print-parent": true,
  "sym-offset": false,
  "sym-addr": false,
  "verbose": false,
  "raw": false,
  "hex": false,
  "bin": false,
  "block": false,
  "trace_printk": true,
  "annotate": true,
  "userstacktrace": false,
  "sym-userobj": false,
  "printk-msg-only": false,
  "context-info": true,
  "latency-format": false,
  "record-cmd": true,
  "record-tgid": false,
  "overwrite": true,
  "disable_on_free": false,
  "irq-info": true,
  "markers": true,
  "event-fork": false,
  "pause-on-trace": false,
  "hash-ptr": true,
  "function-trace": true,
  "function-fork": false,
  "display-graph": false,
  "stacktrace": false,
} as const satisfies Readonly<Record<string, boolean>>;

/** Those of tracers. */
const TRACERS = {
  nop: { "test_nop_accept": false, "test_nop_refuse": false },
  function: { "func_stack_trace": false, "func-no-repeats": false },
  function_graph: {
    "funcgraph-overrun": false,
    "funcgraph-cpu": true,
    "funcgraph-overhead": true,
    "funcgraph-proc": false,
    "funcgraph-duration": true,
    "funcgraph-abstime": false,
    "funcgraph-irqs": true,
    "funcgraph-tail": false,
    "sleep-time": true,
  },
} as const satisfies Readonly<Record<string, Readonly<Record<string, boolean>>>>;

/** Those of a tracer that can't be chosen here: there are files for them. */
const BLK: Readonly<Record<string, boolean>> = {
  "blk_classic": false,
  "blk_cgroup": false,
  "blk_cgname": false,
};

/** Those of the kernel's own trace array alone: other arrays have no files for them. */
const TOP_LEVEL: readonly string[] = ["trace_printk", "printk-msg-only", "record-cmd"];
/** Tracers that work in more than the kernel's own array (`allow_instances`), as `available_tracers` lists them. */
export const INSTANCE_TRACERS: readonly string[] = ["function", "nop"];
/** Those that other arrays don't take over when they are made. */
const NOT_INHERITED: readonly string[] = ["event-fork", "function-fork"];

type OptionsOf<T> = { [K in keyof T]: keyof T[K] }[keyof T];

/** A switch. */
export type TraceOption = keyof typeof COMMON | OptionsOf<typeof TRACERS>;

/** The switches of one trace array. */
export class TraceOptions {
  readonly #on = new Map<string, boolean>(
    [COMMON, BLK, ...Object.values(TRACERS)].flatMap((options) => Object.entries(options)),
  );

  /** The kernel's defaults, or for a new trace array those of the kernel's own. */
  constructor(inherited?: TraceOptions) {
    if (inherited === undefined) return;
    for (const name of Object.keys(COMMON)) {
      if (!NOT_INHERITED.includes(name)) this.#on.set(name, inherited.isOn(name));
    }
  }

  /** Whether a switch is on. */
  has(option: TraceOption): boolean {
    return this.#on.get(option) === true;
  }

  /** Whether a switch is on, by a name that may be none. */
  isOn(option: string): boolean {
    return this.#on.get(option) === true;
  }

  /** Turns a switch. */
  set(option: string, on: boolean): void {
    this.#on.set(option, on);
  }

  /** Whether there is a switch of that name that is common, or the tracer's. */
  knows(option: string, tracer: string): boolean {
    return Object.hasOwn(COMMON, option) || tracerOptions(tracer).includes(option);
  }

  /** Names of the files in `options/`: the common switches and those of every tracer that the array can have. */
  files(isMain: boolean): readonly string[] {
    const tracers = Object.keys(TRACERS).filter((name) => isMain || INSTANCE_TRACERS.includes(name));
    return [
      ...Object.keys(COMMON).filter((name) => isMain || !TOP_LEVEL.includes(name)),
      ...tracers.flatMap(tracerOptions),
      ...(isMain ? Object.keys(BLK) : []),
    ];
  }

  /** The file's text while `tracer` runs. */
  text(tracer: string): string {
    return [...Object.keys(COMMON), ...tracerOptions(tracer)]
      .map((name) => `${this.#on.get(name) === true ? "" : "no"}${name}\n`).join("");
  }
}

function tracerOptions(tracer: string): readonly string[] {
  return Object.entries(TRACERS).flatMap(([name, options]) => name === tracer ? Object.keys(options) : []);
}
