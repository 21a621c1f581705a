/**
 * What `register_kretprobe` refuses before it registers the entry probe.
 *
 * @module
 */

import type { Arch } from "../../image/model.ts";
import { E2BIG, EINVAL } from "./errno.ts";
import type { ProbeHost } from "./host.ts";
import type { Kretprobe } from "./kretprobe.ts";
import { describe, type Place, type Refusal } from "./place.ts";

/** Functions whose return can't be hooked although their entry can be probed: `kretprobe_blacklist`. */
const KRETPROBE_BLACKLIST: Readonly<Record<Arch, readonly string[]>> = {
  x86_64: ["__switch_to"],
  i386: ["__switch_to"],
  arm64: [],
};

/** A return is hooked at a function's entry, before the stack pointer moves; old releases took any offset. */
export function checkEntry(host: ProbeHost, place: Place): Refusal | null {
  if (place.offset === 0 || !host.release.returnsFromEntryOnly) return null;
  return {
    errno: EINVAL,
    reason: `${describe(place)} is not a function's entry, where a return can be hooked`,
  };
}

/** What comes after the check for an object that is registered already. */
export function checkReturn(host: ProbeHost, rp: Kretprobe, place: Place): Refusal | null {
  const { release, arch } = host;
  if (KRETPROBE_BLACKLIST[arch.arch].includes(place.symbol.name)) {
    return { errno: EINVAL, reason: `the return of ${place.symbol.name} must not be hooked` };
  }
  // A size_t: what is negative here is very large there.
  if (rp.dataSize > release.maxDataSize || rp.dataSize < 0) {
    return { errno: E2BIG, reason: `dataSize ${rp.dataSize} is more than ${release.maxDataSize} bytes` };
  }
  return null;
}
