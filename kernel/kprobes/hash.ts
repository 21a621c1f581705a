/**
 * The kernel's hash functions: `hash_ptr`, as the kprobe table uses it, and `hash_long` of `linux/hash.h`.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";

/** Bits of a bucket number. */
const KPROBE_HASH_BITS = 6;
/** Buckets of the table. */
export const KPROBE_TABLE_SIZE = 1 << KPROBE_HASH_BITS;

const GOLDEN_RATIO_64 = 0x61c8864680b583ebn;
const GOLDEN_RATIO_32 = 0x61c88647;

/** The bucket of an address, 0 to 63. */
export function hashPtr(address: Addr, wordSize: 4 | 8): number {
  return hashLong(address, KPROBE_HASH_BITS, wordSize);
}

/** `hash_long`: so many upper bits of a product. */
export function hashLong(value: number, bits: number, wordSize: 4 | 8): number {
  if (bits === 0) return 0;
  if (wordSize === 4) return Math.imul(value | 0, GOLDEN_RATIO_32) >>> (32 - bits);
  const product = BigInt.asUintN(64, BigInt(value)) * GOLDEN_RATIO_64;
  return Number(BigInt.asUintN(64, product) >> BigInt(64 - bits));
}
