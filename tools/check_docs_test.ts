import { assertEquals } from "@std/assert";
import { checkLinks, checkShell, compare, consoleExamples, judge } from "./check_docs.ts";

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

Deno.test("bash and shell blocks are read as sh blocks are", () => {
  for (const language of ["sh", "bash", "shell", "console"]) {
    const text = `\`\`\`${language}\ndeno task demmo\n\`\`\``;
    assertEquals(checkShell(text, ["demo"], () => true).length, 1, language);
  }
  assertEquals(checkShell("```text\ndeno task demmo\n```", ["demo"], () => true), []);
});

Deno.test("a command that fails is wrong even where it prints what it should, unless its status is shown", () => {
  const [fails, status] = consoleExamples("```console\n$ false\nout\n$ echo $?\n1\n```");
  assertEquals(judge(fails!, ["out"], 0, undefined), undefined);
  assertEquals(judge(fails!, ["out"], 1, undefined), "exited with 1: out");
  assertEquals(judge(fails!, ["out"], 1, status), undefined);
  assertEquals(judge(status!, ["0"], 0, undefined), 'expected "1", printed "0"');
});

Deno.test("links of a document lead somewhere", () => {
  const text = "[a](a.md#top) [b](../b.ts)\n[c](https://deno.com/c) [d](#here) [e](gone.md)";
  const there = new Set(["docs/a.md", "docs/../b.ts"]);
  assertEquals(checkLinks(text, "docs/x.md", (path) => there.has(path)), [
    { line: 2, message: 'there is no "gone.md", which a link leads to' },
  ]);
});
