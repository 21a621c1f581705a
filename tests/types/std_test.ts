import { assertEquals, assertThrows } from "@std/assert";
import { parseArgs } from "@std/cli/parse-args";
import { red, stripAnsiCode } from "@std/fmt/colors";

Deno.test("the declarations of @std match what the modules export", async () => {
  const text = await Deno.readTextFile(new URL("../../types/std.d.ts", import.meta.url));
  const modules = {
    "@std/assert": await import("@std/assert"),
    "@std/fmt/colors": await import("@std/fmt/colors"),
  };
  for (const [specifier, module] of Object.entries(modules)) {
    const block = text.slice(text.indexOf(`declare module "${specifier}"`)).split("\n}\n")[0] ?? "";
    const names = [...block.matchAll(/export (?:function|class) (\w+)/g)].map((match) => match[1] ?? "");
    const missing = [...new Set(names)].filter((name) => !(name in module));
    assertEquals(missing, [], specifier);
  }
  assertEquals(stripAnsiCode(red("x")), "x");
  assertEquals(parseArgs(["--a", "1", "b"], { string: ["a"] }), { _: ["b"], a: "1" });
  assertThrows(() => assertEquals(1, 2));
});
