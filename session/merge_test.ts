import { assertEquals } from "@std/assert";
import { merge, type Mergeable } from "./merge.ts";

Deno.test("rows of tables follow one another, whatever a table is called", () => {
  const result = (rows: Readonly<Record<string, readonly number[]>>): Mergeable => ({
    maps: {},
    rows,
    lines: [],
    snapshot: () => [],
    mapsText: () => "",
  });
  const both = merge(
    result({ constructor: [1], opens: [2] }),
    result({ constructor: [3], toString: [4] }),
  );
  assertEquals(Object.entries(both.rows as object), [["constructor", [1, 3]], ["opens", [2]], ["toString", [
    4,
  ]]]);
});
