/**
 * Addresses as JavaScript numbers: signed on 64-bit kernels (exact for every canonical address), unsigned on i386.
 *
 * @module
 */
import type { Addr, Arch } from "./model.ts";

/** Bytes in a page, on every kernel that kscope knows. */
export const PAGE_SIZE = 4096;

/** Hex digits of an address as the kernel prints it: 16, or 8 on i386. */
export function addressDigits(arch: Arch): 8 | 16 {
  return arch === "i386" ? 8 : 16;
}

/**
 * Prints an address with all its digits and without `0x`, as `%px` and kallsyms do.
 *
 * ```ts
 * import { addressText } from "./address.ts";
 * import { assertEquals } from "@std/assert";
 * assertEquals(addressText("x86_64", -0x7ec9c060), "ffffffff81363fa0");
 * assertEquals(addressText("i386", 0xc12df490), "c12df490");
 * ```
 */
export function addressText(arch: Arch, address: Addr): string {
  if (arch === "i386") return (address >>> 0).toString(16).padStart(8, "0");
  const high = Math.floor(address / 0x1_0000_0000);
  const low = address - high * 0x1_0000_0000;
  return (high >>> 0).toString(16).padStart(8, "0") + low.toString(16).padStart(8, "0");
}

/** Prints an address as C's `%#lx` does: `0x` and no leading zeros. */
export function addressHex(arch: Arch, address: Addr): string {
  return `0x${addressText(arch, address).replace(/^0+(?=.)/, "")}`;
}

/**
 * Reads hex text, with or without `0x`. Gives undefined for text that is no hex number, has too many digits, or is
 * a 64-bit value that no canonical address has (a double would not hold it exactly).
 */
export function parseAddress(arch: Arch, text: string): Addr | undefined {
  const digits = /^(?:0[xX])?([0-9a-fA-F]+)$/.exec(text)?.[1]?.replace(/^0+(?=.)/, "");
  if (digits === undefined || digits.length > addressDigits(arch)) return undefined;
  if (arch === "i386") return parseInt(digits, 16);
  const padded = digits.padStart(16, "0");
  const value = (parseInt(padded.slice(0, 8), 16) | 0) * 0x1_0000_0000 + parseInt(padded.slice(8), 16);
  return Number.isSafeInteger(value) ? value : undefined;
}

/** The address as the unsigned number that registers hold. */
export function addressToBigInt(arch: Arch, address: Addr): bigint {
  return BigInt.asUintN(arch === "i386" ? 32 : 64, BigInt(address));
}

/**
 * The address that a register value names.
 *
 * Throws a RangeError where the value is no exact double, so no canonical address either.
 */
export function addressFromBigInt(arch: Arch, value: bigint): Addr {
  const address = Number(arch === "i386" ? BigInt.asUintN(32, value) : BigInt.asIntN(64, value));
  if (!Number.isSafeInteger(address)) {
    throw new RangeError(
      `Cannot take 0x${
        BigInt.asUintN(64, value).toString(16)
      } as an address: it is not canonical; keep it as a bigint`,
    );
  }
  return address;
}

/** Start of the page that holds an address. */
export function pageStart(address: Addr): Addr {
  return Math.floor(address / PAGE_SIZE) * PAGE_SIZE;
}

/** Offset of an address within its page. */
export function pageOffset(address: Addr): number {
  return address - pageStart(address);
}

/** First page boundary at or after an address. */
export function pageAlign(address: Addr): Addr {
  return Math.ceil(address / PAGE_SIZE) * PAGE_SIZE;
}

/** Whether an address lies in the kernel's half: negative on 64 bit, from 0xc0000000 (PAGE_OFFSET) on i386. */
export function isKernelAddress(arch: Arch, address: Addr): boolean {
  return arch === "i386" ? address >= 0xc000_0000 : address < 0;
}
