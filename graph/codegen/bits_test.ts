import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { PlainHit } from "../plain_hit.ts";
import { cutBits, readBits } from "./bits.ts";

const AT = 0x1000;

Deno.test("bit-fields read back as they were written, whatever lies around them", () => {
  fc.assert(fc.property(
    fc.bigInt({ min: 0n, max: 2n ** 72n - 1n }),
    fc.nat(7),
    fc.integer({ min: 1, max: 64 }),
    fc.boolean(),
    (word, shift, bits, signed) => {
      const hit = new PlainHit();
      hit.poke(AT, 9, word);
      const cut = word >> BigInt(shift);
      const exact = signed ? BigInt.asIntN(bits, cut) : BigInt.asUintN(bits, cut);
      const read = () => readBits(hit, AT, shift, bits, signed);
      if (Number.isSafeInteger(Number(exact))) assertEquals(read(), Number(exact));
      else assertThrows(read, RangeError, String(exact));
      assertEquals(hit.faults, 0);
    },
  ));
});

Deno.test("a bit-field at the end of a page does not read beyond it", () => {
  const hit = new PlainHit();
  hit.poke(AT, 1, 0b1010_0000);
  assertEquals(readBits(hit, AT, 5, 3, false), 5);
  assertEquals(hit.faults, 0);
});

Deno.test("bits of a word, also of a negative one", () => {
  assertEquals(cutBits(-1, 0, 32, false), 0xffffffff);
  assertEquals(cutBits(-1, 32, 16, true), -1);
  assertEquals(cutBits(0x1234, 8, 8, false), 0x12);
  assertEquals(cutBits(-(2 ** 47) - 1, 0, 64, true), -(2 ** 47) - 1);
  assertThrows(() => cutBits(-1, 0, 64, false), RangeError);
});
