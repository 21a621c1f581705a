/**
 * Whether a breakpoint could become a jump: `arch_prepare_optimized_kprobe` and `can_optimize` of x86, as far as an
 * image tells. Instruction boundaries and calls are known; which condition code or lock prefix an instruction has is
 * not, so an instruction that is no call or jump counts as one that can be copied.
 *
 * @module
 */

import type { ProbeHost } from "./host.ts";
import { ftraceSite, functionAt, type Place } from "./place.ts";
import { CALL_SIZE } from "../memory/text_bytes.ts";

/** Whether a kernel makes jumps at all: x86 does. */
export function canOptimize(host: ProbeHost): boolean {
  return host.release.optimizes && host.arch.instructionAlign === 1;
}

/**
 * Bytes of the whole instructions that a jump at `place` would displace: 5 to 19. 0: it can't be one, and the
 * kernel doesn't say so.
 */
export function displacedBytes(host: ProbeHost, place: Place): number {
  if (!canOptimize(host)) return 0;
  const info = functionAt(host, place);
  if (info === undefined || inEntryText(host, place)) return 0;
  if (info.size - place.offset < CALL_SIZE) return 0;
  const boundaries = info.boundaries();
  if (boundaries.length < 2) return 0;
  const end = boundaries.find((at) => at >= place.offset + CALL_SIZE) ?? info.size;
  const site = ftraceSite(host, place.symbol);
  if (site !== null && site >= place.address && site < place.address + (end - place.offset)) return 0;
  for (const call of info.callSites()) {
    // A displaced call would return into the copy; a jump can't be copied either.
    if (call.offset < end && call.returnOffset > place.offset && !isEntryHook(call.target)) return 0;
    // Where an indirect jump may land is not known: into the displaced bytes, for all that the kernel can tell.
    if (call.kind === "jump" && /^__(x86_)?indirect_thunk/.test(call.target)) return 0;
  }
  return end - place.offset;
}

function isEntryHook(target: string): boolean {
  return target === "__fentry__" || target === "_mcount";
}

function inEntryText(host: ProbeHost, place: Place): boolean {
  const start = host.image.symbol("__entry_text_start")?.address ?? Infinity;
  const end = host.image.symbol("__entry_text_end")?.address ?? -Infinity;
  return place.address >= start && place.address < end;
}
