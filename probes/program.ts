/**
 * Joins probes into a program: names the maps, numbers the functions that run as they are.
 *
 * @module
 */

import {
  type Aggregation,
  type AttachPoint,
  type Expr,
  GRAPH_VERSION,
  type MapNode,
  type ProbeNode,
  type Program,
  type Statement,
  type Step,
} from "../graph/nodes.ts";
import { MapProbe, Probe, RowProbe } from "./builder.ts";
import { type Captured, shown } from "./capture/mod.ts";
import { pointName } from "../graph/point_name.ts";
import { exprChildren, statementsOf, stepExpressions } from "../graph/walk.ts";
import type { Data, KeyedMap } from "./results.ts";
import { runningIn } from "./running.ts";
import { type AnyState, isState, StateMap, type StateUse, type StateValue } from "./state.ts";
import { checkMapName, checkName } from "./options.ts";
import { type ProbeSpec, SPEC, type StepSpec } from "./spec.ts";

/** A probe of any kind, with a map or without. */
export interface AnyProbe {
  /** What has been built. */
  readonly [SPEC]: ProbeSpec;
}

/** The values that a probe was given with `.with()`. */
export type GivenTo<P> = P extends MapProbe<unknown, infer V> ? V
  : P extends RowProbe<unknown, infer V> ? V
  : P extends Probe<infer _C, infer V, infer _K> ? V
  : never;

/** Names of the maps and values among what a probe was given. */
export type StateNames<V> = V extends unknown ? {
    [N in keyof V]: V[N] extends StateMap<infer _K, infer _V> | StateValue<infer _W> ? N : never;
  }[keyof V]
  : never;

/** What a run returns for a map or value that handlers shared. */
export type StateResult<S> = S extends StateMap<infer K, infer V> ? KeyedMap<Data<K>, Held<V>>
  : S extends StateValue<infer V> ? Held<V> | undefined
  : never;

/** A value of a map as a run returns it: aggregated ones are plain data already. */
export type Held<V> = V extends { readonly kind: "histogram" | "stats" } ? V : Data<V>;

/** The result of the map or value of a name, whichever probe was given it. */
export type StateNamed<V, N> = V extends unknown ? N extends keyof V ? StateResult<V[N]> : never : never;

/** Names of the probes with a map of their own. */
export type MapNames<P> = { [N in keyof P]: P[N] extends MapProbe<unknown, unknown> ? N : never }[keyof P];

/** Names of the probes that emit rows. */
export type RowNames<P> = { [N in keyof P]: P[N] extends RowProbe<unknown, unknown> ? N : never }[keyof P];

/** What a run returns for the maps of these probes, by name: their own, and those that their handlers share. */
export type MapsOf<P> = {
  readonly [N in MapNames<P> | StateNames<GivenTo<P[keyof P]>>]: N extends MapNames<P>
    ? P[N] extends MapProbe<infer R, unknown> ? R : never
    : StateNamed<GivenTo<P[keyof P]>, N>;
};

/** What a run returns for the rows of these probes, by name. */
export type RowsOf<P> = {
  readonly [N in RowNames<P>]: P[N] extends RowProbe<infer R, unknown> ? readonly R[] : never;
};

/** What `run` returns for a program, as far as the program's own type tells. */
export type ResultOf<P> = P extends Program<infer Maps, infer Rows>
  ? { readonly maps: Maps; readonly rows: Rows }
  : never;

/**
 * Joins probes into a program. A probe's map is named after it, `@opens`, unless `.as()` named it.
 *
 * ```ts
 * import { kprobe } from "./kprobe.ts";
 * import { program } from "./program.ts";
 * const opens = program({ opens: kprobe("vfs_open").by((c) => c.comm).count() });
 * if (opens.graph.maps[0]?.name !== "opens") throw new Error("@opens");
 * ```
 *
 * @throws {TypeError} If something in it is no probe, or two probes fill the same map in different ways.
 */
export function program<P extends Readonly<Record<string, AnyProbe>>>(
  probes: P,
): Program<MapsOf<P>, RowsOf<P>> {
  if (typeof probes !== "object" || probes === null || Array.isArray(probes)) {
    throw new TypeError(
      `Cannot build a program from ${shown(probes)}: it takes an object of probes, { opens: … }`,
    );
  }
  const joined = new Joined();
  for (const [name, probe] of Object.entries(probes)) {
    checkName(name, "name of a probe", "a program");
    if (!isProbe(probe)) {
      throw new TypeError(`Cannot use ${shown(probe)} as the probe "${name}" of a program: it is no probe`);
    }
    joined.add(
      name,
      probe[SPEC],
      probe[SPEC].map === undefined && probe[SPEC].row === undefined
        ? ""
        : probe[SPEC].mapName ?? checkMapName(name),
    );
  }
  return joined.program();
}

