/**
 * The context that a function which could not be captured gets: the same names as `probes/context.ts` types, answered
 * from the hit at hand. One object per attach point; it reads the hit anew at each access.
 *
 * @module
 */

import type { Prototype, TracepointField, TracepointInfo } from "../image/model.ts";
import type { KernelHit } from "./hit.ts";
import { type ObjectReader, type ObjectValue, wordValue } from "./objects.ts";
import { MAX_STRING } from "../image/c_value.ts";
import { bareType } from "../image/ctype.ts";
import { CONTEXT_NAMES } from "../graph/context_names.ts";
import type { Stack } from "../graph/hit.ts";
import { argumentFault, DEFAULT_STACK_DEPTH, stackDepthFault } from "../graph/limits.ts";
import { nearNames } from "../image/near.ts";
import { shownAs, twoWords } from "../graph/codegen/runtime.ts";
import type { StackMode } from "../graph/nodes.ts";
import { recordInteger } from "../graph/passes/args.ts";
import { argumentWords } from "../graph/passes/argument_words.ts";
import { callPlainly } from "../graph/functions/plain_call.ts";
import { FUNCTIONS } from "../graph/functions/table.ts";
import { type LiveMap, MAP_OF } from "../graph/maps/live_map.ts";
import { NO_VALUE, symbolizer, toValue } from "../graph/value.ts";

/** What an attach point knows about its arguments. */
export type ContextSource =
  | { readonly kind: "function"; readonly prototype: Prototype | undefined; readonly returns: boolean }
  | { readonly kind: "record"; readonly tracepoint: TracepointInfo }
  | { readonly kind: "plain" };

/**
 * The context object of one attach point, as a handler gets it: a name that no context has is an error, not
 * `undefined`.
 */
export function opaqueContext(
  hit: KernelHit,
  source: ContextSource,
  maps: (name: string) => LiveMap | undefined,
): object {
  const context = new OpaqueContext(hit, source);
  return new Proxy(context, {
    get(_target, name) {
      if (name === NO_VALUE) return "The context is no value by itself: name what is wanted of it, as c.comm";
      if (name === MAP_OF) return maps;
      if (typeof name === "symbol") return undefined;
      const known = FUNCTIONS.get(name);
      if (known !== undefined) {
        return (...args: unknown[]) => callPlainly(known, hit, hit.kernel.image, args);
      }
      const value: unknown = Reflect.get(context, name, context);
      if (typeof value === "function") return value.bind(context);
      if (value !== undefined || name in context) return value;
      const near = nearNames(name, CONTEXT_NAMES)[0];
      throw new TypeError(
        `There is no "${name}" in the context of a probe${
          near === undefined ? "" : `; did you mean "${near}"?`
        }`,
      );
    },
  });
}

/** Answers the names of `probes/context.ts` from the hit at hand. */
export class OpaqueContext {
  readonly #hit: KernelHit;
  readonly #reader: ObjectReader;
  readonly #source: ContextSource;
  readonly args: object;
  readonly regs: object;

