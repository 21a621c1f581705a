/**
 * From a program to something that runs: passes, then one fused function per attach point.
 *
 * @module
 */

import type { KernelImage } from "../image/model.ts";
import { DEFAULT_BUDGET } from "./codegen/budget.ts";
import {
  buildHandler,
  buildReader,
  type BuiltHandler,
  type Handler,
  type Surroundings,
} from "./codegen/handler.ts";
import { type Diagnostic, ProgramError, type Report, reporter } from "./diagnostic.ts";
import type { Hit } from "./hit.ts";
import type { Ir, IrStep } from "./ir.ts";
import { DEFAULT_MAX_ENTRIES, type KeyKind, type MapSnapshot, RuntimeMap } from "./maps/runtime_map.ts";
import { GRAPH_VERSION, type ProbeNode, type Program } from "./nodes.ts";
import { type ResolvedPoint, resolvePoints } from "./passes/attach_points.ts";
import { registerWords } from "./passes/argument_words.ts";
import { dependsOnPoint } from "./passes/depends.ts";
import { fold, foldSteps } from "./passes/fold.ts";
import { MapTypes } from "./passes/map_types.ts";
import { checkMaps, MapUses } from "./passes/map_use.ts";
import { resolveExpr, resolveSteps } from "./passes/resolve.ts";
import type { Scope } from "./passes/scope.ts";
import { checkOutput } from "./passes/output.ts";
import { dropUnused } from "./passes/unused.ts";
import { checkRepeatable } from "./passes/repeatable.ts";
import { UNKNOWN, type ValueType } from "./types.ts";
import { readsMaps } from "./walk.ts";
import { type Symbolizer, symbolizer } from "./value.ts";

/** How a program is compiled. */
export interface CompileOptions {
  /** Instructions that one hit may spend in loops, before it is ended. Default 1,000,000. */
  readonly budget?: number;
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
  /** What a kretprobe keeps of its entry, where it does. */
  readonly entry?: (hit: Hit) => unknown;
}

/** A program ready to attach to a kernel of one image. Its maps start empty. */
export interface CompiledProgram {
  readonly program: Program;
  readonly image: KernelImage;
  /** In declaration order; the points of a glob in address order. */
  readonly attachments: readonly Attachment[];
  readonly maps: ReadonlyMap<string, RuntimeMap>;
  /** Types of each map's key parts, and of what is stored in it, by map name. */
  readonly mapTypes: Analysis["mapTypes"];
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
  /** What is kept of the entry. */
  readonly entry?: Ir;
}

/** What the passes find out about a program. */
export interface Analysis {
  readonly points: readonly AnalyzedPoint[];
  readonly diagnostics: readonly Diagnostic[];
  /** Types of each map's key parts, and of what is stored in it, by map name. */
  readonly mapTypes: ReadonlyMap<string, { readonly key: readonly ValueType[]; readonly value: ValueType }>;
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
    return { points: [], diagnostics, mapTypes: new Map() };
  }
  checkMaps(graph.maps, reportProgram);
  const types = typesOfMaps(program, image);
  const uses = new MapUses(graph.maps);
  const points = graph.probes.flatMap((node, probe) =>
    analyzeProbe(node, probe, program, image, diagnostics, { types, uses })
  );
  const mapTypes = new Map(
    graph.maps.map((map) => [map.name, {
      key: uses.keyTypes(map.name) ?? [],
      value: uses.valueType(map.name) ?? UNKNOWN,
    }]),
  );
  return { points, diagnostics, mapTypes };
}

/** Most rounds in which the types of maps settle. */
const MAX_ROUNDS = 8;

/** What is stored in maps, where the program reads it out again. */
function typesOfMaps(program: Program, image: KernelImage): MapTypes {
  const { graph } = program;
  const types = new MapTypes(graph.maps);
  if (!readsMaps(graph)) return types;
  const silent = (): void => {};
  const points = graph.probes.map((node) => resolvePoints(node, image, silent)[0]);
  for (let round = 0; round < MAX_ROUNDS; round++) {
    let changed = false;
    graph.probes.forEach((node, i) => {
      const at = points[i];
      if (at === undefined) return;
      const { steps } = resolvedAt(node, at, program, image, types, silent);
      changed = types.learn(steps) || changed;
    });
    if (!changed) break;
  }
  types.settle(program.functions.length > 0);
  return types;
}

interface Maps {
  readonly types: MapTypes;
  readonly uses: MapUses;
}

