/**
 * Joins probes into a program: names the maps, numbers the functions that run as they are.
 *
 * @module
 */

import {
  type Expr,
  GRAPH_VERSION,
  type MapNode,
  type ProbeNode,
  type Program,
  type Statement,
  type Step,
} from "../graph/nodes.ts";
import { MapProbe, Probe } from "./builder.ts";
import { type Captured, shown } from "./capture/mod.ts";
import { pointName } from "../graph/point_name.ts";
import { printingTo } from "./print.ts";
import { checkMapName, checkName } from "./options.ts";
import { type ProbeSpec, SPEC, type StepSpec } from "./spec.ts";

/** A probe of any kind, with a map or without. */
export interface AnyProbe {
  /** What has been built. */
  readonly [SPEC]: ProbeSpec;
}

/** What a run returns for the maps of these probes, by name. */
export type MapsOf<P> = {
  readonly [N in keyof P as P[N] extends MapProbe<unknown> ? N : never]: P[N] extends MapProbe<infer R> ? R
    : never;
};

/** What `run` returns for a program, as far as the program's own type tells. */
export type ResultOf<P> = P extends Program<infer Maps> ? { readonly maps: Maps } : never;

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
export function program<P extends Readonly<Record<string, AnyProbe>>>(probes: P): Program<MapsOf<P>> {
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
      probe[SPEC].map === undefined ? "" : probe[SPEC].mapName ?? checkMapName(name),
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
  return given instanceof Probe || given instanceof MapProbe;
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
    joined.add(pointName(point), probe[SPEC], map === undefined ? "" : mapName ?? free);
  }
  return joined.program();
}

/** A program in the making. */
class Joined {
  readonly #probes: ProbeNode[] = [];
  readonly #maps = new Map<string, MapNode>();
  readonly #functions: ((context: never) => unknown)[] = [];

  add(name: string, spec: ProbeSpec, map: string): void {
    if (spec.map === undefined && spec.key !== undefined) {
      throw new TypeError(
        `Cannot use .by() in "${name}" without an aggregation: nothing is collected; add .count(), .sum(), .hist() …`,
      );
    }
    const steps = spec.steps.map((step) => this.#step(step));
    if (spec.map !== undefined) {
      const key = this.#key(spec);
      this.#declare({ name: map, aggregation: spec.map.aggregation, keyParts: key.length });
      const value = spec.map.value === undefined ? undefined : this.#expr(spec.map.value);
      steps.push({ op: "aggregate", map, key, value });
    }
    this.#probes.push({ name, point: spec.point, steps });
  }

  /** A map name that none has yet. */
  freeName(name: string): string {
    for (let n = 1;; n++) {
      const tried = n === 1 ? name : `${name}_${n}`;
      if (!this.#maps.has(tried)) return tried;
    }
  }

  program<M>(): Program<M> {
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
    if ("value" in captured) return captured.value;
    const { source, reason, span, run } = captured.opaque;
    const opaque = { op: "opaque", fn: this.#functions.length, source, reason } as const;
    this.#functions.push(runnable(run));
    return span === undefined ? opaque : { ...opaque, span };
  }

  #body(captured: Captured<readonly Statement[]>): readonly Statement[] {
    return "value" in captured ? captured.value : [{ op: "expr", value: this.#expr(captured) }];
  }
}

/** An opaque function as the session calls it: `print` in it prints for the context. */
function runnable(run: (context: never) => unknown): (context: never) => unknown {
  return (context) => printingTo(context, () => run(context));
}
