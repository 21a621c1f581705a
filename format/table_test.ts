import { assertEquals } from "@std/assert";
import { table } from "./table.ts";

Deno.test("columns are as wide as what a terminal shows", () => {
  const text = table([{ title: "NAME" }, { title: "N", align: "right" }], [
    ["漢字", "1"],
    ["\x1b[31mred\x1b[0m", "10"],
    ["é", ""],
  ]);
  assertEquals(text, "NAME   N\n漢字   1\n\x1b[31mred\x1b[0m   10\né\n");
});

Deno.test("long cells are cut, and headings may be absent", () => {
  assertEquals(
    table([{ title: "", max: 4 }, { title: "" }], [["abcdef", "x"], ["漢字漢", "y"]]),
    "abc…  x\n漢…   y\n",
  );
  assertEquals(table([{ title: "" }], []), "");
});