  constructor(hit: KernelHit, source: ContextSource) {
    this.#hit = hit;
    this.#source = source;
    this.#reader = {
      image: hit.kernel.image,
      load: (address, size, signed) => hit.load(address, size, signed),
      str: (address, max) => hit.str(address, max),
    };
    this.args = source.kind === "record"
      ? recordArgs(hit, this.#reader, source.tracepoint)
      : functionArgs(hit, this.#reader, source.kind === "function" ? source.prototype : undefined);
    this.regs = new Proxy(Object.freeze({}), {
      get(_target, name) {
        if (name === NO_VALUE) return 'c.regs is no value by itself: name a register, as c.reg("ip")';
        return typeof name === "string" ? hit.reg(name) : undefined;
      },
    });
  }

  get pid(): number {
    return this.#hit.pid();
  }
  get tid(): number {
    return this.#hit.tid();
  }
  get uid(): number {
    return this.#hit.uid();
  }
  get gid(): number {
    return this.#hit.gid();
  }
  get comm(): string {
    return this.#hit.comm();
  }
  get cpu(): number {
    return this.#hit.cpu();
  }
  get nsecs(): number {
    return this.#hit.nsecs();
  }
  get elapsed(): number {
    return this.#hit.elapsed();
  }
  get func(): string {
    return this.#hit.func();
  }
  get probe(): string {
    return this.#hit.probe();
  }
  get registers(): string {
    return this.#hit.registers();
  }
  get duration(): number {
    return this.#hit.duration();
  }

  get ppid(): number {
    return Number(this.#parent("tgid"));
  }
  get pcomm(): string {
    return String(this.#parent("comm"));
  }
  get ncpus(): number {
    return this.#hit.ncpus();
  }
  get jiffies(): number {
    return this.#hit.jiffies();
  }
  get rand(): number {
    return this.#hit.rand();
  }
  get cgroup(): number {
    return this.#hit.cgroup();
  }
  get usermode(): boolean {
    return this.#hit.usermode();
  }
  get probetype(): string {
    return this.#hit.probetype();
  }
  get numaid(): number {
    return this.#hit.numaid();
  }

  /** What the entry handler of this return kept. */
  get entry(): unknown {
    return plainRecord(this.#hit.entry());
  }

  #parent(field: string): unknown {
    const task: unknown = this.curtask;
    const parent: unknown = typeof task === "object" && task !== null
      ? Reflect.get(task, "real_parent")
      : undefined;
    return typeof parent === "object" && parent !== null ? Reflect.get(parent, field) : 0;
  }

  /** Ends the run, and this hit. */
  exit(code = 0): never {
    this.#hit.exit(code);
    throw new ExitSignal();
  }

  /** The running task, typed. */
  get curtask(): ObjectValue {
    const type = this.#hit.kernel.image.type("struct task_struct");
    if (type === undefined) return this.#hit.curtask();
    return wordValue(this.#reader, { kind: "ptr", id: -1, to: type }, this.#hit.curtask());
  }

  /** What the function returns, by its prototype; undefined for `void`. */
  get retval(): ObjectValue | undefined {
    const source = this.#source;
    if (source.kind !== "function" || source.prototype === undefined) return this.#hit.retval();
    return bareType(source.prototype.ret).kind === "void"
      ? undefined
      : wordValue(this.#reader, source.prototype.ret, this.#hit.retval());
  }

  arg(index: number): number {
    const prototype = this.#source.kind === "function" ? this.#source.prototype : undefined;
    checked(argumentFault(index, this.#reader.image, prototype));
    return this.#hit.arg(index);
  }

  reg(name: string): number {
    return this.#hit.reg(name);
  }

  ustack(depth: number = DEFAULT_STACK_DEPTH, mode?: StackMode): Stack {
    const stack = this.#hit.ustack(depth);
    return mode === undefined ? stack : shownAs(stack, mode);
  }

  usym(address: number): string {
    return this.#hit.usym(address);
  }

  kstack(depth: number = DEFAULT_STACK_DEPTH, mode?: StackMode): Stack {
    checked(stackDepthFault(depth));
    const stack = this.#hit.kstack(depth);
    return mode === undefined ? stack : shownAs(stack, mode);
  }

  str(address: unknown, max: number = MAX_STRING): string {
    return typeof address === "string" ? address.slice(0, max) : this.#hit.str(Number(address), max);
  }

  ksym(address: unknown): string {
    return this.#hit.ksym(Number(address));
  }

  print(...values: unknown[]): void {
    this.#hit.print(
      values.map((value) => toValue(value, symbolizer(this.#hit.kernel.image))),
    );
  }
}

/** Ends a function that called `exit()`; the runner catches it. */
export class ExitSignal extends Error {
  constructor() {
    super("exit() was called");
    this.name = "ExitSignal";
  }
}

/** A record as a captured function made it, as an object. */
function plainRecord(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (!("fields" in value) || !Array.isArray(value.fields)) return value;
  return Object.fromEntries(
    value.fields.map((field: { readonly name: string; readonly value: unknown }) => [
      field.name,
      plainRecord(field.value),
    ]),
  );
}

function argsAreNoValue(names: readonly string[]): string {
  const known = names.filter((name) => name !== "").map((name) => `c.args.${name}`).join(", ");
  return `c.args is no value by itself${known === "" ? "" : `: name one of ${known}`}`;
}

function nearOrAll(name: string, known: readonly string[]): string {
  const near = nearNames(name, known, 1)[0];
  return near === undefined ? `it has ${known.join(", ")}` : `did you mean "${near}"?`;
}

function checked(fault: string | undefined): void {
  if (fault !== undefined) throw new RangeError(fault);
}

function functionArgs(hit: KernelHit, reader: ObjectReader, prototype: Prototype | undefined): object {
  const params = new Map(
    (prototype?.params ?? []).map((param, index) => [param.name, { index, type: param.type }]),
  );
  return new Proxy(Object.freeze({}), {
    get(_target, name) {
      if (name === NO_VALUE) return argsAreNoValue([...params.keys()]);
      if (typeof name === "symbol") return undefined;
      const param = params.get(name);
      if (param !== undefined) {
        const word = hit.point.kind === "fexit"
          ? keptParam(hit, prototype, param.index)
          : hit.regs?.param(param.index) ?? 0;
        return wordValue(reader, param.type, word);
      }
      const known = [...params.keys()];
      throw new TypeError(
        `Cannot read argument "${name}" of ${hit.func() || "this probe"}: ` +
          (known.length === 0 ? "its arguments have no names; use arg(n)" : nearOrAll(name, known)),
      );
    },
    has: (_target, name) => typeof name === "string" && params.has(name),
    ownKeys: () => [],
  });
}

/** A parameter among the argument words that an fexit has kept. */
function keptParam(hit: KernelHit, prototype: Prototype | undefined, index: number): number {
  const { image } = hit.kernel;
  const params = prototype?.params ?? [];
  const first = argumentWords(params, image)[index] ?? index;
  const bare = bareType(params[index]?.type ?? { kind: "void", id: 0 });
  const wide = (bare.kind === "int" || bare.kind === "enum") && bare.size > image.pointerSize;
  return wide
    ? twoWords(hit.arg(first), hit.arg(first + 1), bare.signed, `args.${params[index]?.name}`)
    : hit.arg(first);
}

function recordArgs(hit: KernelHit, reader: ObjectReader, tracepoint: TracepointInfo): object {
  const fields = new Map(tracepoint.fields.map((field) => [field.name, field]));
  return new Proxy(Object.freeze({}), {
    get(_target, name) {
      if (name === NO_VALUE) return argsAreNoValue([...fields.keys()]);
      if (typeof name === "symbol") return undefined;
      const field = fields.get(name);
      if (field !== undefined) return recordValue(hit, reader, field);
      throw new TypeError(
        `Cannot read field "${name}" of tracepoint ${tracepoint.subsystem}:${tracepoint.name}: ${
          nearOrAll(name, [...fields.keys()])
        }`,
      );
    },
    has: (_target, name) => typeof name === "string" && fields.has(name),
    ownKeys: () => [],
  });
}

function recordValue(hit: KernelHit, reader: ObjectReader, field: TracepointField): ObjectValue {
  if (field.type.startsWith("__data_loc")) return hit.recordStr(field.offset, field.size, true);
  const array = /^(.*)\[(\d+)\]$/.exec(field.type);
  if (array !== null) {
    const of = (array[1] ?? "").trim();
    if (/^(const )?char$/.test(of)) return hit.recordStr(field.offset, field.size, false);
    const count = Number(array[2]);
    const size = count > 0 ? field.size / count : field.size;
    return Array.from(
      { length: count },
      (_, i) => hit.recordLoad(field.offset + i * size, size, field.signed),
    );
  }
  if (!field.type.endsWith("*")) {
    const { size, signed, bool } = recordInteger(field, reader.image);
    const value = hit.recordLoad(field.offset, size, signed);
    return bool ? value !== 0 : value;
  }
  const size = Math.min(field.size, reader.image.pointerSize);
  const word = hit.recordLoad(field.offset, size, size === 8);
  const target = field.type.replace(/\*$/, "").replace(/\b(const|volatile)\b/g, "").trim();
  if (target === "char") return hit.str(word, MAX_STRING);
  const to = reader.image.type(target);
  return wordValue(reader, { kind: "ptr", id: -1, to: to ?? { kind: "void", id: 0 } }, word);
}
