/**
 * Bit-fields, in memory and in words.
 *
 * @module
 */

import type { Hit } from "../hit.ts";

/**
 * Reads a bit-field: `bits` bits from bit `shift` (0 to 7) of the byte at `address`, little endian. Reads no byte
 * that the field does not touch, except to make up a load of 1, 2 or 4 bytes.
 */
export function readBits(hit: Hit, address: number, shift: number, bits: number, signed: boolean): number {
  const end = shift + bits;
  if (bits > 53) return readWideBits(hit, address, shift, bits, signed);
  if (end <= 32) {
    const raw = hit.load(address, end <= 8 ? 1 : end <= 16 ? 2 : 4, false);
    return cutBits(raw >>> shift, 0, bits, signed);
  }
  const rest = end - 32;
  const low = hit.load(address, 4, false) >>> shift;
  const high = hit.load(address + 4, rest <= 8 ? 1 : rest <= 16 ? 2 : 4, false);
  // Cut before it is moved up, so that nothing is rounded.
  return cutBits(low + (high % 2 ** rest) * 2 ** (32 - shift), 0, bits, signed);
}

/** A field that may not fit a number: byte by byte. */
function readWideBits(hit: Hit, address: number, shift: number, bits: number, signed: boolean): number {
  let raw = 0n;
  for (let i = Math.ceil((shift + bits) / 8) - 1; i >= 0; i--) {
    raw = raw << 8n | BigInt(hit.load(address + i, 1, false));
  }
  const cut = raw >> BigInt(shift);
  return exactly(signed ? BigInt.asIntN(bits, cut) : BigInt.asUintN(bits, cut), bits);
}

function exactly(value: bigint, bits: number): number {
  const near = Number(value);
  if (Number.isSafeInteger(near)) return near;
  throw new RangeError(`Cannot read a bit-field of ${bits} bits as a number: ${value} is outside ±2^53`);
}

/** Bits `shift` to `shift + bits` of a non-negative or signed number. */
export function cutBits(value: number, shift: number, bits: number, signed: boolean): number {
  const range = 2 ** bits;
  const shifted = Math.floor(value / 2 ** shift);
  if (signed && shifted >= -range / 2 && shifted < range / 2) return shifted;
  const cut = shifted - Math.floor(shifted / range) * range;
  const result = signed && cut >= range / 2 ? cut - range : cut;
  if (Number.isSafeInteger(result)) return result;
  throw new RangeError(`Cannot read a bit-field of ${bits} bits as a number: ${result} is outside ±2^53`);
}
