import { assertEquals } from "@std/assert";
import { printf } from "./printf.ts";

Deno.test("printf fills its format, again while words are left", () => {
  // Each line is what dash prints.
  const cases: readonly (readonly [format: string, words: readonly string[], text: string])[] = [
    ["p:a %s\\n", ["x", "y"], "p:a x\np:a y\n"],
    ["%s-%s,", ["a", "b", "c"], "a-b,c-,"],
    ["plain\\n", ["left", "out"], "plain\n"],
    ["%d|%5s|%-4x|%b|%c\\n", ["5", "a", "255", "x\\ty", "hello"], "5|    a|ff  |x\ty|h\n"],
    ["%.2s|%05d|%+d|%#x|%#o|%X", ["abc", "7", "3", "255", "8", "171"], "ab|00007|+3|0xff|010|AB"],
    ["%d %d %d %u", ["-1", "0x10", "010", "-1"], "-1 16 8 18446744073709551615"],
    ["%*d|%-*d|%.3d|%06x|%+05d", ["4", "1", "4", "2", "7", "255", "42"], "   1|2   |007|0000ff|+0042"],
    ["%d", ["'A"], "65"],
    ["100%% \\101\\\\\\q", [], "100% A\\\\q"],
    ["%s", ["a\\nb"], "a\\nb"],
    ["%d|%s|", [], "0||"],
  ];
  for (const [format, words, text] of cases) {
    assertEquals(printf(format, words), { text, error: null }, format);
  }
});

Deno.test("printf tells of what is no number or no format", () => {
  assertEquals(printf("%d,", ["abc", "089", "2"]), { text: "0,0,2,", error: "invalid number '089'" });
  assertEquals(printf("a%qb", ["c"]), { text: "a", error: "%q: invalid format" });
  assertEquals(printf("50%", []), { text: "50", error: "%: invalid format" });
});