/**
 * What a script exports, or an expression gives, as one program: a program, a probe, several probes in an array, or an
 * object of probes. A map without a name is `@`; among several, it is named after the function it probes.
 *
 * @throws {TypeError} If it is none of these.
 */
export function asProgram(given: unknown): Program {
  if (isProgram(given)) return given;
  if (isProbe(given)) return anonymous([given]);
  if (Array.isArray(given) && given.length > 0 && given.every(isProbe)) return anonymous(given);
  if (typeof given === "object" && given !== null && !Array.isArray(given)) {
    const entries = Object.entries(given);
    if (entries.length > 0 && entries.every(([, probe]) => isProbe(probe))) {
      return program(Object.fromEntries(entries) as Record<string, AnyProbe>);
    }
  }
  throw new TypeError(
    `Cannot run ${
      shown(given)
    }: it takes a probe, as kprobe("vfs_open").count(), several in an array, or a program({ … })`,
  );
}

/** True for what a probe kind or its builder made. */
export function isProbe(given: unknown): given is AnyProbe {
  return given instanceof Probe || given instanceof MapProbe || given instanceof RowProbe;
}

/** True for what `program` made. */
export function isProgram(given: unknown): given is Program {
  return typeof given === "object" && given !== null && "graph" in given && "functions" in given &&
    Array.isArray(given.functions);
}

function anonymous(probes: readonly AnyProbe[]): Program {
  const joined = new Joined();
  for (const probe of probes) {
    const { point, map, mapName } = probe[SPEC];
    const free = probes.length === 1
      ? ""
      : joined.freeName(pointName(point).replace(/^\w+:/, "").replace(/\W/g, "_"));
    const { row } = probe[SPEC];
    const named = map !== undefined || row !== undefined;
    joined.add(
      pointName(point),
      probe[SPEC],
      named ? mapName ?? (row === undefined ? free : free || "rows") : "",
    );
  }
  return joined.program();
}

/** A program in the making. */
class Joined {
  readonly #probes: ProbeNode[] = [];
  readonly #maps = new Map<string, MapNode>();
  readonly #functions: ((context: never) => unknown)[] = [];
  readonly #state = new Map<string, { readonly state: AnyState; aggregation: Aggregation | undefined }>();

  add(name: string, spec: ProbeSpec, map: string): void {
    if (spec.map === undefined && spec.key !== undefined) {
      throw new TypeError(
        `Cannot use .by() in "${name}" without an aggregation: nothing is collected; add .count(), .sum(), .hist() …`,
      );
    }
    const steps = spec.steps.map((step) => this.#step(step));
    for (const value of Object.values(spec.values)) {
      if (isState(value)) this.#share({ state: value, aggregation: undefined });
    }
    if (spec.map !== undefined) {
      const { aggregation, top } = spec.map;
      const key = this.#key(spec);
      this.#declare({ name: map, aggregation, keyParts: key.length, ...(top === undefined ? {} : { top }) });
      const value = spec.map.value === undefined ? undefined : this.#expr(spec.map.value);
      steps.push({ op: "aggregate", map, key, value });
    }
    if (spec.row !== undefined) steps.push({ op: "emit", table: map, row: this.#expr(spec.row) });
    this.#probes.push({
      name,
      point: spec.point,
      ...(spec.more.length > 0 ? { more: spec.more } : {}),
      ...(spec.entry === undefined ? {} : { entry: this.#expr(spec.entry) }),
      steps,
    });
    if (spec.map?.every !== undefined) this.#repeat(name, map, spec.map.every);
  }

  /** Prints and clears a map every so often. */
  #repeat(name: string, map: string, point: AttachPoint): void {
    this.#probes.push({
      name: `${name}.every`,
      point,
      steps: [
        { op: "printMap", map, key: undefined, top: undefined, div: undefined },
        { op: "clear", map },
      ],
    });
  }

