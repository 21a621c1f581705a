import { assert, assertEquals } from "@std/assert";
import { helpTexts } from "./golden.ts";

const folder = new URL("./golden/", import.meta.url);

for (const [name, text] of helpTexts()) {
  Deno.test(`help text ${name} is the golden one`, async () => {
    assertEquals(text, await Deno.readTextFile(new URL(`${name}.txt`, folder)));
  });

  Deno.test(`help text ${name} fits a screen`, () => {
    const lines = text.split("\n");
    assert(lines.length <= 30, `${lines.length} lines`);
    for (const line of lines) assert(line.length <= 80, line);
  });
}

Deno.test("every golden help text belongs to a command", async () => {
  const files: string[] = [];
  for await (const entry of Deno.readDir(folder)) files.push(entry.name.replace(/\.txt$/, ""));
  assertEquals(files.sort(), [...helpTexts().keys()].sort());
});
