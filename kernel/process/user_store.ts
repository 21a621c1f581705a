/**
 * Storing results in user memory, where a pointer may be anything.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import type { Kernel } from "../kernel.ts";
import { MemoryFault } from "../memory/fault.ts";

const PROT_WRITE = 2;

/** Copies bytes to user memory; false at a bad address. */
export function storeUserBytes(k: Kernel, address: Addr, bytes: Uint8Array): boolean {
  if (bytes.length === 0) return true;
  try {
    if (!k.memory.isUser(address) || !k.memory.isUser(address + bytes.length - 1)) return false;
    k.memory.writeBytes(address, bytes);
    return true;
  } catch (error) {
    if (error instanceof MemoryFault) return false;
    throw error;
  }
}

/** Whether all of a range may be written: mapped, and not read-only. */
export function mayStore(k: Kernel, address: Addr, size: number): boolean {
  const last = address + Math.max(size, 1) - 1;
  if (!k.memory.isUser(address) || !k.memory.isUser(last)) return false;
  for (let at = address; at <= last;) {
    const area = k.memory.user?.areaAt(at);
    if (area === undefined || (area.prot & PROT_WRITE) === 0) return false;
    at = area.end;
  }
  return true;
}

/** Stores an integer of 1, 2, 4 or 8 bytes; false at a bad address. */
export function storeUser(k: Kernel, address: Addr, size: number, value: number): boolean {
  try {
    if (!k.memory.isUser(address)) return false;
    k.memory.store(address, size, value);
    return true;
  } catch (error) {
    if (error instanceof MemoryFault) return false;
    throw error;
  }
}
