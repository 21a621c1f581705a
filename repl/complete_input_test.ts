import { assertEquals } from "@std/assert";
import { isUnfinished } from "./complete_input.ts";

const FINISHED = [
  "",
  "1 + 1",
  'kprobe("vfs_open").by((c) => c.comm).count()',
  "const a: number = 1; // (",
  "`${a} b`",
  "`a ${`b ${c}`} d`",
  "/[(/]/.test(x)",
  "a / b / (c)",
  "i++",
  "if (a) { b }",
  'x = "("',
  "f(/* ( */)",
  // Wrong, but more lines won't mend it.
  '"abc',
  "a)",
  "(]",
];

const UNFINISHED = [
  "function f(x: number) {",
  "kprobe('x').by((c) =>",
  "const a = {",
  "`abc",
  "`abc ${",
  "`abc ${a",
  "foo(1,",
  "/* x",
  "let x = 1 +",
  "const x =",
  "await",
  "a.",
  "class A {\n  #x = 1",
  "foo(`a ${b}`,",
];

Deno.test("a finished line runs", () => {
  for (const source of FINISHED) assertEquals([source, isUnfinished(source)], [source, false]);
});

Deno.test("an unfinished line waits for more", () => {
  for (const source of UNFINISHED) assertEquals([source, isUnfinished(source)], [source, true]);
});
