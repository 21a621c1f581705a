import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import {
  addressFromBigInt,
  addressHex,
  addressText,
  addressToBigInt,
  isKernelAddress,
  pageAlign,
  pageOffset,
  pageStart,
  parseAddress,
} from "./address.ts";
import type { Arch } from "./model.ts";

const ARCHES: readonly Arch[] = ["x86_64", "arm64", "i386"];

function anyAddress(arch: Arch): fc.Arbitrary<number> {
  return arch === "i386" ? fc.nat({ max: 0xffff_ffff }) : fc.integer({ min: -(2 ** 48), max: 2 ** 48 - 1 });
}

Deno.test("address text is what kallsyms prints", () => {
  assertEquals(addressText("x86_64", -0x7ec9_c060), "ffffffff81363fa0");
  assertEquals(addressText("x86_64", -1), "ffffffffffffffff");
  assertEquals(addressText("x86_64", 0x1000), "0000000000001000");
  assertEquals(addressText("arm64", -0x7fff_f7ff_0000), "ffff800008010000");
  assertEquals(addressText("i386", 0xc1000000), "c1000000");
  assertEquals(addressHex("x86_64", 0), "0x0");
  assertEquals(addressHex("x86_64", 0x7ffd_1234), "0x7ffd1234");
});

Deno.test("every address survives text and bigint", () => {
  for (const arch of ARCHES) {
    fc.assert(fc.property(anyAddress(arch), (address) => {
      assertEquals(parseAddress(arch, addressText(arch, address)), address);
      assertEquals(parseAddress(arch, addressHex(arch, address)), address);
      assertEquals(addressFromBigInt(arch, addressToBigInt(arch, address)), address);
      assertEquals(BigInt(addressHex(arch, address)), addressToBigInt(arch, address));
    }));
  }
});

Deno.test("what is no address is refused", () => {
  assertEquals(parseAddress("x86_64", "vfs_open"), undefined);
  assertEquals(parseAddress("x86_64", ""), undefined);
  assertEquals(parseAddress("i386", "100000000"), undefined);
  assertEquals(parseAddress("x86_64", "8000000000000001"), undefined);
  assertEquals(parseAddress("x86_64", "0xFFFFFFFF81000000"), -0x7f00_0000);
  assertThrows(() => addressFromBigInt("x86_64", 0x8000_0000_0000_0001n), RangeError, "0x8000000000000001");
  assertEquals(addressFromBigInt("i386", 0xffff_ffff_c100_0000n), 0xc100_0000);
});

Deno.test("pages of negative addresses go downwards too", () => {
  assertEquals(pageStart(-1), -4096);
  assertEquals(pageOffset(-1), 4095);
  assertEquals(pageAlign(-4095), 0);
  assertEquals(pageAlign(-8192), -8192);
  fc.assert(fc.property(anyAddress("x86_64"), (address) => {
    assertEquals(pageStart(address) + pageOffset(address), address);
  }));
});

Deno.test("the kernel's half", () => {
  assertEquals(isKernelAddress("x86_64", -1), true);
  assertEquals(isKernelAddress("arm64", 0x2000), false);
  assertEquals(isKernelAddress("i386", 0xc0000000), true);
  assertEquals(isKernelAddress("i386", 0xbfffffff), false);
});
