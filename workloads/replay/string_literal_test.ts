import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { endOfLiteral, literalBytes, printLiteral } from "./string_literal.ts";

Deno.test("escapes of every kind", () => {
  const cases: [string, readonly number[]][] = [
    ["abc", [97, 98, 99]],
    ["\\0\\1\\12\\177\\377", [0, 1, 10, 127, 255]],
    ["\\0205", [16, 53]],
    ["\\x7f\\x0g", [127, 0, 103]],
    ['\\n\\t\\r\\v\\f\\"\\\\', [10, 9, 13, 11, 12, 34, 92]],
    ["é\\1😀", [0xc3, 0xa9, 1, 0xf0, 0x9f, 0x98, 0x80]],
    ["a\\", [97, 92]],
    ["\\q", [113]],
  ];
  for (const [inner, bytes] of cases) assertEquals([...literalBytes(inner)], [...bytes], inner);
});

Deno.test("a literal ends at its quote, not at an escaped one", () => {
  assertEquals(endOfLiteral('"a\\"b" c"', 0), 5);
  assertEquals(endOfLiteral('"a\\\\" c"', 0), 4);
  assertEquals(endOfLiteral('"open', 0), -1);
});

Deno.test("any bytes survive printing and reading", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
    const printed = printLiteral(bytes);
    assertEquals(endOfLiteral(printed, 0), printed.length - 1);
    assertEquals(literalBytes(printed.slice(1, -1)), Uint8Array.from(bytes));
  }));
});
