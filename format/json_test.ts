import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { jsonArray, jsonNumber, jsonObject, jsonString } from "./json.ts";

Deno.test("strings read back as they were", () => {
  fc.assert(fc.property(fc.string({ unit: "binary" }), (text) => {
    assertEquals(JSON.parse(jsonString(text)), text);
  }));
});

Deno.test("numbers that a double cannot hold are strings", () => {
  assertEquals(
    [1, -0, NaN, Infinity, 2n ** 53n, 2n ** 53n + 1n, -(2n ** 63n), 2n ** 64n - 1n].map(jsonNumber),
    [
      "1",
      "0",
      "null",
      "null",
      "9007199254740992",
      '"9007199254740993"',
      "-9223372036854775808",
      '"18446744073709551615"',
    ],
  );
});

Deno.test("spacing is bpftrace's", () => {
  assertEquals(jsonObject([["a", "1"], ["b", jsonArray(["1", "2"])]]), '{"a": 1, "b": [1,2]}');
});
