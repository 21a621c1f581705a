import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { ByteReader, ByteWriter } from "./bytes.ts";

Deno.test("integers read back as written, in order", () => {
  const number = fc.oneof(
    fc.record({ kind: fc.constant("uint" as const), value: fc.maxSafeNat() }),
    fc.record({ kind: fc.constant("int" as const), value: fc.integer({ min: -(2 ** 51), max: 2 ** 51 }) }),
    fc.record({ kind: fc.constant("byte" as const), value: fc.nat({ max: 255 }) }),
  );
  fc.assert(fc.property(fc.array(number), (numbers) => {
    const writer = new ByteWriter();
    for (const { kind, value } of numbers) writer[kind](value);
    const reader = new ByteReader(writer.finish());
    for (const { kind, value } of numbers) assertEquals(reader[kind](), value);
    assert(reader.done);
  }));
});

Deno.test("small integers need one byte", () => {
  assertEquals(new ByteWriter().uint(127).int(-64).finish(), Uint8Array.of(127, 127));
  assertEquals(new ByteWriter().uint(300).length, 2);
});

Deno.test("reading past the end is an error", () => {
  assertThrows(() => new ByteReader(Uint8Array.of()).byte(), RangeError, "past the end");
  assertThrows(() => new ByteReader(Uint8Array.of(0x80)).uint(), RangeError, "past the end");
  assertThrows(() => new ByteReader(Uint8Array.of()).uint(), RangeError, "past the end");
  assertThrows(() => new ByteReader(Uint8Array.of(1)).take(2), RangeError, "past the end");
});

Deno.test("writing what is no unsigned integer is an error", () => {
  assertThrows(() => new ByteWriter().uint(-1), RangeError, "-1");
  assertThrows(() => new ByteWriter().uint(0.5), RangeError, "0.5");
});
