/**
 * What a bad pointer gets.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";

/** An access to memory that is not mapped, or not writable. */
export class MemoryFault extends Error {
  /** The address, in the numeric form of `image/model.ts`. */
  readonly address: Addr;
  readonly access: "read" | "write";

  constructor(address: Addr, access: "read" | "write", wordSize: 4 | 8) {
    super(
      `Cannot ${access} memory at 0x${addressText(address, wordSize)}: ${
        Number.isNaN(address) ? "nothing determines this address" : "nothing is mapped there"
      }`,
    );
    this.name = "MemoryFault";
    this.address = address;
    this.access = access;
  }
}

function addressText(address: Addr, wordSize: 4 | 8): string {
  if (!Number.isFinite(address)) return "?";
  return BigInt.asUintN(wordSize * 8, BigInt(Math.trunc(address))).toString(16);
}