function analyzeProbe(
  node: ProbeNode,
  probe: number,
  program: Program,
  image: KernelImage,
  diagnostics: Diagnostic[],
  maps: Maps,
): readonly AnalyzedPoint[] {
  const points = resolvePoints(node, image, reporter(diagnostics, node.name));
  let shared: { readonly steps: readonly IrStep[]; readonly entry?: Ir } | undefined;
  return points.map((at) => {
    const found = shared ?? stepsAt(node, at, program, image, diagnostics, maps);
    if (node.entry === undefined && !dependsOnPoint(node.steps, registerWords(image.arch))) shared = found;
    return { probe, at, ...found };
  });
}

function resolvedAt(
  node: ProbeNode,
  at: ResolvedPoint,
  program: Program,
  image: KernelImage,
  maps: MapTypes,
  report: Report,
): { readonly steps: readonly IrStep[]; readonly entry?: Ir } {
  const scope: Scope = {
    image,
    at,
    functions: program.functions.length,
    locals: new Map(),
    report,
    c: node.arithmetic === "c",
    maps,
    entry: undefined,
    inside: { loop: false, block: false },
  };
  if (node.entry === undefined) return { steps: resolveSteps(node.steps, scope) };
  if (at.point.kind !== "kretprobe") {
    report("error", `Nothing can be kept at the entry of ${at.name}: only a kretprobe has an entry handler`);
  }
  const entered = {
    ...at,
    point: { kind: "kprobe", target: at.name.replace(/^kretprobe:/, ""), offset: 0 },
  } as const;
  const entry = resolveExpr(node.entry, { ...scope, at: { ...entered, prototype: at.prototype } });
  return { entry, steps: resolveSteps(node.steps, { ...scope, entry: entry.type }) };
}

function stepsAt(
  node: ProbeNode,
  at: ResolvedPoint,
  program: Program,
  image: KernelImage,
  diagnostics: Diagnostic[],
  { types, uses }: Maps,
): { readonly steps: readonly IrStep[]; readonly entry?: Ir } {
  const report = reporter(diagnostics, at.name);
  const resolved = resolvedAt(node, at, program, image, types, report);
  const steps = dropUnused(foldSteps(resolved.steps, report));
  checkOutput(steps, image, report);
  checkRepeatable(steps, report);
  uses.check(steps, at.name, image, report);
  return resolved.entry === undefined ? { steps } : { steps, entry: fold(resolved.entry) };
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
  const { functions } = program;
  const around: Surroundings = { image, maps, functions, symbolize, made: new Map(), gates: new Map() };
  const budget = options.budget ?? DEFAULT_BUDGET;
  // The points of a glob mostly share their steps: those are compiled once.
  const built = new Map<readonly IrStep[], BuiltHandler>();
  const attachments = analysis.points.map(({ probe, at, steps, entry }): Attachment => {
    const how = { c: program.graph.probes[probe]?.arithmetic === "c", probe, budget };
    let one = built.get(steps);
    if (one === undefined) built.set(steps, one = buildHandler(steps, around, how));
    const { handler, source } = one;
    const attachment = { probe, name: at.name, at, handler, source, steps };
    return entry === undefined ? attachment : { ...attachment, entry: buildReader(entry, around, how) };
  });
  return {
    program,
    image,
    attachments,
    maps,
    mapTypes: analysis.mapTypes,
    warnings: analysis.diagnostics,
    symbolize,
    snapshot: () => [...maps.values()].sort(byName).map((map) => map.snapshot(symbolize)),
  };
}

function byName(a: RuntimeMap, b: RuntimeMap): number {
  return a.name < b.name ? -1 : a.name > b.name ? 1 : 0;
}

function makeMaps(
  program: Program,
  analysis: Analysis,
  maxEntries: number,
): ReadonlyMap<string, RuntimeMap> {
  return new Map(program.graph.maps.map((node) => {
    const map = new RuntimeMap(node, maxEntries);
    const types = analysis.mapTypes.get(node.name);
    const value = types?.value ?? UNKNOWN;
    const zero = value.kind === "string" ? "" : value.kind === "bool" ? false : 0;
    map.setKinds({ key: (types?.key ?? []).map(keyKind), value: keyKind(value), zero });
    return [node.name, map];
  }));
}

function keyKind(type: ValueType): KeyKind {
  if (type.kind === "pointer" || type.kind === "stack" || type.kind === "unknown") return type.kind;
  return ["tuple", "record", "buffer"].includes(type.kind) ? "unknown" : "plain";
}
