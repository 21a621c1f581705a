/**
 * Copies between file contents and the user ranges of a transfer, page by page.
 *
 * @module
 */

import type { Transfer } from "../fs/read_write.ts";
import type { Kernel } from "../kernel.ts";
import { MemoryFault } from "../memory/fault.ts";

/** Copies bytes to the user ranges, `offset` bytes behind their start; false at a bad address (`copy_folio_to_iter`). */
export function scatterAt(k: Kernel, transfer: Transfer, offset: number, bytes: Uint8Array): boolean {
  return each(transfer, offset, bytes.length, (address, from, to) => {
    k.memory.writeBytes(address, bytes.subarray(from, to));
  });
}

/** `count` bytes of the user ranges, `offset` bytes behind their start; null at a bad address. */
export function gatherAt(k: Kernel, transfer: Transfer, offset: number, count: number): Uint8Array | null {
  const bytes = new Uint8Array(count);
  const whole = each(transfer, offset, count, (address, from, to) => {
    k.memory.copyBytes(address, bytes.subarray(from, to));
  });
  return whole ? bytes : null;
}

function each(
  { ranges }: Transfer,
  offset: number,
  count: number,
  copy: (address: number, from: number, to: number) => void,
): boolean {
  let start = 0;
  try {
    for (const { base, length } of ranges) {
      const from = Math.max(0, offset - start);
      const to = Math.min(length, offset + count - start);
      if (from < to) copy(base + from, start + from - offset, start + to - offset);
      start += length;
    }
    return true;
  } catch (error) {
    if (error instanceof MemoryFault) return false;
    throw error;
  }
}
