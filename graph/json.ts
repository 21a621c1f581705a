/**
 * The graph as JSON text, and back. Functions of opaque parts stay behind: their source is kept, but a graph read
 * back refuses to run them.
 *
 * @module
 */

import { checkGraph } from "./json_check.ts";
import { GRAPH_VERSION, type ProbeGraph, type Program } from "./nodes.ts";

/**
 * A graph as JSON text. Sources that many spans point into are written once.
 *
 * ```ts
 * import { graphFromJson, graphToJson } from "./json.ts";
 * const graph = { version: 2, probes: [], maps: [] } as const;
 * if (graphFromJson(graphToJson(graph)).graph.probes.length !== 0) throw new Error("lost");
 * ```
 */
export function graphToJson(graph: ProbeGraph): string {
  const sources: string[] = [];
  const body = encode(graph, sources);
  return JSON.stringify({ kscope: "graph", ...(typeof body === "object" ? body : {}), sources });
}

/**
 * Reads a graph from JSON text.
 *
 * @throws {SyntaxError} Where the text is no JSON, no graph, or of another version; the message says which.
 */
export function graphFromJson(text: string): Program {
  let raw: unknown;
  try {
    raw = JSON.parse(text);
  } catch (error) {
    throw new SyntaxError(
      `Cannot read the graph: it is not JSON (${error instanceof Error ? error.message : error})`,
    );
  }
  if (!isRecord(raw) || raw.kscope !== "graph") {
    throw new SyntaxError('Cannot read the graph: it is JSON, but no graph ("kscope": "graph" is missing)');
  }
  if (raw.version !== GRAPH_VERSION) {
    throw new SyntaxError(
      `Cannot read the graph: it has version ${
        JSON.stringify(raw.version) ?? "none"
      }, and this kscope reads version ${GRAPH_VERSION}`,
    );
  }
  const sources = Array.isArray(raw.sources) ? raw.sources : [];
  const { kscope: _kscope, sources: _sources, ...rest } = raw;
  return { graph: checkGraph(decode(rest, sources)), functions: [] };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** JSON has no bigint, no undefined in objects worth keeping, and no NaN: these are tagged. */
function encode(value: unknown, sources: string[]): unknown {
  if (typeof value === "bigint") return { $bigint: String(value) };
  if (typeof value === "number" && (!Number.isFinite(value) || Object.is(value, -0))) {
    return { $number: Object.is(value, -0) ? "-0" : String(value) };
  }
  if (Array.isArray(value)) return value.map((item: unknown) => encode(item, sources));
  if (!isRecord(value)) return value;
  return Object.fromEntries(
    Object.entries(value).filter(([, inner]) => inner !== undefined).map(([name, inner]) => [
      name,
      name === "span" ? encodeSpan(inner, sources) : encode(inner, sources),
    ]),
  );
}

function encodeSpan(span: unknown, sources: string[]): unknown {
  if (!isRecord(span) || typeof span.source !== "string") {
    return isRecord(span) ? [span.start, span.end] : span;
  }
  let index = sources.indexOf(span.source);
  if (index === -1) index = sources.push(span.source) - 1;
  return [span.start, span.end, index];
}

/** Members that are there and undefined where nothing was given. */
const ABSENT: ReadonlyMap<string, readonly string[]> = new Map(Object.entries<readonly string[]>({
  aggregate: ["value"],
  printMap: ["key", "top", "div"],
  exit: ["code"],
  return: ["value"],
}));

function decode(value: unknown, sources: readonly unknown[]): unknown {
  if (Array.isArray(value)) return value.map((item: unknown) => decode(item, sources));
  if (!isRecord(value)) return value;
  if (typeof value.$bigint === "string" && /^-?\d+$/.test(value.$bigint)) return BigInt(value.$bigint);
  if (typeof value.$number === "string") return Number(value.$number);
  const absent = typeof value.op === "string" ? ABSENT.get(value.op) : undefined;
  if (absent !== undefined) {
    return {
      ...Object.fromEntries(absent.map((name) => [name, undefined])),
      ...decodeMembers(value, sources),
    };
  }
  return decodeMembers(value, sources);
}

function decodeMembers(value: Record<string, unknown>, sources: readonly unknown[]): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => [
      name,
      name === "span" ? decodeSpan(inner, sources) : decode(inner, sources),
    ]),
  );
}

function decodeSpan(span: unknown, sources: readonly unknown[]): unknown {
  if (!Array.isArray(span)) return span;
  const [start, end, index]: unknown[] = span;
  const source = typeof index === "number" ? sources[index] : undefined;
  return { start, end, ...(typeof source === "string" ? { source } : {}) };
}
