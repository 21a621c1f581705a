/**
 * A program's maps for functions that run as they are.
 *
 * @module
 */

import type { CompiledProgram } from "../graph/compile.ts";
import { LiveMap, type Viewer } from "../graph/maps/live_map.ts";
import type { ValueType } from "../graph/types.ts";
import type { KernelHit } from "./hit.ts";
import { type ObjectReader, wordValue } from "./objects.ts";

/** Finds a map of a program by its name. */
export function liveMaps(compiled: CompiledProgram, hit: KernelHit): (name: string) => LiveMap | undefined {
  const reader: ObjectReader = {
    image: compiled.image,
    load: (address, size, signed) => hit.load(address, size, signed),
    str: (address, max) => hit.str(address, max),
  };
  const made = new Map<string, LiveMap>();
  return (name) => {
    const known = made.get(name);
    const map = compiled.maps.get(name);
    if (known !== undefined || map === undefined) return known;
    const types = compiled.mapTypes.get(name);
    const live = new LiveMap(
      map,
      (top) => hit.printMap(map.snapshot(compiled.symbolize), top, undefined),
      { key: (types?.key ?? []).map((type) => viewer(reader, type)), value: viewer(reader, types?.value) },
    );
    made.set(name, live);
    return live;
  };
}

/** Addresses become typed pointers again. */
function viewer(reader: ObjectReader, type: ValueType | undefined): Viewer | undefined {
  if (type?.kind !== "pointer") return undefined;
  const { to } = type;
  return (address) => wordValue(reader, { kind: "ptr", id: -1, to }, address);
}
