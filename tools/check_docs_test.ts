import { assertEquals } from "@std/assert";
import { checkShell, compare, consoleExamples } from "./check_docs.ts";

const DOCUMENT = [
  "# Title",
  "```console",
  "$ deno task demo",
  "@opens: 4",
  "...",
  "",
  "$ echo $?",
  "0",
  "```",
  "```sh",
  "deno task demmo",
  "deno task kscope run examples/none.ts",
  "```",
  "```ts",
  "$ not a command",
  "```",
].join("\n");

Deno.test("console blocks give commands with what they print", () => {
  assertEquals(consoleExamples(DOCUMENT), [
    { line: 3, command: "deno task demo", expected: ["@opens: 4", "...", ""] },
    { line: 7, command: "echo $?", expected: ["0"] },
  ]);
});

Deno.test("a command continues over a backslash", () => {
  const text = "```console\n$ deno task \\\n    demo\nout\n```";
  assertEquals(consoleExamples(text), [{ line: 2, command: "deno task demo", expected: ["out"] }]);
});

Deno.test("output is compared line by line, dots stand for any lines", () => {
  assertEquals(compare(["a", "b", ""], ["a", "b"]), undefined);
  assertEquals(compare(["a", "x", "y", "b"], ["a", "...", "b"]), undefined);
  assertEquals(compare(["a", "x"], ["a", "..."]), undefined);
  assertEquals(compare(["a", "c"], ["a", "b"]), 'expected "b", printed "c"');
  assertEquals(compare(["a"], ["a", "b"]), 'expected "b", printed "(end of output)"');
  assertEquals(compare(["a", "b"], ["a"]), 'printed more than expected: "b"');
  assertEquals(compare(["a", "x"], ["a", "...", "b"]), 'expected "b", printed "(end of output)"');
});

Deno.test("tasks and files that documents name must exist", () => {
  assertEquals(checkShell(DOCUMENT, ["demo", "kscope"], () => false), [
    { line: 11, message: 'there is no task "demmo" in deno.json' },
    { line: 12, message: 'there is no file "examples/none.ts"' },
  ]);
});
