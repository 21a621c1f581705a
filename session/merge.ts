/**
 * Puts the results of two runs together: of several seeds, architectures or machines.
 *
 * @module
 */

import { mapJson, mapsText } from "../format/mod.ts";
import { mergeMaps } from "../graph/maps/merge.ts";
import type { MapSnapshot } from "../graph/maps/runtime_map.ts";
import { mapResult } from "./result.ts";

/** What two results have in common: of runs, or of merges. */
export interface Mergeable<Maps = unknown, Rows = unknown> {
  /** The maps by name. */
  readonly maps: Maps;
  /** Rows by table. */
  readonly rows: Rows;
  /** What the probes printed. */
  readonly lines: readonly string[];
  /** The maps as plain data. */
  snapshot(): readonly MapSnapshot[];
  /** The maps as bpftrace prints them. */
  mapsText(): string;
}

/** Two results as one. */
export interface MergedResult<Maps = unknown, Rows = unknown> extends Mergeable<Maps, Rows> {
  /** The maps as JSON lines. */
  mapsJson(): string;
}

/**
 * Puts two results of the same program together: counts, sums and histograms add up, averages weigh by how often, of
 * plain values the second result's stay; rows and lines follow one another.
 *
 * ```ts
 * import { merge } from "./merge.ts";
 * import { run } from "./run.ts";
 * import { kprobe } from "../probes/kprobe.ts";
 * import { program } from "../probes/program.ts";
 * const opens = program({ opens: kprobe("vfs_open").by((c) => c.comm).count() });
 * const both = merge(await run(opens, { seed: 1 }), await run(opens, { seed: 2 }));
 * if (both.maps.opens.get("cat") !== 8) throw new Error("twice four");
 * ```
 *
 * @throws {TypeError} If a map of one name aggregates in two ways.
 */
export function merge<M, R>(a: Mergeable<M, R>, b: Mergeable<M, R>): MergedResult<M, R> {
  const maps = mergeMaps(a.snapshot(), b.snapshot());
  return {
    maps: Object.fromEntries(maps.map((map) => [map.name, mapResult(map)])) as M,
    rows: mergeRows(a.rows, b.rows) as R,
    lines: [...a.lines, ...b.lines],
    snapshot: () => maps,
    mapsText: () => mapsText(maps),
    mapsJson: () =>
      maps.map((map) => mapJson(map)).filter((line) => line !== "").map((line) => `${line}\n`).join(""),
  };
}

function mergeRows(a: unknown, b: unknown): Record<string, readonly unknown[]> {
  const merged = new Map<string, readonly unknown[]>();
  for (const rows of [a, b]) {
    for (const [table, list] of Object.entries(rows ?? {}) as [string, readonly unknown[]][]) {
      merged.set(table, [...merged.get(table) ?? [], ...list]);
    }
  }
  return Object.fromEntries(merged);
}
