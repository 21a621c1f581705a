/**
 * A program attached to a kernel: what it has found so far, and the way to take it off again.
 *
 * @module
 */

import { mapJson, mapsText } from "../format/mod.ts";
import type { CompiledProgram } from "../graph/compile.ts";
import type { MapSnapshot } from "../graph/maps/runtime_map.ts";
import type { Kernel } from "../kernel/kernel.ts";
import type { ProbeHandlerError } from "../kernel/kprobes/mod.ts";
import type { Armed, AttachError } from "./arm.ts";
import type { KernelHit } from "./hit.ts";
import type { Output } from "./output.ts";
import { mapResult, type ProbeStatistics, rowsResult } from "./result.ts";

/** A live attachment. `Maps` is what `maps` holds, `Rows` what `rows` does, by name. */
export class Session<Maps = unknown, Rows = unknown> {
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
  #exitCode: number | undefined;

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

  /** True once a probe asked the run to end. */
  get exited(): boolean {
    return this.#exitCode !== undefined;
  }

  /** What a probe's `exit()` gave; undefined where none did. */
  get exitCode(): number | undefined {
    return this.#exitCode;
  }

  /** Ends the run before its next event. No probe but those of the end runs from here on. */
  exit(code: number): void {
    this.#exitCode ??= code;
    this.kernel.scheduler.requestExit(code);
  }

  /** Rows that the probes emitted, by table. */
  get rows(): Rows {
    return rowsResult(this.compiled.program.graph, this.#hit.rows) as Rows;
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
    return this.compiled.snapshot().filter((map) => this.#isShown(map.name));
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

  #isShown(name: string): boolean {
    return this.compiled.program.graph.maps.find((map) => map.name === name)?.shown !== false;
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