  /** A map or value that handlers share, and what one of them does with it. */
  #share({ state, aggregation }: StateUse): void {
    const known = this.#state.get(state.name);
    if (known === undefined) {
      this.#state.set(state.name, { state, aggregation });
      return;
    }
    const is = known.aggregation;
    if (known.state !== state) {
      throw new TypeError(
        `Cannot use two maps of the name "@${state.name}" in one program: give one another name`,
      );
    }
    known.aggregation ??= aggregation;
    if (is !== undefined && aggregation !== undefined && JSON.stringify(is) !== JSON.stringify(aggregation)) {
      throw new TypeError(
        `Cannot use the map "@${state.name}" in two ways: it is a ${is.fn} here and a ${aggregation.fn} there; use two maps`,
      );
    }
  }

  /** A map name that none has yet. */
  freeName(name: string): string {
    for (let n = 1;; n++) {
      const tried = n === 1 ? name : `${name}_${n}`;
      if (!this.#maps.has(tried)) return tried;
    }
  }

  program<M, R>(): Program<M, R> {
    for (const { state, aggregation } of this.#state.values()) {
      const keyParts = state instanceof StateMap ? keyPartsOf(state.name, this.#probes) : 0;
      const { maxEntries, lru } = state instanceof StateMap ? state.options : {};
      const options = {
        ...(maxEntries === undefined ? {} : { maxEntries }),
        ...(lru === true ? { lru } : {}),
      };
      this.#declare({ name: state.name, aggregation: aggregation ?? { fn: "value" }, keyParts, ...options });
    }
    const graph = { version: GRAPH_VERSION, probes: this.#probes, maps: [...this.#maps.values()] } as const;
    return { graph, functions: this.#functions };
  }

  #declare(map: MapNode): void {
    const before = this.#maps.get(map.name);
    if (before === undefined) {
      this.#maps.set(map.name, map);
    } else if (JSON.stringify(before) !== JSON.stringify(map)) {
      throw new TypeError(
        `Cannot fill the map "@${map.name}" in two ways: probes that share a map need the same aggregation and as many key parts`,
      );
    }
  }

  #key(spec: ProbeSpec): readonly Expr[] {
    if (spec.key === undefined) return [];
    const key = this.#expr(spec.key);
    return key.op === "tuple" ? key.items : [key];
  }

  #step(step: StepSpec): Step {
    switch (step.op) {
      case "limit":
      case "sample":
        return step;
      case "until":
        return {
          op: "if",
          test: this.#expr(step.captured),
          then: [{ op: "exit", code: undefined }],
          else: [],
        };
      case "filter":
        return { op: "filter", test: this.#expr(step.captured) };
      case "print": {
        const part = this.#expr(step.captured);
        return {
          op: "print",
          parts: [part.op === "literal" && typeof part.value === "string" ? part.value : part],
        };
      }
      case "printf": {
        const args = step.captured === undefined ? undefined : this.#expr(step.captured);
        return {
          op: "printf",
          format: step.format,
          args: args === undefined ? [] : args.op === "tuple" ? args.items : [args],
        };
      }
      case "do":
        return { op: "do", body: this.#body(step.captured) };
    }
  }

  #expr(captured: Captured<Expr>): Expr {
    if ("value" in captured) {
      for (const use of captured.uses) this.#share(use);
      return captured.value;
    }
    const { source, reason, span, run } = captured.opaque;
    const opaque = { op: "opaque", fn: this.#functions.length, source, reason } as const;
    this.#functions.push(runnable(run));
    return span === undefined ? opaque : { ...opaque, span };
  }

  #body(captured: Captured<readonly Statement[]>): readonly Statement[] {
    if (!("value" in captured)) return [{ op: "expr", value: this.#expr(captured) }];
    for (const use of captured.uses) this.#share(use);
    return captured.value;
  }
}

/** An opaque function as the session calls it: `print` in it prints for the context. */
function runnable(run: (context: never) => unknown): (context: never) => unknown {
  return (context) => runningIn(context, () => run(context));
}

/** Parts of a shared map's key: of the first key that is written out as a tuple, else one. */
function keyPartsOf(map: string, probes: readonly ProbeNode[]): number {
  for (const key of probes.flatMap((node) => keysOf(map, node))) {
    if (key.length !== 1) return key.length;
    const [part] = key;
    if (part?.op === "tuple") return part.items.length;
  }
  return 1;
}

function keysOf(map: string, node: ProbeNode): readonly (readonly Expr[])[] {
  const written = statementsOf(node).flatMap((statement) =>
    "map" in statement && statement.map === map && "key" in statement && Array.isArray(statement.key)
      ? [statement.key as readonly Expr[]]
      : []
  );
  const read: (readonly Expr[])[] = [];
  const look = (expr: Expr): void => {
    if ((expr.op === "mapGet" || expr.op === "mapHas") && expr.map === map) read.push(expr.key);
    exprChildren(expr).forEach(look);
  };
  node.steps.flatMap(stepExpressions).forEach(look);
  return [...written, ...read];
}
