import { assertEquals } from "@std/assert";
import { formatPrintf } from "./printf.ts";
import type { PlainValue } from "./value.ts";

const CASES: readonly (readonly [format: string, values: readonly PlainValue[], text: string])[] = [
  ["hello\n", [], "hello\n"],
  ["100%%", [], "100%"],
  ["%d %i", [1, -2], "1 -2"],
  ["%5d|%-5d|%05d|%+d|% d", [42, 42, 42, 42, 42], "   42|42   |00042|+42| 42"],
  ["%05d|%-05d|%.3d|%6.3d", [-42, 7, 7, 7], "-0042|7    |007|   007"],
  // 32 bits without a length, as in bpftrace.
  ["%d %u %x", [2 ** 32 + 1, -1, -1], "1 4294967295 ffffffff"],
  ["%d", [0xffffffff], "-1"],
  ["%ld %lu %lx", [2 ** 40, -1, -1], "1099511627776 18446744073709551615 ffffffffffffffff"],
  ["%lld %zd %jd %td", [2 ** 40, 1, 2, 3], "1099511627776 1 2 3"],
  ["%hd %hhu %hhd", [65537, 257, 255], "1 1 -1"],
  ["%lu", [18446744073709551615n], "18446744073709551615"],
  ["%o %#o %x %X %#x %#X %#x", [8, 8, 255, 255, 255, 255, 0], "10 010 ff FF 0xff 0XFF 0"],
  ["%#08x", [255], "0x0000ff"],
  ["%c%c", [65, "xyz"], "Ax"],
  ["%p %p", [{ kind: "pointer", address: -4096 }, 16], "0xfffffffffffff000 0x10"],
  ["%s|%6s|%-6s|%.2s", ["abc", "abc", "abc", "abc"], "abc|   abc|abc   |abc"],
  ["%s %s %s", [5, true, { kind: "tuple", items: [1, "a"] }], "5 true (1, a)"],
  ["%s", [null], "null"],
  ["%d %d", [true, 2.9], "1 2"],
  ["%r %rx %rh", ["a\n", "a\n", "a\n"], "a\\x0a \\x61\\x0a 61 0a"],
  ["%r", [{ kind: "array", items: [65, 0, 255] }], "A\\x00\\xff"],
  ["%gr %gr %gr", [0xcc0, 0xdc0, 0], "GFP_KERNEL GFP_KERNEL|__GFP_ZERO none"],
];

Deno.test("each verb", () => {
  for (const [format, values, text] of CASES) assertEquals(formatPrintf(format, values), text, format);
});

Deno.test("a missing value prints as null, or as 0 where a number is wanted", () => {
  assertEquals(formatPrintf("%s %d", []), "null 0");
});
