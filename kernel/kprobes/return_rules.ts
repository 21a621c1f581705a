/**
 * What `register_kretprobe` refuses before it registers the entry probe.
 *
 * @module
 */

import type { Arch } from "../../image/model.ts";
import { E2BIG, EINVAL, ENOMEM } from "./errno.ts";
import type { ProbeHost } from "./host.ts";
import type { Kretprobe } from "./kretprobe.ts";
import { describe, type Place, type Refusal } from "./place.ts";

/** Functions whose return can't be hooked although their entry can be probed: `kretprobe_blacklist`. */
const KRETPROBE_BLACKLIST: Readonly<Record<Arch, readonly string[]>> = {
  x86_64: ["__switch_to"],
  i386: ["__switch_to"],
  arm64: [],
};

/** An instance without private data: 48 bytes and their header, on 64 bits; the allocator's sizes are powers of two. */
const INSTANCE_SIZE = { 4: 32, 8: 64 } as const;
/** The largest piece that `kmalloc` has. */
const LARGEST_PIECE = 4 << 20;
const PAGE = 4096;
/** Pages of the machine, where nothing has counted them yet. */
const USUAL_PAGES: Readonly<Record<Arch, number>> = { x86_64: 0x80000, arm64: 0x80000, i386: 0x30000 };

/** All instances are allocated at once: they must fit into the machine's memory. */
export function checkMemory(host: ProbeHost, rp: Kretprobe): Refusal | null {
  const { image, memory, arch } = host;
  const symbol = image.symbol("_totalram_pages");
  const counted = symbol === undefined ? 0 : memory.readWord(symbol.address);
  const pages = counted > 0 ? counted : USUAL_PAGES[arch.arch];
  const piece = 2 ** Math.ceil(Math.log2(INSTANCE_SIZE[image.pointerSize] + rp.dataSize));
  if (piece <= LARGEST_PIECE && piece * rp.maxactive <= pages * PAGE) return null;
  return {
    errno: ENOMEM,
    reason: `${rp.maxactive} instances of ${piece} bytes do not fit into the machine's ${
      pages * PAGE
    } bytes of memory`,
  };
}

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
