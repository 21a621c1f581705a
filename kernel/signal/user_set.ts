/**
 * Signal sets in user memory.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import type { Kernel } from "../kernel.ts";
import { MemoryFault } from "../memory/fault.ts";
import type { Sigset } from "./numbers.ts";

/** A `sigset_t` of `size` bytes out of user memory; null at a bad address. */
export function loadUserSet(k: Kernel, at: Addr, size: 4 | 8 = 8): Sigset | null {
  if (!k.memory.isUser(at)) return null;
  try {
    return k.memory.readBig(at, size, false);
  } catch (error) {
    if (error instanceof MemoryFault) return null;
    throw error;
  }
}

/** Stores a set in user memory; false at a bad address. */
export function storeUserSet(k: Kernel, at: Addr, set: Sigset, size: 4 | 8 = 8): boolean {
  if (!k.memory.isUser(at)) return false;
  try {
    k.memory.writeBig(at, size, BigInt.asUintN(8 * size, set));
    return true;
  } catch (error) {
    if (error instanceof MemoryFault) return false;
    throw error;
  }
}
