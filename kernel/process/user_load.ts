/**
 * Numbers out of user memory, where anything may stand.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import type { Kernel } from "../kernel.ts";
import { MemoryFault } from "../memory/fault.ts";

/** Reads an integer of user space: NaN at a bad address; what no number holds exactly becomes the nearest that does. */
export function loadUser(k: Kernel, address: Addr, size: number, signed: boolean): number {
  if (!k.memory.isUser(address)) return Number.NaN;
  try {
    if (size < 8) return k.memory.load(address, size, signed);
    const exact = k.memory.readBig(address, size, signed);
    const limit = BigInt(Number.MAX_SAFE_INTEGER);
    return Number(exact > limit ? limit : exact < -limit ? -limit : exact);
  } catch (error) {
    if (error instanceof MemoryFault) return Number.NaN;
    throw error;
  }
}
