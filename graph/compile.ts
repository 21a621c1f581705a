/**
 * From a program to something that runs: passes, then one fused function per attach point.
 *
 * @module
 */

import type { KernelImage } from "../image/model.ts";
import { buildHandler, type BuiltHandler, type Handler, type Surroundings } from "./codegen/handler.ts";
import { type Diagnostic, ProgramError, reporter } from "./diagnostic.ts";
import type { IrStep } from "./ir.ts";
import { AggregateMap, DEFAULT_MAX_ENTRIES, type KeyKind, type MapSnapshot } from "./maps/aggregate_map.ts";
import { GRAPH_VERSION, type ProbeNode, type Program } from "./nodes.ts";
import { type ResolvedPoint, resolvePoints } from "./passes/attach_points.ts";
import { registerWords } from "./passes/argument_words.ts";
import { dependsOnPoint } from "./passes/depends.ts";
import { foldSteps } from "./passes/fold.ts";
import { checkMaps, MapUses } from "./passes/map_use.ts";
import { resolveSteps } from "./passes/resolve.ts";
import { checkOutput } from "./passes/output.ts";
import { checkRepeatable } from "./passes/repeatable.ts";
import type { ValueType } from "./types.ts";
import { type Symbolizer, symbolizer } from "./value.ts";

/** How a program is compiled. */
export interface CompileOptions {
  /** Keys that each map takes before updates are lost. Default 4096, as bpftrace's `max_map_keys`. */
  readonly maxEntries?: number;
}

/** One attach point of a program, with the function that runs its hits. */
export interface Attachment {
  /** Index of the probe in the graph. */
  readonly probe: number;
  /** bpftrace's name of the point: `kprobe:vfs_open`. */
  readonly name: string;
  readonly at: ResolvedPoint;
  readonly handler: Handler;
  /** The JavaScript of the handler. */
  readonly source: string;
  /** The resolved steps that it was made from. */
  readonly steps: readonly IrStep[];
}

/** A program ready to attach to a kernel of one image. Its maps start empty. */
export interface CompiledProgram {
  readonly program: Program;
  readonly image: KernelImage;
  /** In declaration order; the points of a glob in address order. */
  readonly attachments: readonly Attachment[];
  readonly maps: ReadonlyMap<string, AggregateMap>;
  readonly warnings: readonly Diagnostic[];
  readonly symbolize: Symbolizer;
  /** All maps, sorted by name, their entries in print order. */
  snapshot(): readonly MapSnapshot[];
}

/** What the passes make of one attach point. */
export interface AnalyzedPoint {
  readonly probe: number;
  readonly at: ResolvedPoint;
  readonly steps: readonly IrStep[];
}

/** What the passes find out about a program. */
export interface Analysis {
  readonly points: readonly AnalyzedPoint[];
  readonly diagnostics: readonly Diagnostic[];
  /** Types of each map's key parts, by map name. */
  readonly keyTypes: ReadonlyMap<string, readonly ValueType[]>;
}

/**
 * Runs the passes over a program: attach points, names and types, constants, maps. Never throws for what is wrong
 * with the program: that is in the diagnostics.
 */
export function analyze(program: Program, image: KernelImage): Analysis {
  const diagnostics: Diagnostic[] = [];
  const { graph } = program;
  const reportProgram = reporter(diagnostics, "");
  if (graph.version !== GRAPH_VERSION) {
    reportProgram(
      "error",
      `This graph has version ${graph.version}; this kscope reads version ${GRAPH_VERSION}`,
    );
    return { points: [], diagnostics, keyTypes: new Map() };
  }
  checkMaps(graph.maps, reportProgram);
  const uses = new MapUses(graph.maps);
  const points = graph.probes.flatMap((node, probe) =>
    analyzeProbe(node, probe, program, image, diagnostics, uses)
  );
  const keyTypes = new Map(graph.maps.map((map) => [map.name, uses.keyTypes(map.name) ?? []]));
  return { points, diagnostics, keyTypes };
}

function analyzeProbe(
  node: ProbeNode,
  probe: number,
  program: Program,
  image: KernelImage,
  diagnostics: Diagnostic[],
  uses: MapUses,
): readonly AnalyzedPoint[] {
  const points = resolvePoints(node, image, reporter(diagnostics, node.name));
  let shared: readonly IrStep[] | undefined;
  return points.map((at) => {
    const steps = shared ?? stepsAt(node, at, program, image, diagnostics, uses);
    if (!dependsOnPoint(node.steps, registerWords(image.arch))) shared = steps;
    return { probe, at, steps };
  });
}

function stepsAt(
  node: ProbeNode,
  at: ResolvedPoint,
  program: Program,
  image: KernelImage,
  diagnostics: Diagnostic[],
  uses: MapUses,
): readonly IrStep[] {
  const report = reporter(diagnostics, at.name);
  const resolved = resolveSteps(node.steps, {
    image,
    at,
    functions: program.functions.length,
    locals: new Map(),
    report,
  });
  const steps = foldSteps(resolved, report);
  checkOutput(steps, image, report);
  checkRepeatable(steps, report);
  uses.check(steps, at.name, image, report);
  return steps;
}

/**
 * Compiles a program for a kernel image.
 *
 * Throws a `ProgramError` with all diagnostics where the program is wrong: unknown functions, fields or types,
 * operators on types that do not take them, maps used in two ways.
 */
export function compile(program: Program, image: KernelImage, options: CompileOptions = {}): CompiledProgram {
  const analysis = analyze(program, image);
  if (analysis.diagnostics.some((d) => d.severity === "error")) throw new ProgramError(analysis.diagnostics);
  const symbolize = symbolizer(image);
  const maps = makeMaps(program, analysis, options.maxEntries ?? DEFAULT_MAX_ENTRIES);
  const around: Surroundings = { image, maps, functions: program.functions, symbolize, made: new Map() };
  // The points of a glob mostly share their steps: those are compiled once.
  const built = new Map<readonly IrStep[], BuiltHandler>();
  const attachments = analysis.points.map(({ probe, at, steps }): Attachment => {
    let one = built.get(steps);
    if (one === undefined) built.set(steps, one = buildHandler(steps, around));
    const { handler, source } = one;
    return { probe, name: at.name, at, handler, source, steps };
  });
  return {
    program,
    image,
    attachments,
    maps,
    warnings: analysis.diagnostics,
    symbolize,
    snapshot: () => [...maps.values()].sort(byName).map((map) => map.snapshot(symbolize)),
  };
}

function byName(a: AggregateMap, b: AggregateMap): number {
  return a.name < b.name ? -1 : a.name > b.name ? 1 : 0;
}

function makeMaps(
  program: Program,
  analysis: Analysis,
  maxEntries: number,
): ReadonlyMap<string, AggregateMap> {
  return new Map(program.graph.maps.map((node) => {
    const map = new AggregateMap(node, maxEntries);
    map.setKinds((analysis.keyTypes.get(node.name) ?? []).map(keyKind));
    return [node.name, map];
  }));
}

function keyKind(type: ValueType): KeyKind {
  if (type.kind === "pointer" || type.kind === "stack" || type.kind === "unknown") return type.kind;
  return type.kind === "tuple" ? "unknown" : "plain";
}
