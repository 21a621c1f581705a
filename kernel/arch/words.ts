/**
 * 64-bit words as two 32-bit halves, and numbers made of them without a detour through `bigint`.
 *
 * @module
 */

/** Low 32 bits of an integer. */
export function lowWord(value: number): number {
  return value | 0;
}

/** High 32 bits of an integer within ±2^63. */
export function highWord(value: number): number {
  // A power of two: the product is exact, and cheaper than a division.
  return Math.floor(value * (1 / 0x100000000)) | 0;
}

/** The signed number that two halves make. Throws a `RangeError` naming `exact` where it would be rounded. */
export function wordToNumber(low: number, high: number, exact: string): number {
  if (high >= -0x200000 && high < 0x200000) return high * 0x100000000 + (low >>> 0);
  throw new RangeError(
    `Cannot read 0x${
      wordToHex(low, high)
    } as a number: it is outside ±2^53 and would be rounded; use ${exact}`,
  );
}

/** The signed word that two halves make. */
export function wordToBig(low: number, high: number): bigint {
  return (BigInt(high) << 32n) | BigInt(low >>> 0);
}

function wordToHex(low: number, high: number): string {
  return (high >>> 0).toString(16) + (low >>> 0).toString(16).padStart(8, "0");
}
