/**
 * A program attached to a kernel: what it has found so far, and the way to take it off again.
 *
 * @module
 */

import { mapJson, mapsText } from "../format/mod.ts";
import type { CompiledProgram } from "../graph/compile.ts";
import type { MapSnapshot } from "../graph/maps/aggregate_map.ts";
import type { Kernel } from "../kernel/kernel.ts";
import type { ProbeHandlerError } from "../kernel/kprobes/mod.ts";
import type { Armed, AttachError } from "./arm.ts";
import type { KernelHit } from "./hit.ts";
import type { Output } from "./output.ts";
import { mapResult, type ProbeStatistics } from "./result.ts";

/** A live attachment. `Maps` is what `maps` holds, by name. */
export class Session<Maps = unknown> {
  /** What it is attached to. */
  readonly kernel: Kernel;
  /** The program as compiled for that kernel. */
  readonly compiled: CompiledProgram;
  /** What its probes printed. */
  readonly output: Output;
  /** What went wrong in handlers, with `keepGoing`. */
  readonly failures: ProbeHandlerError[] = [];
  /** Functions of a glob that the kernel refused to probe. */
  readonly refused: AttachError[] = [];
  readonly #hit: KernelHit;
  #armed: readonly Armed[] = [];
  #attached = true;

  /** Made by `attach`. */
  constructor(kernel: Kernel, compiled: CompiledProgram, hit: KernelHit, output: Output) {
    this.kernel = kernel;
    this.compiled = compiled;
    this.output = output;
    this.#hit = hit;
  }

  /** Takes over what `attach` armed, and runs the `begin` probes. */
  adopt(armed: readonly Armed[]): void {
    this.#armed = armed;
    this.#runAll("begin");
  }

  /** False once detached. */
  get attached(): boolean {
    return this.#attached;
  }

  /** Runs the `end` probes and takes all probes off the kernel. Maps and counts stay readable. Twice is once. */
  detach(): void {
    if (!this.#attached) return;
    this.#attached = false;
    try {
      this.#runAll("end");
    } finally {
      for (const one of this.#armed) one.disarm();
    }
  }

  /** What each attach point saw, in declaration order. */
  probes(): readonly ProbeStatistics[] {
    const { probes } = this.compiled.program.graph;
    return this.#armed.map((one) => ({
      name: probes[one.attachment.probe]?.name ?? one.attachment.name,
      probe: one.attachment.name,
      hits: one.hits(),
      missed: one.missed(),
    }));
  }

  /** The maps now: keyed ones by key, others as their value. */
  get maps(): Maps {
    return Object.fromEntries(this.snapshot().map((map) => [map.name, mapResult(map)])) as Maps;
  }

  /** The maps as plain data, sorted by name, their entries in print order. */
  snapshot(): readonly MapSnapshot[] {
    return this.compiled.snapshot();
  }

  /** The maps as bpftrace prints them; only the one of that name if given. */
  mapsText(name?: string): string {
    return mapsText(this.#chosen(name));
  }

  /** The maps as JSON lines. */
  mapsJson(name?: string): string {
    return this.#chosen(name).map((map) => mapJson(map)).filter((line) => line !== "").map((line) =>
      `${line}\n`
    ).join("");
  }

  /** Reads that met unmapped memory. */
  get faults(): number {
    return this.#hit.faults;
  }

  #chosen(name: string | undefined): readonly MapSnapshot[] {
    return name === undefined ? this.snapshot() : this.snapshot().filter((map) => map.name === name);
  }

  #runAll(phase: "begin" | "end"): void {
    for (const one of this.#armed) {
      if (one.phase === phase) one.run(null, null, null);
    }
  }
}
