/**
 * What the image tells of a probed instruction.
 *
 * @module
 */

import type { ProbeHost } from "./host.ts";
import { functionAt, type Place } from "./place.ts";
import type { Detour, PointFacts } from "./point.ts";

/** Everything that a point needs to know of its place. `detour`: the slot that a jump would go to; null if it can't be one. */
export function pointFacts(
  host: ProbeHost,
  place: Place,
  onFtrace: boolean,
  detour: Detour | null,
): PointFacts {
  const branches = functionAt(host, place)?.callSites().some((site) => site.offset === place.offset) ?? false;
  return { place, onFtrace, branches, length: instructionLength(host, place), detour };
}

function instructionLength(host: ProbeHost, place: Place): number {
  if (host.arch.instructionAlign > 1) return host.arch.instructionAlign;
  const info = functionAt(host, place);
  const boundaries = info?.boundaries();
  const at = boundaries?.indexOf(place.offset) ?? -1;
  return at < 0 ? 1 : (boundaries?.[at + 1] ?? info?.size ?? place.offset + 1) - place.offset;
}
