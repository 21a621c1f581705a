/**
 * What the image tells of a probed instruction.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import type { ProbeHost } from "./host.ts";
import { functionAt, type Place } from "./place.ts";
import type { PointFacts } from "./point.ts";

/** Bytes between the code that two jumps go to: a copy of the displaced instructions inside the template. */
const DETOUR_SIZE = 0x200;
/** How far below the end of module space detours lie. */
const DETOUR_SPACE = 0x100000;

/** Everything that a point needs to know of its place. */
export function pointFacts(host: ProbeHost, place: Place, onFtrace: boolean, displaced: number): PointFacts {
  const branches = functionAt(host, place)?.callSites().some((site) => site.offset === place.offset) ?? false;
  const detour = displaced === 0 ? 0 : detourAddress(host, place.address);
  return { place, onFtrace, displaced, branches, length: instructionLength(host, place), detour };
}

/** The slot of an address: always the same one, so that text is the same whatever was probed before. */
function detourAddress(host: ProbeHost, address: Addr): Addr {
  const slots = DETOUR_SPACE / DETOUR_SIZE;
  const slot = ((address % slots) + slots) % slots;
  return host.arch.layout.modulesEnd - DETOUR_SPACE + slot * DETOUR_SIZE;
}

function instructionLength(host: ProbeHost, place: Place): number {
  if (host.arch.instructionAlign > 1) return host.arch.instructionAlign;
  const info = functionAt(host, place);
  const boundaries = info?.boundaries();
  const at = boundaries?.indexOf(place.offset) ?? -1;
  return at < 0 ? 1 : (boundaries?.[at + 1] ?? info?.size ?? place.offset + 1) - place.offset;
}
